"""The flow against a strict provider over HTTP: what is good gets in, and of every lie nothing is believed."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from tests.support.strict_provider import CLIENT_ID, CLIENT_SECRET, StrictProvider, running_strict_provider

from bongsu.identity.errors import IdentityRefused, ProviderUnavailable
from bongsu.identity.provider import KEYS_AGAIN_S, Provider
from bongsu.identity.settings import ProviderSettings
from bongsu.identity.web import MAX_BYTES, HttpWeb
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.anyio
BACK = "http://127.0.0.1:9595/console/api/openid/callback"
KIM: dict[str, Any] = {"sub": "s1", "email": "kim@example.com", "email_verified": True, "groups": ["sre"]}


@pytest.fixture
def strict() -> Iterator[StrictProvider]:
    with running_strict_provider(claims=dict(KIM)) as provider:
        yield provider
        assert [] == provider.problems


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(int(time.time() * 1000))


@pytest.fixture
def provider(strict: StrictProvider, clock: ManualClock) -> Provider:
    return Provider(ProviderSettings(strict.issuer, CLIENT_ID, CLIENT_SECRET), HttpWeb("Bongsu/test"), clock)


async def sign_in(provider: Provider, strict: StrictProvider, **instead: str) -> dict[str, Any]:
    """Go to the provider and come back; `instead` replaces what the browser brings."""
    question = await provider.ask(BACK)
    known = {
        "code": strict.authorize(question.url),
        "nonce": question.nonce,
        "verifier": question.verifier,
        "redirect_uri": BACK,
    }
    known |= instead
    return await provider.answer(
        known["code"], nonce=known["nonce"], verifier=known["verifier"], redirect_uri=known["redirect_uri"]
    )


async def test_who_signs_in_is_known_by_the_claims(provider: Provider, strict: StrictProvider) -> None:
    claims = await sign_in(provider, strict)

    assert KIM.items() <= claims.items()
    assert "/userinfo" not in strict.asked, "nothing more is asked for when the token says all"
    question = await provider.ask(BACK)
    assert question.url.startswith(f"{strict.issuer}/authorize?tenant=a&response_type=code&")
    assert "scope=openid+profile+email" in question.url
    assert question.verifier not in repr(question)
    assert CLIENT_SECRET not in repr(provider.settings)


async def test_what_the_token_leaves_out_is_asked_for(provider: Provider, strict: StrictProvider) -> None:
    strict.claims = {"sub": "s1", "email": "of-the-token@example.com"}
    strict.more = {"email": "of-the-info@example.com", "groups": ["dev"]}
    claims = await sign_in(provider, strict)

    assert (["dev"], "of-the-token@example.com") == (claims["groups"], claims["email"])
    strict.more = {"sub": "somebody-else", "groups": ["sre"]}
    with pytest.raises(IdentityRefused, match="about somebody else"):
        await sign_in(provider, strict)


async def test_a_new_key_of_the_provider_is_taken_up_when_it_signs(
    provider: Provider, strict: StrictProvider, clock: ManualClock
) -> None:
    await sign_in(provider, strict)
    strict.rotate()
    with pytest.raises(IdentityRefused, match="not signed with one of its keys"):
        await sign_in(provider, strict)
    await clock.advance(KEYS_AGAIN_S)

    assert "s1" == (await sign_in(provider, strict))["sub"]
    assert 2 == strict.asked.count("/keys")


async def test_forged_tokens_make_no_traffic(
    provider: Provider, strict: StrictProvider, clock: ManualClock
) -> None:
    await sign_in(provider, strict)
    forger = RSAKey.generate_key(2048, {"kid": "first"})
    strict.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, forger)
    for _ in range(5):
        with pytest.raises(IdentityRefused):
            await sign_in(provider, strict)
    await clock.advance(KEYS_AGAIN_S)
    for _ in range(5):
        with pytest.raises(IdentityRefused):
            await sign_in(provider, strict)

    assert 2 == strict.asked.count("/keys")


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        + "."
    )


def signed_with_the_secret(claims: dict[str, Any]) -> str:
    return jwt.encode(
        {"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET.ljust(32)), algorithms=["HS256"]
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"iss": "https://evil.example.com"}, "iss"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": [CLIENT_ID, "another-client"]}, "azp"),
        ({"azp": "another-client"}, "azp"),
        ({"nonce": "of another question"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": 99_999_999_999}, "iat|future|issued"),
        ({"nbf": 99_999_999_999}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "sub"),
    ],
)
async def test_a_token_that_is_not_the_answer_to_our_question_is_refused(
    provider: Provider, strict: StrictProvider, change: dict[str, Any], says: str
) -> None:
    strict.change_token = lambda claims: {n: v for n, v in (claims | change).items() if v is not None}

    with pytest.raises(IdentityRefused, match=says):
        await sign_in(provider, strict)


@pytest.mark.parametrize(
    "sign", [unsigned, signed_with_the_secret, lambda _: "x.y", lambda _: "", lambda _: "a.b.c"]
)
async def test_a_token_without_a_signature_of_the_provider_is_refused(
    provider: Provider, strict: StrictProvider, sign: Callable[[dict[str, Any]], str]
) -> None:
    strict.document = {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
    strict.sign = sign

    with pytest.raises(IdentityRefused):
        await sign_in(provider, strict)


@pytest.mark.parametrize(
    "instead", [{"verifier": "guessed"}, {"code": "guessed"}, {"redirect_uri": "http://127.0.0.1/x"}]
)
async def test_a_stolen_code_is_worth_nothing(
    provider: Provider, strict: StrictProvider, instead: dict[str, str]
) -> None:
    with pytest.raises(IdentityRefused, match="invalid_grant"):
        await sign_in(provider, strict, **instead)


async def test_a_code_is_good_once(provider: Provider, strict: StrictProvider) -> None:
    question = await provider.ask(BACK)
    code = strict.authorize(question.url)
    given = {"nonce": question.nonce, "verifier": question.verifier, "redirect_uri": BACK}
    await provider.answer(code, **given)

    with pytest.raises(IdentityRefused):
        await provider.answer(code, **given)


async def test_a_wrong_secret_says_where_it_is_set(strict: StrictProvider, clock: ManualClock) -> None:
    settings = ProviderSettings(strict.issuer, CLIENT_ID, "the-wrong-one")
    provider = Provider(settings, HttpWeb("Bongsu/test"), clock)

    with pytest.raises(
        IdentityRefused, match=r"invalid_client.*check openid\.client_id and its secret"
    ) as refused:
        await sign_in(provider, strict)
    assert "the-wrong-one" not in refused.value.message


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"issuer": "https://other.example.com"}, "calls itself 'https://other.example.com'"),
        ({"token_endpoint": None}, "token_endpoint is 'None'"),
        ({"token_endpoint": "http://192.0.2.1/token"}, "an https address is needed"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    ],
)
async def test_a_provider_that_is_set_up_wrongly_is_not_used(
    provider: Provider, strict: StrictProvider, document: dict[str, Any], says: str
) -> None:
    strict.document = document

    with pytest.raises(ProviderUnavailable, match=says):
        await provider.ask(BACK)


async def test_a_provider_that_is_away_or_talks_too_much_is_reported_and_asked_again_later(
    provider: Provider, strict: StrictProvider, clock: ManualClock
) -> None:
    away = Provider(replace(provider.settings, issuer="http://127.0.0.1:9"), HttpWeb("t"), clock)
    with pytest.raises(ProviderUnavailable, match=r"does not answer at http://127.0.0.1:9/"):
        await away.ask(BACK)
    strict.document = {"padding": "x" * MAX_BYTES}
    with pytest.raises(ProviderUnavailable, match="more than"):
        await provider.ask(BACK)
    strict.document = {}
    assert (await provider.ask(BACK)).state


async def test_signing_out_leads_to_the_provider_where_it_has_a_place_for_it(
    provider: Provider, strict: StrictProvider
) -> None:
    url = await provider.end_session_url("http://127.0.0.1:9595/console/")

    assert url == (
        f"{strict.issuer}/end?client_id=bongsu%2Fone&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A9595%2Fconsole%2F"
    )
