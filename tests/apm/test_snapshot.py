"""The real-time state across an orderly restart."""

from __future__ import annotations

import pickle
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client import CollectorRegistry
from tests.support.apm import NOW_MS, SETTINGS, gauge, metrics, span, spans
from tests.support.samples import stored

from bongsu.apm.engine import ApmEngine
from bongsu.apm.snapshot import UnusableSnapshot, take_snapshot
from bongsu.model.errors import NotFound
from bongsu.runtime.clock import ManualClock
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from bongsu.apm.settings import ApmSettings

T0 = NOW_MS


class Server:
    """Engines that follow each other over the same stores."""

    def __init__(self) -> None:
        self.clock = ManualClock(T0)
        self.stores = {"one": MemoryProjectStore(), "two": MemoryProjectStore()}

    def start(self, settings: ApmSettings = SETTINGS) -> ApmEngine:
        return ApmEngine(
            settings,
            secret=b"new at every start",
            store_of=self.store_of,
            clock=self.clock,
            registry=CollectorRegistry(),
            log=structlog.get_logger(),
        )

    def store_of(self, project_id: str) -> MemoryProjectStore:
        if project_id not in self.stores:
            raise NotFound("gone")
        return self.stores[project_id]

    async def to(self, at_ms: int) -> None:
        await self.clock.advance((at_ms - self.clock.now_ms()) / 1000)


def busy(server: Server, settings: ApmSettings = SETTINGS) -> ApmEngine:
    engine = server.start(settings)
    items = [span(T0 + i, user=f"u{i}", elapsed_ms=100 * i) for i in range(5)]
    held = span(T0 + 10, parent=b"unknown-", flags=0, user="u5")
    engine.add_spans("one", spans(*items, held))
    engine.add_metrics("one", metrics(gauge("bongsu.threadpool.active", ({}, 4), at_ms=T0 + 500)))
    return engine


@pytest.mark.anyio
async def test_nothing_that_was_taken_is_lost_by_a_restart(tmp_path: Path) -> None:
    server, file = Server(), tmp_path / "apm.state"
    await server.to(T0 + 1_000)
    busy(server).save(file)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    await server.to(T0 + 3_000)
    engine = server.start()
    engine.load(file)
    engine.add_spans("one", spans(span(T0 + 2_500, user="u0"), span(T0 + 2_600, user="u9")))
    await server.to(T0 + 13_000)
    engine.tick()
    tick = engine.newest("one")
    assert (8, 7, 4, 1) == (
        tick.numbers.txcount,
        tick.numbers.user,
        tick.numbers.threadpool_active,
        tick.numbers.act_agent,
    )
    assert 8 == len(engine.find_transactions("one", 0, T0 + 5_000, least_ms=0, most_ms=1e9, limit=99))
    assert not file.exists()


@pytest.mark.anyio
async def test_what_was_open_is_counted_after_a_long_stop_too(tmp_path: Path) -> None:
    server, file = Server(), tmp_path / "apm.state"
    await server.to(T0 + 1_000)
    busy(server).save(file)
    await server.to(T0 + 7_200_000)
    engine = server.start()
    engine.load(file)
    engine.tick()
    assert 6.0 in stored(server.stores["one"], __name__="bongsu_apm_txcount")["bongsu_apm_txcount"].values()
    assert 0 == engine.newest("one").numbers.txcount


@pytest.mark.anyio
async def test_users_beyond_the_exact_cap_survive_too(tmp_path: Path) -> None:
    settings = replace(SETTINGS, exact_users=2)
    server, file = Server(), tmp_path / "apm.state"
    await server.to(T0 + 1_000)
    before = busy(server, settings)
    await server.to(T0 + 13_000)
    before.save(file)
    engine = server.start(settings)
    engine.load(file)
    assert (6, False) == (engine.newest("one").numbers.user, engine.newest("one").users_exact)
    await server.to(T0 + 18_000)
    engine.tick()
    assert 6 == engine.newest("one").numbers.user


@pytest.mark.anyio
async def test_a_project_that_was_removed_meanwhile_stays_away(tmp_path: Path) -> None:
    server, file = Server(), tmp_path / "apm.state"
    await server.to(T0 + 1_000)
    busy(server).save(file)
    del server.stores["one"]
    engine = server.start()
    engine.load(file)
    assert () == engine.newest("one").agents


@pytest.mark.anyio
@pytest.mark.parametrize("cut", [0, 10, 1_000])
async def test_a_damaged_file_or_one_under_other_settings_is_left_out(tmp_path: Path, cut: int) -> None:
    server, file = Server(), tmp_path / "apm.state"
    await server.to(T0 + 1_000)
    busy(server).save(file)
    data = file.read_bytes()
    file.write_bytes(data[:cut])
    with pytest.raises(UnusableSnapshot):
        take_snapshot(file, SETTINGS)
    assert not file.exists()
    file.write_bytes(data)
    engine = server.start(replace(SETTINGS, grace_ms=1))
    engine.load(file)
    assert () == engine.newest("one").agents


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, ("x",)


@pytest.mark.parametrize("thing", [_Evil(), print, structlog.get_logger, take_snapshot])
def test_a_file_that_names_anything_else_is_refused(tmp_path: Path, thing: object) -> None:
    file = tmp_path / "apm.state"
    file.write_bytes(pickle.dumps(thing))
    with pytest.raises(UnusableSnapshot, match="it names"):
        take_snapshot(file, SETTINGS)


def test_without_a_file_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert take_snapshot(tmp_path / "apm.state", SETTINGS) is None
