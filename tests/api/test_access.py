from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from tests.support.access import FixedKeys, make_access, make_project, make_request

from bongsu.api.access import AccessControl
from bongsu.api.errors import Forbidden, Unauthorized
from bongsu.control.values import KeyGrant, Scope
from bongsu.model.errors import BongsuError, InvalidInput, Unavailable
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.anyio


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def keys() -> FixedKeys:
    return FixedKeys()


@pytest.mark.parametrize("way", ["app key", "upper case", "bearer", "basic"])
async def test_every_way_of_sending_a_key_gives_its_project(keys: FixedKeys, way: str) -> None:
    project = make_project()
    key = keys.add(project, "k1")
    headers = {
        "app key": {"x-tc-app-key": key},
        "upper case": {"X-TC-APP-KEY": f" {key} "},
        "bearer": {"authorization": f"bEaReR {key}"},
        "basic": basic("alpha", key),
    }[way]

    access = await make_access(keys).require(make_request(headers), Scope.READ)

    assert (project, "k1") == (access.project, access.key_id)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "key-missing"),
        ({"x-tc-app-key": ""}, "key-missing"),
        ({"authorization": "Bearer"}, "key-missing"),
        ({"authorization": "Digest abc"}, "key-missing"),
        ({"authorization": "Basic %%%"}, "key-missing"),
        ({"authorization": "Basic YQ=="}, "key-missing"),
        ({"x-tc-app-key": "nobody.secret"}, "key-unknown"),
        ({"x-tc-app-key": "k1"}, "key-unknown"),
        ({"x-tc-app-key": "k1."}, "key-unknown"),
        ({"x-tc-app-key": "k1.wrong"}, "key-unknown"),
        ({"x-tc-app-key": "k1.secret-of-k2"}, "key-unknown"),
        ({"x-tc-app-key": "k\xe9.secret"}, "key-unknown"),
        ({"x-tc-app-key": "k" * 1000 + ".secret"}, "key-unknown"),
        (basic("alpha", "k\x001.secret"), "key-unknown"),
        ({"x-tc-app-key": "old.secret-of-old"}, "key-expired"),
    ],
)
async def test_a_missing_unknown_or_expired_key_is_unauthorized(
    keys: FixedKeys, headers: dict[str, str], expected: str
) -> None:
    clock = ManualClock()
    keys.add(make_project(), "k1")
    keys.add(make_project("beta", 2), "k2")
    keys.add(make_project(), "old", expires_ms=clock.now_ms())

    with pytest.raises(Unauthorized) as caught:
        await make_access(keys, clock).require(make_request(headers), Scope.READ)

    assert expected == caught.value.id


async def test_no_refusal_repeats_the_secret(keys: FixedKeys) -> None:
    key = keys.add(make_project(), "k1", scopes=frozenset({Scope.READ}))
    access = make_access(keys)
    requests = [
        (make_request({"x-tc-app-key": key + "x"}), Scope.READ, None),
        (make_request({"x-tc-app-key": key}), Scope.MANAGE, None),
        (make_request({"x-tc-app-key": key}), Scope.READ, "beta"),
    ]
    texts = []
    for request, scope, project_id in requests:
        with pytest.raises(BongsuError) as caught:
            await access.require(request, scope, project_id=project_id)
        texts.append(caught.value.message)

    assert [] == [text for text in texts if "secret-of" in text]


async def test_another_project_is_forbidden_whether_it_exists_or_not(keys: FixedKeys) -> None:
    key = keys.add(make_project("alpha", 1), "k1")
    keys.add(make_project("beta", 2), "k2")
    access = make_access(keys)
    refusals = []
    for named in ("beta", "gamma"):
        with pytest.raises(Forbidden) as caught:
            await access.require(make_request({"x-tc-app-key": key}), Scope.READ, project_id=named)
        refusals.append(caught.value.message.replace(named, "?"))
        with pytest.raises(Forbidden):
            await access.require(make_request(basic(named, key)), Scope.READ)

    assert refusals[0] == refusals[1]


async def test_a_key_without_the_scope_is_forbidden(keys: FixedKeys) -> None:
    key = keys.add(make_project(), "k1", scopes=frozenset({Scope.READ}))

    with pytest.raises(Forbidden, match="needs 'write'") as caught:
        await make_access(keys).require(make_request({"x-tc-app-key": key}), Scope.WRITE)

    assert "scope-missing" == caught.value.id


@pytest.mark.parametrize(
    ("pcode", "kind", "expected"),
    [
        (None, Forbidden, "pcode-forbidden"),
        ("2", Forbidden, "pcode-forbidden"),
        ("77", Forbidden, "pcode-forbidden"),
        ("abc", InvalidInput, "bad-pcode"),
        ("-1", InvalidInput, "bad-pcode"),
        ("\xb2", InvalidInput, "bad-pcode"),
        ("1" * 5000, InvalidInput, "bad-pcode"),
    ],
)
async def test_the_apm_api_refuses_every_pcode_but_the_tokens(
    keys: FixedKeys, pcode: str | None, kind: type[BongsuError], expected: str
) -> None:
    token = keys.add(make_project("alpha", 1), "k1")
    keys.add(make_project("beta", 2), "k2")
    headers = {"x-whatap-token": token} | ({} if pcode is None else {"x-whatap-pcode": pcode})

    with pytest.raises(kind) as caught:
        await make_access(keys).require_apm(make_request(headers))

    assert expected == caught.value.id


async def test_the_apm_api_takes_a_token_with_its_pcode(keys: FixedKeys) -> None:
    project = make_project("alpha", 5490)
    token = keys.add(project, "k1", scopes=frozenset({Scope.READ}))
    access = make_access(keys)

    with_pcode = await access.require_apm(make_request({"x-whatap-token": token, "x-whatap-pcode": "5490"}))
    without = await access.require_apm(make_request({"x-whatap-token": token}), needs_pcode=False)

    assert [project, project] == [with_pcode.project, without.project]


async def test_the_apm_api_needs_a_token_first(keys: FixedKeys) -> None:
    with pytest.raises(Unauthorized):
        await make_access(keys).require_apm(make_request({"x-whatap-pcode": "abc"}))


async def test_the_apm_api_needs_the_read_scope(keys: FixedKeys) -> None:
    token = keys.add(make_project("alpha", 1), "k1", scopes=frozenset({Scope.WRITE}))

    with pytest.raises(Forbidden):
        await make_access(keys).require_apm(make_request({"x-whatap-token": token, "x-whatap-pcode": "1"}))


async def test_a_known_key_is_looked_up_twice_in_a_second(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    request = make_request({"x-tc-app-key": keys.add(make_project(), "k1")})
    for _ in range(3):
        await access.require(request, Scope.READ)
    after_three = keys.lookups
    await clock.advance(0.5)
    await access.require(request, Scope.READ)

    assert (1, 2) == (after_three, keys.lookups)


async def test_a_revoked_key_is_refused_at_once(keys: FixedKeys) -> None:
    access = make_access(keys)
    request = make_request({"x-tc-app-key": keys.add(make_project(), "k1")})
    await access.require(request, Scope.READ)
    keys.remove("k1")

    with pytest.raises(Unauthorized):
        await access.require(request, Scope.READ)


async def test_a_key_revoked_by_another_process_is_refused_within_a_second(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    request = make_request({"x-tc-app-key": keys.add(make_project(), "k1")})
    await access.require(request, Scope.READ)
    del keys.grants["k1"]
    await clock.advance(0.5)

    with pytest.raises(Unauthorized):
        await access.require(request, Scope.READ)


async def test_a_revocation_during_a_look_up_is_not_missed(keys: FixedKeys) -> None:
    class RevokedMeanwhile(FixedKeys):
        def find(self, key_id: str) -> KeyGrant | None:
            grant = super().find(key_id)
            if self.lookups == 1:
                self.remove(key_id)
            return grant

    slow = RevokedMeanwhile()
    access = make_access(slow)
    request = make_request({"x-tc-app-key": slow.add(make_project(), "k1")})
    await access.require(request, Scope.READ)

    with pytest.raises(Unauthorized):
        await access.require(request, Scope.READ)


async def test_one_request_refreshes_a_busy_key_while_the_others_go_on(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    request = make_request({"x-tc-app-key": keys.add(make_project(), "k1")})
    await access.require(request, Scope.READ)
    await clock.advance(0.5)
    await asyncio.gather(*(access.require(request, Scope.READ) for _ in range(20)))

    assert 2 == keys.lookups


async def test_known_keys_are_trusted_for_a_while_when_the_database_does_not_answer(keys: FixedKeys) -> None:
    class Broken(FixedKeys):
        broken = False

        def find(self, key_id: str) -> KeyGrant | None:
            if self.broken:
                raise Unavailable("no answer")
            return super().find(key_id)

    clock, broken = ManualClock(), Broken()
    access = make_access(broken, clock)
    known, unknown = (
        make_request({"x-tc-app-key": broken.add(make_project(), name)}) for name in ("k1", "k2")
    )
    await access.require(known, Scope.READ)
    broken.broken = True
    await clock.advance(299)
    await access.require(known, Scope.READ)
    with pytest.raises(Unavailable):
        await access.require(unknown, Scope.READ)
    await clock.advance(1)

    with pytest.raises(Unavailable):
        await access.require(known, Scope.READ)


async def test_an_unknown_key_is_looked_up_again_only_after_a_while_or_a_change(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    request = make_request({"x-tc-app-key": "k1.secret-of-k1"})
    counts = []
    for step in (0.0, 0.0, 0.5):
        await clock.advance(step)
        with pytest.raises(Unauthorized):
            await access.require(request, Scope.READ)
        counts.append(keys.lookups)
    keys.add(make_project(), "k1")
    await access.require(request, Scope.READ)

    assert [1, 1, 2] == counts


async def test_uses_are_noted_every_minute(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    noted: list[dict[str, int]] = []
    done, loop = asyncio.Event(), asyncio.get_running_loop()

    def note(uses: Mapping[str, int]) -> None:
        noted.append(dict(uses))
        loop.call_soon_threadsafe(done.set)

    task = asyncio.create_task(access.note_uses(note))
    await access.require(make_request({"x-tc-app-key": keys.add(make_project(), "k1")}), Scope.READ)
    used_ms = clock.now_ms()
    await clock.advance(60)
    await clock.advance(60)
    async with asyncio.timeout(10):
        await done.wait()
    task.cancel()

    assert [{"k1": used_ms}] == noted


async def test_uses_are_taken_once(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    for key in (keys.add(make_project(), "k1"), "k2.unknown"):
        with contextlib.suppress(Unauthorized):
            await access.require(make_request({"x-tc-app-key": key}), Scope.READ)

    assert [{"k1": clock.now_ms()}, {}] == [access.take_uses(), access.take_uses()]


async def test_a_key_expires_while_it_is_cached(keys: FixedKeys) -> None:
    clock = ManualClock()
    access = make_access(keys, clock)
    key = keys.add(make_project(), "k1", expires_ms=clock.now_ms() + 500)
    await access.require(make_request({"x-tc-app-key": key}), Scope.READ)
    await clock.advance(0.5)

    with pytest.raises(Unauthorized) as caught:
        await access.require(make_request({"x-tc-app-key": key}), Scope.READ)

    assert "key-expired" == caught.value.id


async def test_refusals_are_counted_by_their_id(keys: FixedKeys) -> None:
    registry = CollectorRegistry()
    access = AccessControl(keys, ManualClock(), registry)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await access.require(make_request(), Scope.READ)

    assert 2 == registry.get_sample_value("bongsu_access_refused_total", {"reason": "key-missing"})


async def test_a_cached_key_is_checked_in_a_few_microseconds(keys: FixedKeys) -> None:
    """The promise is 50 µs; the bound leaves room for a busy machine and takes the best of several rounds."""
    access = make_access(keys)
    request = make_request({"x-tc-app-key": keys.add(make_project(), "k1")})
    await access.require(request, Scope.READ)
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(200):
            await access.require(request, Scope.READ)
        rounds.append((time.perf_counter() - start) / 200)

    assert min(rounds) < 50e-6
