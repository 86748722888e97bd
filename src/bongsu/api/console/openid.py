"""
Signing in at an OpenID Connect provider: the browser goes there and comes back with a code.

What binds the two ways together travels in a cookie of the browser's own, so that the server keeps nothing for who never comes back,
and any process can take the answer.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
from starlette.responses import RedirectResponse, Response

from bongsu.api.body import CONTROL_LIMITS, read_raw_body
from bongsu.api.browser_sessions import cookie_name, is_secure, origin_of, set_cookie
from bongsu.api.console.sign_in import NEVER
from bongsu.api.threads import in_thread
from bongsu.control.external import ExternalUser
from bongsu.control.people import Bearer, Method
from bongsu.control.roles import Role, strongest
from bongsu.identity.claims import Identity, identity_of
from bongsu.identity.errors import IdentityRefused
from bongsu.model.errors import BongsuError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from bongsu.api.console.sign_in import SignIn
    from bongsu.api.errors import Handler
    from bongsu.control.external import ExternalUsers
    from bongsu.identity.provider import Provider
    from bongsu.runtime.clock import Clock

CALLBACK = "/console/api/openid/callback"
BACK_CHANNEL = "/console/api/openid/signed-out"
_START = "/console/api/openid"
_COOKIE_PATH = _START
_MOVED = "moved"
"""Marks a browser that was sent to the external address once: behind a proxy that hides it, that is as near as one gets."""
_COOKIE_S = 600
"""Ten minutes to type a password and a second factor at the provider."""
_MAX_COOKIE = 1_000
_MAX_CODE = 4_096
_MAX_TOKEN = 16_384
"""A logout token has a handful of claims; the rest is room for long keys."""
_SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Gives a role in a project, or in all (``*``), to who has a group; a group of ``*`` is everybody."""

    group: str
    project_id: str
    role: Role

    def applies(self, groups: Sequence[str]) -> bool:
        """Tell whether somebody with these groups gets the role."""
        return self.group == "*" or self.group in groups


@dataclass(frozen=True, slots=True)
class OpenIdOptions:
    """
    How the console offers a provider.

    Attributes
    ----------
    label
        What the button says.
    external_url
        Address under which browsers reach this server.
    rules
        Roles by group. When there are any, the provider says all roles of its people at every sign-in.
    first_roles
        Roles of who comes for the first time, where there are no rules.
    """

    label: str
    external_url: str
    rules: tuple[RoleRule, ...] = ()
    first_roles: Mapping[str, Role] | None = None


class OpenIdSignIn:
    """The handlers."""

    def __init__(
        self, provider: Provider, users: ExternalUsers, options: OpenIdOptions, clock: Clock
    ) -> None:
        self._provider = provider
        self._users = users
        self._options = options
        self._clock = clock

    @property
    def label(self) -> str:
        """What the button says."""
        return self._options.label

    async def go(self, request: Request) -> Response:
        """Send the browser to the provider, from the address that it will come back to: its cookies are of one host."""
        if self._is_elsewhere(request):
            url = f"{self._options.external_url.rstrip('/')}{_START}?{_MOVED}=1"
            return RedirectResponse(url, status_code=_SEE_OTHER, headers=NEVER)
        try:
            question = await self._provider.ask(self._redirect_uri)
        except BongsuError as error:
            return self._back(error)
        answer = RedirectResponse(question.url, status_code=_SEE_OTHER, headers=NEVER)
        kept = orjson.dumps([question.state, question.nonce, question.verifier])
        # Lax: the browser comes back from another site, by a plain link, and has to bring it along.
        answer.set_cookie(
            _question_cookie(request),
            kept.hex(),
            max_age=_COOKIE_S,
            path=request.scope.get("root_path", "") + _COOKIE_PATH,
            secure=is_secure(request),
            httponly=True,
            samesite="lax",
        )
        return answer

    def callback(self, sign_in: SignIn) -> Handler:
        """Return the handler that takes the browser back, and signs it in or shows why not."""

        async def come_back(request: Request) -> Response:
            who = "?"
            try:
                identity = await self._identify(request)
                who = identity.name
                user = await in_thread(
                    self._users.admit, self._external(identity), address=origin_of(request).address
                )
            except BongsuError as error:
                await sign_in.refused(who, error, origin_of(request))
                return self._forget(request, self._back(error))
            made = await sign_in.start(request, Bearer(user=user), Method.OPENID)
            answer = RedirectResponse(self._console, status_code=_SEE_OTHER, headers=NEVER)
            set_cookie(request, answer, made, self._clock.now_ms())
            return self._forget(request, answer)

        return come_back

    async def signed_out(self, request: Request) -> Response:
        """
        Take the provider's word, server to server, that somebody has signed out there.

        Anybody may call: only what the provider has signed counts, and it can end sessions, never begin one.
        """
        form = parse_qs((await read_raw_body(request, CONTROL_LIMITS)).decode("ascii", "replace"))
        token = form.get("logout_token", [""])[0]
        if not 0 < len(token) <= _MAX_TOKEN:
            raise IdentityRefused("the body has no logout_token; send one as a form, as the provider does")
        subject = await self._provider.signed_out(token)
        issuer, address = self._provider.settings.issuer, origin_of(request).address
        await in_thread(self._users.sign_out, issuer, subject, address=address)
        return Response(headers=NEVER)

    async def sign_out_url(self, _request: Request) -> str | None:
        """Return where the browser ends its session at the provider too; None when that offers nothing."""
        return await self._provider.end_session_url(self._console)

    def _is_elsewhere(self, request: Request) -> bool:
        wanted = urlsplit(self._options.external_url).netloc
        return request.url.netloc != wanted and _MOVED not in request.query_params

    @property
    def _console(self) -> str:
        return f"{self._options.external_url.rstrip('/')}/console/"

    @property
    def _redirect_uri(self) -> str:
        return f"{self._options.external_url.rstrip('/')}{CALLBACK}"

    async def _identify(self, request: Request) -> Identity:
        told = request.query_params
        state, nonce, verifier = _question(request)
        if not hmac.compare_digest(told.get("state", "").encode(), state.encode()):
            raise IdentityRefused("the answer is not to a question of this browser; sign in again")
        if "error" in told:
            raise IdentityRefused(
                f"the provider refused the sign-in ({told['error'][:100]!r}); sign in again"
            )
        code = told.get("code", "")
        if not 0 < len(code) <= _MAX_CODE:
            raise IdentityRefused("the provider sent no code; sign in again")
        claims = await self._provider.answer(
            code, nonce=nonce, verifier=verifier, redirect_uri=self._redirect_uri
        )
        return identity_of(claims, self._provider.settings)

    def _external(self, identity: Identity) -> ExternalUser:
        rules = self._options.rules
        return ExternalUser(
            identity.issuer,
            identity.subject,
            identity.name,
            identity.display_name,
            identity.is_name_sure,
            roles_of(identity.groups, rules) if rules else self._options.first_roles or {},
            governs_roles=bool(rules),
        )

    def _back(self, error: BongsuError) -> Response:
        """Return to the sign-in page, which says in the reader's language what an error id means; no text goes into an address."""
        url = f"{self._console}?{urlencode({'failed': error.id})}"
        return RedirectResponse(url, status_code=_SEE_OTHER, headers=NEVER)

    def _forget(self, request: Request, answer: Response) -> Response:
        answer.delete_cookie(
            _question_cookie(request),
            path=request.scope.get("root_path", "") + _COOKIE_PATH,
            secure=is_secure(request),
            httponly=True,
            samesite="lax",
        )
        return answer


def roles_of(groups: Sequence[str], rules: Sequence[RoleRule]) -> dict[str, Role]:
    """Return the strongest role for each project that some rule gives."""
    found: dict[str, Role] = {}
    for rule in rules:
        if rule.applies(groups):
            best = strongest(found.get(rule.project_id), rule.role)
            assert best is not None
            found[rule.project_id] = best
    return found


def _question_cookie(request: Request) -> str:
    return f"{cookie_name(request)}_question"


def _question(request: Request) -> tuple[str, str, str]:
    """Return state, nonce and verifier of the question that this browser went away with."""
    kept = request.cookies.get(_question_cookie(request), "")
    try:
        state, nonce, verifier = orjson.loads(bytes.fromhex(kept[:_MAX_COOKIE]))
    except (ValueError, TypeError):
        state = nonce = verifier = ""
    if not (isinstance(state, str) and isinstance(nonce, str) and isinstance(verifier, str) and state):
        raise IdentityRefused(
            "this browser did not begin to sign in, or took more than ten minutes; sign in again"
        )
    return state, nonce, verifier
