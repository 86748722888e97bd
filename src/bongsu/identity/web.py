"""HTTP to a provider: short, bounded, never redirected; no answer's text goes into an error, since it may hold tokens."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from bongsu.identity.errors import IdentityRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 10.0
"""A person waits for this with a blank page."""
MAX_BYTES = 1 << 20
"""Documents of providers have a few thousand bytes; those of key sets with certificates some tens."""
_SHOWN = 200
_BAD_REQUEST = 400
_UNAUTHORIZED = 401


class HttpWeb:
    """
    Calls by aiohttp; each in a connection of its own, since sign-ins are rare.

    Parameters
    ----------
    user_agent
        What the provider's log says of us.
    """

    def __init__(self, user_agent: str) -> None:
        self._headers = {"User-Agent": user_agent, "Accept": "application/json"}

    async def get(self, url: str, *, token: str | None = None) -> Any:
        """Return the JSON document of an address."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        status, document = await self._call("GET", url, headers, None)
        if status != 200:
            raise ProviderUnavailable(f"the provider answered {_place(url)} with HTTP status {status}")
        return document

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None) -> Any:
        """Send a form and return the JSON document that answers it."""
        headers = {}
        if basic is not None:
            # RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
            pair = ":".join(quote(part, safe="") for part in basic)
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        status, document = await self._call("POST", url, headers, form)
        if status in {_BAD_REQUEST, _UNAUTHORIZED}:
            why = document.get("error") if isinstance(document, dict) else None
            raise IdentityRefused(
                f"the provider refused the sign-in ({str(why)[:_SHOWN]}); try again, and check openid.client_id and its secret"
            )
        if status != 200:
            raise ProviderUnavailable(f"the provider answered {_place(url)} with HTTP status {status}")
        return document

    async def _call(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, Any]:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session,
                session.request(method, url, headers=headers, data=form, allow_redirects=False) as answer,
            ):
                body = await answer.content.read(MAX_BYTES + 1)
                while len(body) <= MAX_BYTES and not answer.content.at_eof():
                    body += await answer.content.read(MAX_BYTES + 1 - len(body))
                return answer.status, _document(body, url)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise ProviderUnavailable(
                f"the provider does not answer at {_place(url)} ({type(error).__name__}); check the setting openid.issuer and the way there"
            ) from error


def _document(body: bytes, url: str) -> Any:
    if len(body) > MAX_BYTES:
        raise ProviderUnavailable(f"the provider's answer at {_place(url)} has more than {MAX_BYTES} bytes")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _place(url: str) -> str:
    """Return an address without its query, which may hold what is nobody's business."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:_SHOWN]
