"""From the claims about somebody to who that is here; pure, and the only place that decides who comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bongsu.identity.errors import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.identity.settings import ProviderSettings

    Claims = Mapping[str, Any]

_MOST_GROUPS = 1_000
"""More are a mistake of the provider's; the first ones are looked at."""


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Somebody whom the provider vouches for.

    Attributes
    ----------
    subject
        Names the person for ever at this issuer.
    is_name_sure
        Whether the name is an address of electronic mail that the provider has checked.
    groups
        What the roles claim holds.
    """

    issuer: str
    subject: str
    name: str
    display_name: str
    is_name_sure: bool
    groups: tuple[str, ...]


def identity_of(claims: Claims, settings: ProviderSettings) -> Identity:
    """
    Return whom checked claims describe.

    Raises
    ------
    NotAllowed
        If the name is missing, or the address is not one that the settings allow.
    """
    email = _text(claims, "email").lower()
    is_verified = claims.get("email_verified") is True
    _check_email(email, settings, is_verified=is_verified)
    name = _text(claims, settings.name_claim)
    if not name:
        raise NotAllowed(
            f"the provider sent no claim {settings.name_claim!r} to name you by; it sends {', '.join(sorted(claims))}: choose one by "
            "the setting openid.name_claim, or ask for more scopes by openid.scopes"
        )
    return Identity(
        settings.issuer,
        _text(claims, "sub"),
        name,
        _text(claims, "name") or name,
        is_verified and name.lower() == email,
        _groups(claims, settings.roles_claim),
    )


def _check_email(email: str, settings: ProviderSettings, *, is_verified: bool) -> None:
    is_limited = bool(settings.allowed_domains or settings.allowed_emails)
    if settings.needs_verified_email and not is_verified and (is_limited or settings.name_claim == "email"):
        raise NotAllowed(
            "the provider does not say that it has checked your address of electronic mail (claim email_verified); confirm it "
            'there, or set openid.verified_email = "no" if it only knows checked ones'
        )
    domain = email.rpartition("@")[2]
    allowed = {text.lower().lstrip("@") for text in settings.allowed_domains}
    if (
        is_limited
        and domain not in allowed
        and email not in {text.lower() for text in settings.allowed_emails}
    ):
        raise NotAllowed(
            f"{email or 'you'} may not sign in here; the settings openid.allowed_domains and openid.allowed_emails say who may"
        )


def _text(claims: Claims, name: str) -> str:
    value = claims.get(name)
    return value.strip() if isinstance(value, str) else ""


def _groups(claims: Claims, path: str) -> tuple[str, ...]:
    """Return the texts of a claim; its name is tried whole before a dot leads into an object, as in ``realm_access.roles``."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    values = [found] if isinstance(found, str) else found
    if not isinstance(values, list):
        return ()
    return tuple(value for value in values[:_MOST_GROUPS] if isinstance(value, str))
