"""
Who a request's user is: a header, a cookie, or the address that a proxy forwarded, put on the entry span by instrumentation hooks.

Values of headers and cookies never leave the process: only a hash of 64 bits does.
"""

from __future__ import annotations

import hashlib
import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bongsu.agent.settings import AgentSettings

PSEUDO_ID = "enduser.pseudo.id"
FORWARDED_FOR = "http.request.header.x-forwarded-for"
"""Where OpenTelemetry keeps that header. `client.address` would be right too, but some instrumentations set it after their hook."""
_LONGEST_COOKIES = 8_192
"""Bytes of a Cookie header that are looked at; browsers send at most about as many."""


class UserFinder:
    """
    Finds the user of a request and tells the span. Safe from any thread.

    Parameters
    ----------
    settings
        See `AgentSettings`.
    """

    def __init__(self, settings: AgentSettings) -> None:
        self._settings = settings
        self._key = settings.salt.encode()[:64]

    def mark(self, span: Any, header: Callable[[str], str | None]) -> None:
        """Put the user of a request on its span; `header` returns the value of a header by its name in lower case."""
        if span is None or not span.is_recording():
            return
        value = self._named(header)
        if value:
            span.set_attribute(PSEUDO_ID, self._hash(value))
        elif self._settings.forwarded and (address := first_address(header(self._settings.forwarded))):
            span.set_attribute(FORWARDED_FOR, (address,))

    def from_wsgi(self, span: Any, environ: Mapping[str, Any]) -> None:
        """Mark the span of a WSGI request."""
        self.mark(span, lambda name: environ.get(f"HTTP_{name.upper().replace('-', '_')}"))

    def from_asgi(self, span: Any, scope: Mapping[str, Any]) -> None:
        """Mark the span of an ASGI request."""
        headers = scope.get("headers") or ()

        def header(name: str) -> str | None:
            wanted = name.encode()
            return next((value.decode("latin-1") for key, value in headers if key.lower() == wanted), None)

        self.mark(span, header)

    def from_django(self, span: Any, request: Any) -> None:
        """Mark the span of a Django request."""
        self.from_wsgi(span, request.META)

    def _named(self, header: Callable[[str], str | None]) -> str:
        for name in self._settings.user_headers:
            if value := (header(name) or "").strip():
                return value
        if self._settings.user_cookies and (sent := header("cookie")):
            return self._cookie(sent[:_LONGEST_COOKIES])
        return ""

    def _cookie(self, sent: str) -> str:
        try:
            cookies = SimpleCookie(sent)
        except CookieError:
            return ""
        return next((cookies[name].value for name in self._settings.user_cookies if name in cookies), "")

    def _hash(self, value: str) -> str:
        return hashlib.blake2b(value.encode(errors="replace"), digest_size=8, key=self._key).hexdigest()


def first_address(forwarded: str | None) -> str:
    """Return the first address of a forwarding header, without its port; empty when it is no address."""
    text = (forwarded or "").partition(",")[0].strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
