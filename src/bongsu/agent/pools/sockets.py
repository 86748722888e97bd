"""Marks on the transactions that open a socket, for connections that Python's own code opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.agent.pools.watch import wrap_when_imported

if TYPE_CHECKING:
    from bongsu.agent.transactions import Transactions

_FUNCTIONS = (("socket", "create_connection"), ("urllib3.util.connection", "create_connection"))
"""What http.client, smtplib, redis and the like connect by, and what requests does."""


def watch_sockets(transactions: Transactions) -> None:
    """Wrap the functions, now or when their modules are imported."""

    def connect(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        with transactions.waiting("socket"):
            return wrapped(*args, **kwargs)

    for module, name in _FUNCTIONS:
        wrap_when_imported(module, name, connect)
