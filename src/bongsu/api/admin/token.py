"""The admin token: one secret that opens the whole admin API and nothing else."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from bongsu.api.access import bearer_token
from bongsu.api.errors import Unauthorized

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection


class AdminToken:
    """
    Checks the bearer token of admin calls in constant time; keeps its hash only.

    Raises
    ------
    AssertionError
        If the token is empty, which would open the API to everybody.
    """

    def __init__(self, token: str) -> None:
        if not token:
            raise AssertionError("BUG: the admin token is empty; got no text")
        self._hash = _digest(token)

    def require(self, request: HTTPConnection) -> None:
        """Raise Unauthorized unless the request carries the token."""
        presented = bearer_token(request)
        if not hmac.compare_digest(_digest(presented), self._hash):
            raise Unauthorized(
                "the admin API needs the admin token; send it as 'Authorization: Bearer ...' (BONGSU_ADMIN_TOKEN, or "
                "adminToken in the data folder's credentials.json)",
                id="admin-token-missing" if not presented else "admin-token-unknown",
            )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
