"""
An OpenID Connect provider: discovery, the authorization code flow with PKCE, and its keys as they change.

Sources: OpenID Connect Core 1.0 and Discovery 1.0; RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), OpenID Connect RP-Initiated Logout 1.0 and
Back-Channel Logout 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlencode, urlsplit

from bongsu.identity.errors import IdentityRefused, ProviderUnavailable
from bongsu.identity.tokens import ALGORITHMS, UnknownSigner, check_id_token, check_logout_token, read_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from joserfc.jwk import KeySet

    from bongsu.identity.settings import ProviderSettings
    from bongsu.runtime.clock import Clock

Checked = TypeVar("Checked")

DISCOVERY_S = 3_600.0
"""How long what the provider says of itself is believed."""
KEYS_S = 3_600.0
"""How long its keys are believed; an unknown one is looked for at once."""
KEYS_AGAIN_S = 10.0
"""Least time between two looks for an unknown key, so that forged tokens make no traffic."""
_RANDOM_BYTES = 32
_DEFAULT_ALGORITHM = "RS256"
"""What every provider has (Core 1.0, 15.1); used where discovery names none."""


class Web(Protocol):
    """How the provider is called."""

    async def get(self, url: str, *, token: str | None = None) -> Any:
        """Return the JSON document of an address; raises ProviderUnavailable."""
        ...

    async def post(self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None) -> Any:
        """Send a form and return the JSON document that answers it; raises ProviderUnavailable or IdentityRefused."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """
    One sign-in that is under way.

    Attributes
    ----------
    url
        Where the browser goes.
    state, nonce, verifier
        Bind the answer to this browser, the token to this question, and the code to who asked.
    """

    url: str
    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


class Provider:
    """One provider; used from one event loop."""

    def __init__(self, settings: ProviderSettings, web: Web, clock: Clock) -> None:
        self.settings = settings
        self._web = web
        self._clock = clock
        self._document: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def ask(self, redirect_uri: str) -> Question:
        """Return a new question."""
        document = await self._discovered()
        state, nonce, verifier = (secrets.token_urlsafe(_RANDOM_BYTES) for _ in range(3))
        parameters = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        address = document["authorization_endpoint"]
        joiner = "&" if urlsplit(address).query else "?"
        return Question(f"{address}{joiner}{urlencode(parameters)}", state, nonce, verifier)

    async def answer(self, code: str, *, nonce: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """
        Exchange a code and return the checked claims about who signed in.

        Raises
        ------
        ProviderUnavailable
            If the provider does not answer as it must.
        IdentityRefused
            If it does not take the code, or its token is not good.
        """
        document = await self._discovered()
        tokens = await self._exchange(document, code, verifier, redirect_uri)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise ProviderUnavailable(
                "the provider answered without an ID token; is the scope openid granted?"
            )
        claims = await self._checked(document, token, partial(check_id_token, nonce=nonce))
        return {**await self._more(document, tokens.get("access_token"), claims), **claims}

    async def signed_out(self, token: str) -> str:
        """
        Return the subject whom a logout token of the provider signs out.

        Raises
        ------
        ProviderUnavailable, IdentityRefused
            If the provider's keys cannot be had, or the token is not good.
        """
        return await self._checked(await self._discovered(), token, check_logout_token)

    async def end_session_url(self, return_to: str) -> str | None:
        """Return where a browser signs out at the provider; None when that has no such place, or does not answer."""
        try:
            address = (await self._discovered()).get("end_session_endpoint")
        except ProviderUnavailable:
            return None
        if not isinstance(address, str) or not _is_safe(address):
            return None
        parameters = {"client_id": self.settings.client_id, "post_logout_redirect_uri": return_to}
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(parameters)}"

    async def _exchange(
        self, document: Mapping[str, Any], code: str, verifier: str, redirect_uri: str
    ) -> Mapping[str, Any]:
        settings = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        # Core 1.0, 9: basic authentication is what holds where nothing is said.
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if settings.client_secret and "client_secret_basic" in methods:
            basic = (settings.client_id, settings.client_secret)
        else:
            basic = None
            form["client_id"] = settings.client_id
            if settings.client_secret:
                form["client_secret"] = settings.client_secret
        answer = await self._web.post(document["token_endpoint"], form, basic=basic)
        if not isinstance(answer, dict):
            raise ProviderUnavailable("the provider answered a code with no JSON object")
        return answer

    async def _checked(
        self, document: Mapping[str, Any], token: str, check: Callable[..., Checked]
    ) -> Checked:
        """Check a token, and once more with the provider's newest keys when none that is known has signed it."""
        offered = document.get("id_token_signing_alg_values_supported", [_DEFAULT_ALGORITHM])
        algorithms = [name for name in ALGORITHMS if name in offered]
        for _ in range(2):
            looked, keys = await self._held_keys(document)
            try:
                return check(
                    token,
                    keys,
                    issuer=self.settings.issuer,
                    client_id=self.settings.client_id,
                    algorithms=algorithms,
                    now_s=lambda: self._clock.now_ms() // 1000,
                )
            except UnknownSigner:
                if self._clock.monotonic() - looked < KEYS_AGAIN_S:
                    raise
                self._keys = None
        raise AssertionError(
            "BUG: keys that were just fetched are older than ten seconds; got a clock that jumps"
        )

    async def _held_keys(self, document: Mapping[str, Any]) -> tuple[float, KeySet]:
        now = self._clock.monotonic()
        if self._keys is None or now - self._keys[0] >= KEYS_S:
            self._keys = now, read_keys(await self._web.get(document["jwks_uri"]))
        return self._keys

    async def _more(
        self, document: Mapping[str, Any], access_token: object, claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the provider tells only when it is asked again; the token's own claims win over it."""
        wanted = ("email", self.settings.name_claim, self.settings.roles_claim.partition(".")[0])
        address = document.get("userinfo_endpoint")
        if (
            all(name in claims for name in wanted)
            or not isinstance(address, str)
            or not isinstance(access_token, str)
        ):
            return {}
        told = await self._web.get(address, token=access_token)
        if not isinstance(told, dict):
            return {}
        # Core 1.0, 5.3.2: an answer about somebody else must not be used.
        if told.get("sub") != claims["sub"]:
            raise IdentityRefused("the provider's user info is about somebody else than its token")
        return told

    async def _discovered(self) -> Mapping[str, Any]:
        now = self._clock.monotonic()
        if self._document is not None and now - self._document[0] < DISCOVERY_S:
            return self._document[1]
        issuer = self.settings.issuer
        document = await self._web.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        _check_document(document, issuer)
        self._document = now, document
        return self._document[1]


def _check_document(document: Any, issuer: str) -> None:
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        named = document.get("issuer") if isinstance(document, dict) else None
        raise ProviderUnavailable(
            f"the provider calls itself {str(named)[:200]!r} and not {issuer!r}; correct the setting openid.issuer"
        )
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if not isinstance(document.get(name), str) or not _is_safe(document[name]):
            raise ProviderUnavailable(
                f"the provider's {name} is {str(document.get(name))[:200]!r}; an https address is needed"
            )


def _is_safe(url: str) -> bool:
    """Tell whether secrets may go to an address: by TLS, or without leaving this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    )


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
