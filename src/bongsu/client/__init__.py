"""
Python client of a Bongsu server: `Client` for the data of a project, `AdminClient` for the operator.

Names are imported when they are first used: the `bongsu` command needs only some of them, and answers at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient
    from bongsu.client.client import Client
    from bongsu.client.results import Result, Series
    from bongsu.client.transport import CallFailed

__all__ = ["AdminClient", "CallFailed", "Client", "Result", "Series"]

_PLACES = {
    "AdminClient": "admin",
    "CallFailed": "transport",
    "Client": "client",
    "Result": "results",
    "Series": "results",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
