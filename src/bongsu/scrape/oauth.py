"""
Tokens for targets behind OAuth 2.0: the option 'oauth2', client credentials (RFC 6749, section 4.4).

A token serves all targets with the same options until shortly before it expires.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote_plus, urlencode

import orjson

from bongsu.model.errors import InvalidInput
from bongsu.scrape.option_checks import (
    check_header_value,
    check_object,
    check_secret,
    check_text,
    check_texts,
    refuse,
)
from bongsu.scrape.outcomes import Failure, ScrapeFailed
from bongsu.scrape.proxy import check_url
from bongsu.scrape.tls import TlsOptions, check_tls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.runtime.clock import Clock

_EARLY_S = 10.0
"""A token is asked for anew this long before it ends: a scrape under way must not meet its end."""
_DEFAULT_LIFE_S = 300.0
"""Life of a token that does not say when it ends; one that is refused is asked for anew at once."""
_MOST_TOKENS = 10_000
"""About 10 MB; a full table is emptied."""
_REFUSED_BY_CLIENT = frozenset({400, 401})


@dataclass(frozen=True, slots=True)
class OAuth2Options:
    """Who asks for a token, where and for what."""

    client_id: str
    client_secret: str = field(repr=False)
    token_url: str
    scopes: tuple[str, ...] = ()
    endpoint_params: tuple[tuple[str, str], ...] = ()
    tls_config: TlsOptions | None = None


def check_oauth2(option: str, value: object) -> OAuth2Options:
    """Return the options of a JSON object, or raise InvalidInput."""
    known = ("client_id", "client_secret", "token_url", "scopes", "endpoint_params", "tls_config")
    given = check_object(option, value, known)
    for name in ("client_id", "token_url"):
        if not given.get(name):
            refuse(f"{option}.{name}", given.get(name), "it is needed")
    params = check_object(f"{option}.endpoint_params", given.get("endpoint_params", {}))
    return OAuth2Options(
        check_text(f"{option}.client_id", given["client_id"]),
        check_secret(f"{option}.client_secret", given.get("client_secret", ""), least=0),
        check_url(f"{option}.token_url", given["token_url"]),
        check_texts(f"{option}.scopes", given.get("scopes", [])),
        tuple((n, check_text(f"{option}.endpoint_params.{n}", v, least=0)) for n, v in params.items()),
        check_tls(f"{option}.tls_config", given["tls_config"]) if given.get("tls_config") else None,
    )


class AskForToken(Protocol):
    """Posts a form to the token's URL, from where the target's own requests would come."""

    async def __call__(
        self, options: OAuth2Options, headers: list[tuple[str, str]], form: bytes
    ) -> tuple[int, bytes]:
        """Return the status and the body, which is bounded."""
        ...


@dataclass(frozen=True, slots=True)
class _Token:
    header: str = field(repr=False)
    until: float


class Tokens:
    """The tokens of all targets. Lives on one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[OAuth2Options, _Token] = {}
        self._locks: dict[OAuth2Options, asyncio.Lock] = {}

    async def header(self, options: OAuth2Options, ask: AskForToken) -> str:
        """
        Return the value of ``Authorization``.

        Raises
        ------
        ScrapeFailed
            If there is no token.
        """
        token = self._good(options)
        if token is None:
            # One asks, the others wait for its token.
            async with self._locks.setdefault(options, asyncio.Lock()):
                token = self._good(options) or await self._ask(options, ask)
        return token.header

    def forget(self, options: OAuth2Options) -> None:
        """Ask anew next time: a target has refused the token."""
        self._known.pop(options, None)

    def _good(self, options: OAuth2Options) -> _Token | None:
        token = self._known.get(options)
        return token if token is not None and self._clock.monotonic() < token.until else None

    async def _ask(self, options: OAuth2Options, ask: AskForToken) -> _Token:
        credentials = {"client_id": options.client_id, "client_secret": options.client_secret}
        form = {"grant_type": "client_credentials", "scope": " ".join(options.scopes)} | dict(
            options.endpoint_params
        )
        form = {name: value for name, value in form.items() if value}
        user, secret = quote_plus(options.client_id), quote_plus(options.client_secret)
        basic = ("Authorization", "Basic " + b64encode(f"{user}:{secret}".encode()).decode())
        status, body = await ask(options, [basic], urlencode(form).encode())
        if status in _REFUSED_BY_CLIENT:
            # Servers may want the credentials in either place, and do not say where (section 2.3.1).
            status, body = await ask(options, [], urlencode(form | credentials).encode())
        token = self._read(options, status, body)
        if len(self._known) >= _MOST_TOKENS:
            self._known.clear()
            self._locks.clear()
        self._known[options] = token
        return token

    def _read(self, options: OAuth2Options, status: int, body: bytes) -> _Token:
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        given: Mapping[str, object] = answer if isinstance(answer, dict) else {}
        token = given.get("access_token")
        if status != 200 or not isinstance(token, str) or not token:
            why = given.get("error") or (
                "no access_token in the answer" if status == 200 else f"HTTP {status}"
            )
            raise ScrapeFailed(
                f"no token from {options.token_url}: {str(why)[:200]}; check the option 'oauth2'",
                Failure.TOKEN,
            )
        try:
            check_header_value("oauth2", token)
        except InvalidInput as error:
            raise ScrapeFailed(
                f"the token of {options.token_url} is not one line of text", Failure.TOKEN
            ) from error
        kind = given.get("token_type")
        life = given.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _DEFAULT_LIFE_S
        scheme = kind if isinstance(kind, str) and kind.isalnum() and kind.lower() != "bearer" else "Bearer"
        return _Token(f"{scheme} {token}", self._clock.monotonic() + max(0.0, seconds - _EARLY_S))
