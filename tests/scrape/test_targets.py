from __future__ import annotations

import asyncio

import pytest

from bongsu.scrape.targets import ScrapeTarget, TargetBoard, TargetChanges
from bongsu.storage.memory import MemoryProjectStore

pytestmark = pytest.mark.anyio


def target(name: str) -> ScrapeTarget:
    return ScrapeTarget(name, "http://h/metrics", (), MemoryProjectStore())


def ids(changes: TargetChanges) -> dict[str, list[str]]:
    return {group: [t.id for t in targets] for group, targets in changes.groups.items()}


async def test_the_board_gives_all_groups_at_first_and_then_those_that_change() -> None:
    board = TargetBoard()
    board.publish({"p": [target("a")], "q": [target("b")]})
    first = await board.newer_than(0)
    assert {"p": ["a"], "q": ["b"]} == ids(first)
    waiting = asyncio.create_task(board.newer_than(first.revision))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(board.publish, {"q": [target("c")]})
    assert {"q": ["c"]} == ids(await waiting)


async def test_changes_published_before_anyone_waits_are_not_missed() -> None:
    board = TargetBoard()
    board.publish({"p": [target("a")]})
    first = await board.newer_than(0)
    board.publish({"p": [target("b")]})
    board.publish({"p": [], "q": [target("c")]})
    assert {"p": [], "q": ["c"]} == ids(await board.newer_than(first.revision))


def test_options_do_not_change_who_a_target_is_but_labels_and_store_do() -> None:
    store, other = MemoryProjectStore(), MemoryProjectStore()
    base = ScrapeTarget("a", "http://h/", (("x", "1"), ("y", "2")), store)
    assert (
        base.identity
        == ScrapeTarget("a", "http://g/", (("y", "2"), ("x", "1")), store, interval_s=5).identity
    )
    assert base.identity != ScrapeTarget("a", "http://h/", (("x", "2"),), store).identity
    assert base.identity != ScrapeTarget("a", "http://h/", (("x", "1"), ("y", "2")), other).identity
