"""Users by day: what is in the files, over restarts, full disks and damage."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client import CollectorRegistry
from tests.support.apm import NOW_MS, SETTINGS, span, spans

from bongsu.apm.engine import ApmEngine
from bongsu.apm.hyperloglog import HyperLogLog
from bongsu.apm.visitors import DAY_MS, KEPT_DAYS, VisitorDays, VisitorFiles, distinct
from bongsu.runtime.clock import ManualClock
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from pathlib import Path

DAY = NOW_MS // DAY_MS
USERS = [i << 52 for i in range(50)]
"""Hashes of which each has a register of its own, so that estimates of few are exact."""


def files(folder: Path) -> VisitorFiles:
    return VisitorFiles(folder / "visitors", structlog.get_logger())


def sketch(users: list[int]) -> HyperLogLog:
    return HyperLogLog.of(users)


def day_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "visitors").rglob("*.hll"))


def test_days_are_added_to_what_is_there_for_each_project_apart(tmp_path: Path) -> None:
    kept = files(tmp_path)
    kept.add("one", {DAY: sketch(USERS[:20])})
    kept.add("one", {DAY: sketch(USERS[10:30]), DAY + 1: sketch(USERS[:5])})
    again = files(tmp_path).read("one", range(DAY - 1, DAY + 3))
    assert {DAY: 30, DAY + 1: 5} == {day: found.estimate() for day, found in again.items()}
    assert 30 == distinct(again.values())
    assert {} == kept.read("two", range(DAY, DAY + 2))
    assert ["2023-11-14.hll", "2023-11-15.hll"] == day_files(tmp_path)
    kept.remove("one")
    assert [] == day_files(tmp_path)


def test_days_go_after_a_year_and_a_month(tmp_path: Path) -> None:
    kept = files(tmp_path)
    for day in (DAY, DAY + 1, DAY + KEPT_DAYS):
        kept.add("one", {day: sketch(USERS)})
    assert {DAY, DAY + KEPT_DAYS, DAY + 1} == set(kept.read("one", (DAY, DAY + 1, DAY + KEPT_DAYS)))
    kept.add("one", {DAY + KEPT_DAYS + 1: sketch(USERS)})
    assert [DAY + 1] == list(kept.read("one", (DAY, DAY + 1)))


@pytest.mark.parametrize("damage", [b"", b"BVIS", b"\xff"])
def test_a_damaged_day_is_set_aside_and_the_others_stay(tmp_path: Path, damage: bytes) -> None:
    kept = files(tmp_path)
    kept.add("one", {DAY: sketch(USERS), DAY + 1: sketch(USERS)})
    path = next((tmp_path / "visitors").rglob("2023-11-14.hll"))
    data = path.read_bytes()
    path.write_bytes(damage if damage != b"\xff" else data[:100] + damage + data[101:])
    assert [DAY + 1] == list(kept.read("one", (DAY, DAY + 1)))
    assert ["2023-11-15.hll"] == day_files(tmp_path)
    assert path.with_suffix(".damaged").exists()


def test_the_key_of_a_project_is_its_own_and_stays(tmp_path: Path) -> None:
    kept = files(tmp_path)
    one, two = kept.secret("one"), kept.secret("two")
    assert (32, 32, True) == (len(one), len(two), one != two)
    assert one == files(tmp_path).secret("one")
    for path in (tmp_path / "visitors").rglob("secret"):
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_what_was_not_written_is_not_lost() -> None:
    days = VisitorDays()
    days.see(DAY * DAY_MS, set(USERS[:3]))
    days.see(DAY * DAY_MS + 5_000, set(USERS[:10]))
    days.see(DAY * DAY_MS + 10_000, set())
    taken = days.take()
    assert {DAY - 1: 3, DAY: 10} == {day: found.estimate() for day, found in taken.items()}
    assert {} == days.copy()
    days.see(DAY * DAY_MS + 15_000, {USERS[20]})
    days.give_back(taken)
    assert {DAY - 1: 3, DAY: 11} == {day: found.estimate() for day, found in days.copy().items()}


class Bench:
    """Engines that follow each other over one folder."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW_MS)
        self.folder = folder
        self.store = MemoryProjectStore()

    def start(self) -> ApmEngine:
        return ApmEngine(
            SETTINGS,
            secret=b"new at every start",
            store_of=lambda _: self.store,
            clock=self.clock,
            registry=CollectorRegistry(),
            log=structlog.get_logger(),
            visitors=files(self.folder),
        )

    async def send(self, engine: ApmEngine, project: str, *users: str) -> None:
        now = self.clock.now_ms()
        engine.add_spans(project, spans(*(span(now, user=user) for user in users)))
        await self.clock.advance(15)
        engine.tick()

    def count(self, engine: ApmEngine, project: str) -> int:
        return distinct(engine.visitors(project, DAY, DAY + 1).values())


@pytest.mark.anyio
async def test_a_user_counts_once_over_restarts_and_crashes_that_come_five_minutes_later(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    for users in (("ann", "ben"), ("ann", "eve")):
        await bench.send(engine, "one", *users)
        for _ in range(20):
            await bench.send(engine, "one")
        engine = bench.start()  # after a crash: nothing was saved in order
    assert (3, 0) == (bench.count(engine, "one"), bench.count(engine, "two"))
    await bench.send(engine, "one", "joe")
    await bench.send(engine, "two", "ann")
    assert (4, 1) == (bench.count(engine, "one"), bench.count(engine, "two")), "before anything is written"
    engine.save(tmp_path / "apm.state")
    after = bench.start()
    assert (4, 1) == (bench.count(after, "one"), bench.count(after, "two"))
    after.remove_project("one")
    assert (0, 1) == (bench.count(after, "one"), bench.count(after, "two"))


@pytest.mark.anyio
async def test_a_disk_that_takes_nothing_costs_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    await bench.send(engine, "one", "ann")
    (folder,) = (tmp_path / "visitors").iterdir()
    (folder / "2023-11-14.hll.tmp").mkdir()  # where the file would be made
    engine.save(tmp_path / "apm.state")
    assert 0 == bench.count(bench.start(), "one")
    (folder / "2023-11-14.hll.tmp").rmdir()
    again = bench.start()
    again.load(tmp_path / "apm.state")
    again.save(tmp_path / "apm.state")
    assert 1 == bench.count(bench.start(), "one")
