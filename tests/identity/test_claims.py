from __future__ import annotations

from typing import Any

import pytest

from bongsu.identity.claims import identity_of
from bongsu.identity.errors import NotAllowed
from bongsu.identity.settings import ProviderSettings

KIM: dict[str, Any] = {
    "sub": "s1",
    "email": "Kim@Example.com",
    "email_verified": True,
    "name": "Kim",
    "groups": ["sre", 7, "dev"],
}


def settings(**given: Any) -> ProviderSettings:
    return ProviderSettings("https://id.example.com", "bongsu", **given)


def test_somebody_is_named_by_the_claim_that_is_set() -> None:
    by_mail = identity_of(KIM, settings())
    by_name = identity_of(KIM | {"preferred_username": "kim"}, settings(name_claim="preferred_username"))

    assert ("Kim@Example.com", "Kim", True, ("sre", "dev")) == (
        by_mail.name,
        by_mail.display_name,
        by_mail.is_name_sure,
        by_mail.groups,
    )
    assert ("kim", False) == (by_name.name, by_name.is_name_sure)


@pytest.mark.parametrize(
    ("claims", "path", "expected"),
    [
        ({"roles": "one"}, "roles", ("one",)),
        ({"realm_access": {"roles": ["a", "b"]}}, "realm_access.roles", ("a", "b")),
        ({"https://example.com/roles": ["a"]}, "https://example.com/roles", ("a",)),
        ({"realm_access": ["a"]}, "realm_access.roles", ()),
        ({"roles": {"a": 1}}, "roles", ()),
        ({}, "roles", ()),
    ],
)
def test_groups_are_read_from_where_the_provider_keeps_them(
    claims: dict[str, Any], path: str, expected: tuple[str, ...]
) -> None:
    assert expected == identity_of(KIM | claims, settings(roles_claim=path)).groups


@pytest.mark.parametrize(
    ("given", "comes_in"),
    [
        ({"allowed_domains": ("example.com",)}, True),
        ({"allowed_domains": ("@EXAMPLE.com",)}, True),
        ({"allowed_domains": ("ample.com",)}, False),
        ({"allowed_emails": ("kim@example.com",)}, True),
        ({"allowed_emails": ("lee@example.com",)}, False),
        ({"allowed_emails": ("lee@example.com",), "allowed_domains": ("example.com",)}, True),
    ],
)
def test_domains_and_addresses_say_who_comes_in(given: dict[str, Any], comes_in: bool) -> None:
    if comes_in:
        assert "s1" == identity_of(KIM, settings(**given)).subject
    else:
        with pytest.raises(NotAllowed, match=r"kim@example.com may not sign in here"):
            identity_of(KIM, settings(**given))


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_the_provider_has_not_checked_counts_for_nothing(verified: object) -> None:
    claims = KIM | {"email_verified": verified, "preferred_username": "kim"}

    for given in ({}, {"name_claim": "preferred_username", "allowed_domains": ("example.com",)}):
        with pytest.raises(NotAllowed, match="email_verified"):
            identity_of(claims, settings(**given))
    assert not identity_of(claims, settings(needs_verified_email=False)).is_name_sure


def test_an_address_with_two_ats_is_of_the_last_domain() -> None:
    with pytest.raises(NotAllowed):
        identity_of(KIM | {"email": "kim@example.com@evil.com"}, settings(allowed_domains=("example.com",)))


def test_a_missing_name_says_which_claims_there_are() -> None:
    with pytest.raises(NotAllowed, match=r"no claim 'upn'.*email, email_verified, groups, name, sub"):
        identity_of(KIM, settings(name_claim="upn"))
