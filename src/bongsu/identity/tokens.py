"""
The check of what a provider signs: ID tokens, and tokens that say that somebody has signed out there.

Sources: OpenID Connect Core 1.0, 3.1.3.7; OpenID Connect Back-Channel Logout 1.0, 2.4 to 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from bongsu.identity.errors import IdentityRefused, ProviderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Signatures with a public key. Those with the client's secret are left out, and "none" is no signature."""
LEEWAY_S = 60
"""What the clocks of two machines may differ by."""
LOGOUT_AGE_S = 120
"""A provider sends a logout token at once; an older one is a copy, which must not end what was begun since."""
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class UnknownSigner(IdentityRefused):
    """No known key has signed the token: the provider may have a new one."""


def read_keys(document: Any) -> KeySet:
    """Return the keys of a JWK Set; those of kinds that nobody here reads are passed over."""
    try:
        return KeySet.import_key_set(document)
    except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProviderUnavailable(
            f"the provider's keys cannot be read ({type(error).__name__}); check the setting openid.issuer"
        ) from error


def check_id_token(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    algorithms: Sequence[str],
    now_s: Callable[[], int],
) -> dict[str, Any]:
    """
    Return the claims of a good token.

    Raises
    ------
    UnknownSigner
        If none of the keys has signed it.
    IdentityRefused
        If it is malformed, of another issuer, for another client, too old, or not the answer to our question.
    """
    claims = _decoded(token, keys, algorithms)
    nonces = {"essential": True, "value": nonce}
    _demand(claims, issuer, client_id, now_s, sub={"essential": True}, exp={"essential": True}, nonce=nonces)
    _check_party(claims, client_id)
    return claims


def check_logout_token(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    client_id: str,
    algorithms: Sequence[str],
    now_s: Callable[[], int],
) -> str:
    """
    Return the subject that a good token signs out.

    Raises
    ------
    UnknownSigner
        If none of the keys has signed it.
    IdentityRefused
        If it is no logout token, of another issuer, for another client, too old, or names a session only.
    """
    claims = _decoded(token, keys, algorithms)
    _demand(claims, issuer, client_id, now_s)
    events, subject = claims.get("events"), claims.get("sub")
    # An ID token has a nonce, and must never do as one that signs out.
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict) or "nonce" in claims:
        raise IdentityRefused("the provider's token is no logout token (claims events and nonce)")
    if claims["iat"] < now_s() - LOGOUT_AGE_S - LEEWAY_S:
        raise IdentityRefused("the provider's logout token is too old (claim iat)")
    if not isinstance(subject, str) or not subject:
        raise IdentityRefused(
            "the provider's logout token names a session and nobody; let the provider send the claim sub"
        )
    return subject


def _decoded(token: str, keys: KeySet, algorithms: Sequence[str]) -> dict[str, Any]:
    """Return the claims of a token that one of the keys has signed."""
    try:
        claims = jwt.decode(
            token, keys, algorithms=[name for name in algorithms if name in ALGORITHMS]
        ).claims
    except (BadSignatureError, InvalidKeyIdError) as error:
        raise UnknownSigner("the provider's token is not signed with one of its keys") from error
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise IdentityRefused(f"the provider's token cannot be read ({type(error).__name__})") from error
    return dict(claims)


def _demand(
    claims: dict[str, Any], issuer: str, client_id: str, now_s: Callable[[], int], **more: Any
) -> None:
    """Check who has signed for whom, the times that there are, and what more is demanded."""
    demands = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
        **more,
    )
    try:
        demands.validate(claims)
    except JoseError as error:
        raise IdentityRefused(
            f"the provider's token is not good: {error.description or error.error}"
        ) from error


def _check_party(claims: dict[str, Any], client_id: str) -> None:
    """A token for several audiences says to whom it was given; that must be us."""
    audience, party = claims["aud"], claims.get("azp")
    several = isinstance(audience, list) and len(audience) > 1
    if (party is None and several) or (party is not None and party != client_id):
        raise IdentityRefused("the provider's token was given to another client (claim azp)")
