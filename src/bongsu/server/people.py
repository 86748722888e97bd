"""How people sign in, made from the settings; and what is written down and cleared away for them while the server runs."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from bongsu import __version__
from bongsu.api.console.about import About
from bongsu.api.console.account import Account
from bongsu.api.console.guard import GuessLimits, SignInGuard
from bongsu.api.console.openid import OpenIdOptions, OpenIdSignIn, RoleRule
from bongsu.api.console.routes import People
from bongsu.api.console.sign_in import SignIn
from bongsu.api.threads import in_thread
from bongsu.api.uses import note_uses
from bongsu.control.roles import parse_assignment
from bongsu.identity.settings import ProviderSettings
from bongsu.model.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from prometheus_client import CollectorRegistry
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl
    from bongsu.api.browser_sessions import BrowserSessions
    from bongsu.control.plane import ControlPlane
    from bongsu.control.roles import Role
    from bongsu.runtime.clock import Clock
    from bongsu.server.settings import OpenIdSettings, Settings

CLEAR_EVERY_S = 3_600.0
"""Entries of the audit trail and ended sessions may be this much older than the settings say."""


def make_people(
    settings: Settings,
    control: ControlPlane,
    access: AccessControl,
    sessions: BrowserSessions,
    clock: Clock,
    registry: CollectorRegistry,
    *,
    url: str,
) -> People:
    """
    Return the ways to sign in.

    Parameters
    ----------
    url
        Address under which browsers reach this server.
    """
    limits = GuessLimits(
        settings.people.guesses_per_user,
        settings.people.guesses_per_address,
        settings.people.guess_window / 1000,
    )
    openid = _openid(settings, control, clock, url)
    sign_in = SignIn(
        control,
        access,
        sessions,
        SignInGuard(limits, control.audit, clock, registry),
        About(control, access, clock, __version__),
        clock,
        keys_sign_in=settings.people.key_sign_in == "yes",
        openid=openid,
    )
    return People(sign_in, Account(control, sessions, sign_in), openid)


def people_loops(
    settings: Settings,
    control: ControlPlane,
    sessions: BrowserSessions,
    clock: Clock,
    log: FilteringBoundLogger,
) -> list[Callable[[], Coroutine[None, None, None]]]:
    """Return the loops that write down when sessions were used, and clear away what is too old."""
    retention_ms = settings.people.audit_retention
    return [
        functools.partial(note_uses, clock, sessions.take_uses, control.sessions.note_use),
        functools.partial(clear_regularly, control, clock, log, audit_retention_ms=retention_ms),
    ]


async def clear_regularly(
    control: ControlPlane, clock: Clock, log: FilteringBoundLogger, *, audit_retention_ms: int
) -> None:
    """Remove ended sessions and old entries of the audit trail, now and every hour, until cancelled."""
    while True:
        try:
            await in_thread(clear, control, clock.now_ms(), audit_retention_ms)
        except Unavailable as error:
            log.warning("old sessions and audit entries stay for now", reason=error.message)
        await clock.sleep(CLEAR_EVERY_S)


def clear(control: ControlPlane, now_ms: int, audit_retention_ms: int) -> None:
    """Remove ended sessions, and the entries of the audit trail that are older than its retention; 0 keeps them for ever."""
    control.sessions.prune()
    if audit_retention_ms:
        control.audit.prune(now_ms - audit_retention_ms)


def provider_settings(openid: OpenIdSettings) -> ProviderSettings:
    """
    Return how to reach the provider.

    Raises
    ------
    InvalidInput
        If the issuer is no address that secrets may go to, or the file of the secret cannot be read.
    """
    loopback = ("http://127.0.0.1", "http://localhost", "http://[::1]")
    if not openid.issuer.startswith(("https://", *loopback)):
        raise InvalidInput(
            f"setting openid.issuer = {openid.issuer!r}: write an https address; http goes to this machine only",
            id="bad-setting",
        )
    return ProviderSettings(
        openid.issuer,
        openid.client_id,
        openid.client_secret or _secret(openid.client_secret_file),
        openid.scopes,
        openid.name_claim,
        openid.roles_claim,
        openid.allowed_domains,
        openid.allowed_emails,
        openid.verified_email == "yes",
    )


def role_rules(openid: OpenIdSettings) -> tuple[RoleRule, ...]:
    """Return what the groups of a provider stand for; raises InvalidInput for a line that is none."""
    rules = []
    for line in openid.roles:
        group, arrow, assignment = (part.strip() for part in line.rpartition("->"))
        if not arrow or not group:
            raise InvalidInput(
                f"setting openid.roles: {line!r} gives no role; write GROUP -> PROJECT=ROLE, GROUP -> *=ROLE or GROUP -> administrator",
                id="bad-setting",
            )
        rules += [RoleRule(group, *_assignment("openid.roles", assignment))]
    return tuple(rules)


def first_roles(openid: OpenIdSettings) -> dict[str, Role]:
    """Return the roles of who signs in for the first time; raises InvalidInput for a text that gives none."""
    return dict(_assignment("openid.first_roles", text) for text in openid.first_roles)


def _openid(settings: Settings, control: ControlPlane, clock: Clock, url: str) -> OpenIdSignIn | None:
    openid = settings.openid
    if not openid.issuer:
        return None
    # Imported here: what checks signatures takes a tenth of a second and some megabytes, and most servers have no provider.
    from bongsu.identity.provider import Provider
    from bongsu.identity.web import HttpWeb

    provider = Provider(provider_settings(openid), HttpWeb(f"Bongsu/{__version__}"), clock)
    options = OpenIdOptions(openid.label, url, role_rules(openid), first_roles(openid))
    return OpenIdSignIn(provider, control.external_users, options, clock)


def _assignment(setting: str, text: str) -> tuple[str, Role]:
    try:
        project_id, role = parse_assignment(text)
    except InvalidInput as error:
        raise InvalidInput(f"setting {setting}: {error.message}", id="bad-setting") from error
    if role is None:
        raise InvalidInput(f"setting {setting}: {text!r} names no role", id="bad-setting")
    return project_id, role


def _secret(file: str) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise InvalidInput(
            f"setting openid.client_secret_file = {file!r}: {error.strerror}; write the secret there, readable for the server",
            id="bad-setting",
        ) from error
