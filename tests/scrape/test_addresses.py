"""The address that is connected to is the one that was judged, whatever a name says the next time."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from tests.support.exporter import running_exporter
from tests.support.scraping import Names, open_doors

from bongsu.runtime.clock import ManualClock
from bongsu.scrape.addresses import CACHED_S, Addresses, system_resolver
from bongsu.scrape.budget import BodyBudget, BodyLease
from bongsu.scrape.fetch import Doors, fetch
from bongsu.scrape.oauth import Tokens
from bongsu.scrape.options import ScrapeOptions
from bongsu.scrape.outcomes import Failure, ScrapeFailed
from bongsu.scrape.reach import ANYWHERE, Reach
from bongsu.scrape.targets import ScrapeTarget
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

PUBLIC = "203.0.113.7"


def target(url: str, reach: Reach) -> ScrapeTarget:
    return ScrapeTarget("t", url, (), MemoryProjectStore(), reach=reach)


async def refused(doors: Doors, url: str, reach: Reach) -> ScrapeFailed:
    with pytest.raises(ScrapeFailed) as caught:
        await fetch(doors, target(url, reach), BodyLease(BodyBudget()))
    return caught.value


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]"]
)
async def test_no_spelling_of_this_machine_is_reached_by_a_tenant(host: str) -> None:
    async with running_exporter() as exporter, open_doors() as doors:
        failed = await refused(doors, f"http://{host}:{exporter.port}/metrics", Reach())

        assert Failure.NOT_ALLOWED is failed.failure
        assert (
            "a loopback address, which targets may not reach; an operator can register the server"
            in failed.message
        )
        assert (0, 0) == (len(exporter.requests), len(exporter.connections))


async def test_a_name_that_changes_its_answer_is_judged_each_time() -> None:
    names, clock = Names(shifty_example=["127.0.0.1"]), ManualClock()
    open_to_loopback = Reach().allowing(["127.0.0.0/8"])
    async with running_exporter() as exporter, open_doors(clock=clock, resolve=names) as doors:
        exporter.body = b"a 1\n"
        url = f"http://shifty.example:{exporter.port}/metrics"
        # A first target may reach it, and its connection stays open; a second one may not, and must not get that connection.
        await fetch(doors, target(url, open_to_loopback), BodyLease(BodyBudget()))
        failed = await refused(doors, url, Reach())
        assert "shifty.example leads to 127.0.0.1: a loopback address" in failed.message
        assert 1 == len(exporter.requests)

        names.answers["shifty.example"] = ["169.254.169.254"]
        await fetch(doors, target(url, open_to_loopback), BodyLease(BodyBudget()))
        await clock.advance(CACHED_S)
        failed = await refused(doors, url, open_to_loopback)
        assert "leads to 169.254.169.254: a link-local address" in failed.message
        assert ["shifty.example"] * 2 == names.asked


async def test_the_answer_that_is_judged_is_the_one_that_is_used() -> None:
    """A resolver that says something else each time is asked once for a connection: there is no second answer to slip in."""

    class Rebinding:
        asked = 0

        async def __call__(self, name: str) -> Sequence[str]:
            assert "evil.example" == name
            self.asked += 1
            return [PUBLIC] if self.asked % 2 else ["127.0.0.1"]

    names = Rebinding()
    addresses = Addresses(ManualClock(), names)

    assert [PUBLIC] == list(await addresses.open_ones("evil.example", 80, Reach()))
    assert [PUBLIC] == list(await addresses.open_ones("evil.example", 80, Reach()))
    assert 1 == names.asked


async def test_only_the_good_addresses_of_a_name_are_used() -> None:
    names = Names(mixed_example=["127.0.0.1", PUBLIC, "::1", "10.0.0.1"])

    assert [PUBLIC, "10.0.0.1"] == list(
        await Addresses(ManualClock(), names).open_ones("mixed.example", 80, Reach())
    )


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    async with running_exporter() as exporter:
        exporter.body = b"a 1\n"
        # Nothing listens on ::1 at this port; the exporter is on 127.0.0.1.
        async with open_doors(resolve=Names(two_example=["::1", "127.0.0.1"])) as doors:
            answer = await fetch(
                doors,
                target(f"http://two.example:{exporter.port}/metrics", ANYWHERE),
                BodyLease(BodyBudget()),
            )
        assert b"a 1\n" == answer.body
        assert f"two.example:{exporter.port}" == exporter.requests[0].headers["Host"]


async def test_a_redirect_leads_nowhere_that_its_target_may_not_go() -> None:
    async with running_exporter() as exporter, open_doors() as doors:
        exporter.status, exporter.headers["Location"] = 302, "http://169.254.169.254/latest/meta-data/"
        failed = await refused(doors, exporter.url(), Reach().trusting(["127.0.0.1"]))

        assert Failure.REDIRECT is failed.failure


async def test_an_operators_word_opens_the_very_host() -> None:
    async with running_exporter() as exporter, open_doors() as doors:
        exporter.body = b"a 1\n"
        for host in ("127.0.0.1", "localhost"):
            trusting = target(f"http://{host}:{exporter.port}/metrics", Reach().trusting([host]))
            assert b"a 1\n" == (await fetch(doors, trusting, BodyLease(BodyBudget()))).body


async def test_a_name_is_asked_for_once_by_all_who_wait() -> None:
    gate = asyncio.Event()
    asked = []

    async def slow(name: str) -> Sequence[str]:
        asked.append(name)
        await gate.wait()
        return [PUBLIC]

    addresses = Addresses(ManualClock(), slow)
    waiting = [asyncio.ensure_future(addresses.open_ones("h", 80, Reach())) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()

    assert [[PUBLIC], [PUBLIC]] == [list(await task) for task in waiting[1:]]
    assert ["h"] == asked


async def test_a_name_without_an_address_is_said_in_words() -> None:
    async def nothing(name: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, name)

    async with open_doors(resolve=nothing) as doors:
        for _ in range(2):
            assert "host not found" == (await refused(doors, "http://gone.example/m", Reach())).message


async def test_the_system_knows_this_machine() -> None:
    assert {"127.0.0.1", "::1"} >= set(await system_resolver("localhost")) != set()


async def test_the_servers_name_is_checked_by_its_certificate_and_not_its_address() -> None:
    """The session is given an address; what TLS compares is the name that was registered."""
    seen: list[object] = []

    class Session:
        async def request(self, method: str, url: str, **options: object) -> None:
            seen.append((url, options["server_hostname"]))
            raise ScrapeFailed("enough", Failure.CONNECT)

    clock = ManualClock()
    doors = Doors(Session(), Addresses(clock, Names(db_example=[PUBLIC])), Tokens(clock))  # type: ignore[arg-type]
    options = ScrapeOptions(scheme="https")
    secure = ScrapeTarget("t", "https://db.example/m", (), MemoryProjectStore(), options=options)
    with pytest.raises(ScrapeFailed, match="enough"):
        await fetch(doors, secure, BodyLease(BodyBudget()))

    assert [(f"https://{PUBLIC}:443/m", "db.example")] == seen
