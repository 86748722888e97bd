"""Parameters of a URL that the APIs of the control plane share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.control.errors import BadValue

if TYPE_CHECKING:
    from starlette.requests import Request


def flag_of(request: Request, name: str) -> bool:
    """Return a parameter that is ``true`` or ``false``; false when it is missing."""
    sent = request.query_params.get(name, "false")
    if sent not in {"true", "false"}:
        raise BadValue(f"{name!r} is {sent[:40]!r}; send true or false, or leave it out")
    return sent == "true"
