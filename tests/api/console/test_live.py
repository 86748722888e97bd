"""The live stream: every sealed tick once, the newest first, for the project of the session and no longer than it lives."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import StreamingResponse
from tests.support.access import FixedKeys, make_project

from bongsu.api.access import AccessControl
from bongsu.api.console.live import ConsoleLive, chosen_agents
from bongsu.apm.identity import AgentId, Identity
from bongsu.apm.latency import BUCKETS
from bongsu.apm.ticks import AgentTick, Gauges, SealedTick, TransactionTotals, fold, sum_transactions
from bongsu.apm.transactions import HitMap
from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


def agent(name: str, count: int) -> AgentTick:
    """Return one agent's tick of so many transactions of 10 ms."""
    totals = TransactionTotals(count, 0, count * 10_000_000, count, 0, [count, *[0] * (BUCKETS - 1)])
    identity = Identity(AgentId("", "shop", name), host=name, host_name=name, address="10.0.0.1")
    return AgentTick(identity, True, totals, totals, count, Gauges(cpu=12.5, cores=2))


def tick(end_ms: int, *agents: AgentTick) -> SealedTick:
    """Return the tick of a project with these agents."""
    totals = sum_transactions(one.transactions for one in agents)
    return SealedTick(end_ms, fold(agents, sum(one.users for one in agents)), agents, transactions=totals)


class Ticks:
    """The newest tick of each project, as the test sets it."""

    def __init__(self) -> None:
        self.newest_of: dict[str, SealedTick] = {}

    def newest(self, project_id: str) -> SealedTick:
        return self.newest_of.get(project_id, SealedTick(0))

    def hit_maps(self, project_id: str, start_ms: int, end_ms: int) -> list[HitMap]:
        ends = [tick.end_ms for name, tick in self.newest_of.items() if name == project_id]
        return [HitMap(end, ((2, 3, 1),)) for end in ends if start_ms < end <= end_ms]


class Scene:
    """A stream without a socket: its pieces are taken one by one."""

    def __init__(self) -> None:
        self.clock, self.keys, self.ticks = ManualClock(), FixedKeys(), Ticks()
        self.stopping = False
        self.key = self.keys.add(make_project(), "k1")
        self.keys.add(make_project("beta", 7), "k2")
        access = AccessControl(self.keys, self.clock, CollectorRegistry())
        self.live = ConsoleLive(access, self.ticks, self.clock, stopping=lambda: self.stopping)
        self.log = structlog.get_logger()

    async def open(self, query: str = "", last: str = "", key: str | None = None) -> AsyncIterator[bytes]:
        """Return the stream's pieces."""
        headers = [(b"x-tc-app-key", (key or self.key).encode())]
        headers += [(b"last-event-id", last.encode())] if last else []
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": query.encode(),
            "headers": headers,
        }
        answer = await self.live.stream(Request(scope))
        assert isinstance(answer, StreamingResponse)
        pieces = answer.body_iterator
        return (bytes(piece) async for piece in pieces if isinstance(piece, bytes))

    async def next(self, stream: AsyncIterator[bytes]) -> bytes | None:
        """Return the next piece, with the clock moving on; None at the end."""
        task = asyncio.ensure_future(anext(stream, None))
        for _ in range(200):
            await asyncio.sleep(0)
            if task.done():
                return task.result()
            await self.clock.advance(0.5)
        task.cancel()
        raise AssertionError("nothing came")


def document(piece: bytes | None) -> dict[str, Any]:
    assert piece is not None
    event, identity, data = piece.decode().strip().split("\n")
    assert event == "event: tick"
    found: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert identity == f"id: {found['endMs']}"
    return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_newest_tick_comes_at_once_and_each_later_one_once(scene: Scene) -> None:
    scene.ticks.newest_of["alpha"] = tick(5_000, agent("a", 3))
    stream = await scene.open()
    assert b"retry: 3000\n\n" == await scene.next(stream)
    first = document(await scene.next(stream))
    scene.ticks.newest_of["alpha"] = tick(10_000, agent("a", 4))
    second = document(await scene.next(stream))

    assert [(5_000, "3"), (10_000, "4")] == [
        (one["endMs"], one["numbers"]["txcount"]) for one in (first, second)
    ]
    assert [3, 4] == [one["buckets"][0] for one in (first, second)]
    assert [{"row": 2, "well": 3, "failed": 1}] == second["hits"]


async def test_a_stream_that_goes_on_gets_nothing_twice(scene: Scene) -> None:
    scene.ticks.newest_of["alpha"] = tick(5_000, agent("a", 3))
    stream = await scene.open(last="5000")
    await scene.next(stream)

    assert b": still here\n\n" == await scene.next(stream)


async def test_chosen_agents_are_folded_and_all_are_listed(scene: Scene) -> None:
    a, b = agent("a", 3), agent("b", 5)
    scene.ticks.newest_of["alpha"] = tick(5_000, a, b)
    stream = await scene.open("agents=shop/b")
    await scene.next(stream)
    found = document(await scene.next(stream))

    assert ("5", "1") == (found["numbers"]["txcount"], found["numbers"]["act_agent"])
    assert ["shop/a", "shop/b"] == [one["oname"] for one in found["agents"]]
    assert [0, 0, 0] == found["agents"][0]["bands"]


async def test_a_silent_agent_counts_as_inactive(scene: Scene) -> None:
    scene.ticks.newest_of["alpha"] = tick(5_000, replace(agent("a", 0), is_active=False))
    stream = await scene.open("agents=shop/a")
    await scene.next(stream)

    assert "1" == document(await scene.next(stream))["numbers"]["inact_agent"]


async def test_another_project_sees_nothing_of_it(scene: Scene) -> None:
    scene.ticks.newest_of["alpha"] = tick(5_000, agent("a", 3))
    stream = await scene.open(key="k2.secret-of-k2")
    await scene.next(stream)

    assert b": still here\n\n" == await scene.next(stream)


async def test_a_revoked_key_ends_the_stream(scene: Scene) -> None:
    scene.ticks.newest_of["alpha"] = tick(5_000, agent("a", 3))
    stream = await scene.open()
    await scene.next(stream)
    document(await scene.next(stream))
    scene.keys.remove("k1")

    assert await scene.next(stream) is None


async def test_a_server_that_stops_ends_its_streams(scene: Scene) -> None:
    stream = await scene.open()
    await scene.next(stream)
    scene.stopping = True

    assert await scene.next(stream) is None


def test_too_many_names_are_refused() -> None:
    with pytest.raises(InvalidInput, match="names 501 agents, 500 are allowed"):
        chosen_agents(",".join(map(str, range(501))))
