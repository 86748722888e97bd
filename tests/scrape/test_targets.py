from __future__ import annotations

import asyncio

import pytest

from bongsu.scrape.targets import ScrapeTarget, TargetBoard
from bongsu.storage.memory import MemoryProjectStore

pytestmark = pytest.mark.anyio


def target(name: str) -> ScrapeTarget:
    return ScrapeTarget(name, "http://h/metrics", (), MemoryProjectStore())


async def test_the_board_gives_its_list_at_once_and_then_every_newer_one() -> None:
    board = TargetBoard([target("a")])
    first = await board.newer_than(None)
    assert ["a"] == [t.id for t in first.targets]
    waiting = asyncio.create_task(board.newer_than(first.revision))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(board.publish, [target("b")])
    second = await waiting
    assert ["b"] == [t.id for t in second.targets]


async def test_a_list_published_before_anyone_waits_is_not_missed() -> None:
    board = TargetBoard()
    first = await board.newer_than(None)
    board.publish([target("a")])
    board.publish([target("b")])
    assert ["b"] == [t.id for t in (await board.newer_than(first.revision)).targets]


def test_options_do_not_change_who_a_target_is_but_labels_and_store_do() -> None:
    store, other = MemoryProjectStore(), MemoryProjectStore()
    base = ScrapeTarget("a", "http://h/", (("x", "1"), ("y", "2")), store)
    assert (
        base.identity
        == ScrapeTarget("a", "http://g/", (("y", "2"), ("x", "1")), store, interval_s=5).identity
    )
    assert base.identity != ScrapeTarget("a", "http://h/", (("x", "2"),), store).identity
    assert base.identity != ScrapeTarget("a", "http://h/", (("x", "1"), ("y", "2")), other).identity
