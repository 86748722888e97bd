"""All projects together: ticks into the stores, and nothing from one project to another."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest
import structlog
from prometheus_client import CollectorRegistry
from tests.support.apm import NOW_MS, SETTINGS, gauge, metrics, resource, span, spans

from bongsu.apm.engine import ApmEngine
from bongsu.apm.settings import ApmLimits
from bongsu.apm.ticks import Numbers
from bongsu.model.errors import NotFound
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import KIND_FLOAT, SampleBatch, is_stale
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreLimits, StoreOptions
from bongsu.storage.errors import StoreReadOnly
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from bongsu.storage.contract import AppendResult

T0 = NOW_MS


class Bench:
    """An engine over two in-memory stores."""

    def __init__(self) -> None:
        self.clock = ManualClock(T0)
        self.stores = {"one": MemoryProjectStore(), "two": MemoryProjectStore()}
        self.registry = CollectorRegistry()
        self.limits: dict[str, ApmLimits] = {}
        self.refused: list[tuple[str, str, int]] = []
        self.engine = ApmEngine(
            SETTINGS,
            secret=b"s",
            store_of=self.store_of,
            clock=self.clock,
            registry=self.registry,
            log=structlog.get_logger(),
            limits_of=lambda project_id: self.limits.get(project_id, SETTINGS.limits),
            count_refusal=lambda *refused: self.refused.append(refused),
        )

    def store_of(self, project_id: str) -> MemoryProjectStore:
        try:
            return self.stores[project_id]
        except KeyError:
            raise NotFound(f"no project {project_id}") from None

    async def to(self, at_ms: int) -> None:
        await self.clock.advance((at_ms - self.clock.now_ms()) / 1000)
        self.engine.tick()

    def stored(self, project_id: str = "one", **labels: str) -> dict[str, dict[int, float]]:
        """Return the samples of the series with these labels, by name and time."""
        matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in labels.items()]
        found: dict[str, dict[int, float]] = {}
        with self.stores[project_id].select(matchers, 0, 2**62) as selection:
            names = [labels["__name__"] for labels in selection.labels.maps()]
            view = selection.chunks(0, len(names))
            for row, name in enumerate(names):
                samples = found.setdefault(name, {})
                for chunk in range(view.first_chunk[row], view.first_chunk[row + 1]):
                    assert KIND_FLOAT == view.kind[chunk]
                    count = int(view.count[chunk])
                    data = view.chunk_bytes(chunk, 16 * count)
                    times, values = data[: 8 * count].view(np.int64), data[8 * count :].view(np.float64)
                    samples.update(zip(times.tolist(), values.tolist(), strict=True))
        return found

    def value(self, name: str) -> float:
        value = self.registry.get_sample_value(name)
        assert value is not None
        return value


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def fill(bench: Bench, project_id: str = "one") -> None:
    """Let two agents report."""
    await bench.to(T0 + 4_000)
    items = [span(T0 + 1_000 * i, elapsed_ms=30 * (i + 1), user=f"u{i}", failed=i == 2) for i in range(4)]
    bench.engine.add_spans(project_id, spans(*items))
    bench.engine.add_spans(project_id, spans(span(T0 + 500, user="u0"), of=resource("i2", host="host-2")))
    at = T0 + 3_000
    bench.engine.add_metrics(
        project_id,
        metrics(
            gauge("bongsu.transactions.active", ({"state": "sql", "band": "3-8s"}, 3), at_ms=at),
            gauge("bongsu.threadpool.active", ({}, 5), at_ms=at),
            gauge("db.client.connection.count", ({"state": "used"}, 2), ({"state": "idle"}, 1), at_ms=at),
            gauge("system.cpu.utilization", ({"cpu": 0, "state": "idle"}, 2 / 3), at_ms=at),
        ),
    )


@pytest.mark.anyio
async def test_every_number_of_a_tick_is_in_the_store_bit_for_bit(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 13_000)
    tick = bench.engine.newest("one")
    assert T0 + 5_000 == tick.end_ms
    assert 33.33 == tick.numbers.cpu
    stored = bench.stored()
    for field in fields(Numbers):
        assert {T0 + 5_000: float(getattr(tick.numbers, field.name))} == {
            t: v for t, v in stored[f"bongsu_apm_{field.name}"].items() if t > T0
        }


@pytest.mark.anyio
async def test_agents_sum_to_the_project_in_the_store(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 13_000)
    one, two = bench.stored(instance="i1"), bench.stored(instance="i2")
    at = T0 + 5_000
    for name in ("txcount", "errors", "actx", "threadpool_active", "dbc_active", "dbc_idle"):
        both = one[f"bongsu_apm_agent_{name}"][at] + two[f"bongsu_apm_agent_{name}"][at]
        assert bench.stored()[f"bongsu_apm_{name}"][at] == both
    duration = "bongsu_apm_agent_transaction_duration_seconds"
    assert [2, 3, 4] == [
        bench.stored(instance="i1", le=le)[f"{duration}_bucket"][at] for le in ("0.075", "0.1", "+Inf")
    ]
    assert (4, 0.3, 1) == (
        one[f"{duration}_count"][at],
        one[f"{duration}_sum"][at],
        one["bongsu_apm_agent_transaction_errors_total"][at],
    )
    assert 3 == bench.stored(state="sql", band="3-8s")["bongsu_apm_in_flight"][at]


@pytest.mark.anyio
async def test_counters_go_on_and_gauges_fall_to_zero(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 18_000)
    stored = bench.stored()
    assert [5, 0] == [stored["bongsu_apm_txcount"][T0 + ms] for ms in (5_000, 10_000)]
    count = stored["bongsu_apm_transaction_duration_seconds_count"]
    assert [5, 5] == [count[T0 + ms] for ms in (5_000, 10_000)]


@pytest.mark.anyio
async def test_a_silent_agent_ends_with_stale_markers_and_up_zero(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 28_000)
    stored = bench.stored(instance="i1")
    up, actx = stored["bongsu_apm_agent_up"], stored["bongsu_apm_agent_actx"]
    assert [1, 0] == [up[T0 + ms] for ms in (10_000, 20_000)]
    assert is_stale(np.array([actx[T0 + 15_000]])).all()
    assert T0 + 20_000 not in actx
    numbers = bench.engine.newest("one").numbers
    assert (0, 2) == (numbers.act_agent, numbers.inact_agent)


@pytest.mark.anyio
async def test_another_project_sees_nothing(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 13_000)
    assert Numbers() == bench.engine.newest("two").numbers
    assert T0 + 5_000 == bench.engine.newest("two").end_ms
    assert {} == bench.stored("two")


@pytest.mark.anyio
async def test_ticks_wait_while_the_store_takes_no_writes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(bench)
    store = bench.stores["one"]

    def refuse(batch: SampleBatch) -> AppendResult:
        raise StoreReadOnly(f"no room for {len(batch)}")

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", refuse)
        await bench.to(T0 + 18_000)
        assert {} == bench.stored()
    await bench.to(T0 + 23_000)
    assert [5, 0, 0] == [bench.stored()["bongsu_apm_txcount"][T0 + ms] for ms in (5_000, 10_000, 15_000)]
    assert 0 == bench.value("bongsu_apm_lost_ticks_total")


@pytest.mark.anyio
async def test_ticks_beyond_five_minutes_of_a_full_disk_are_counted_as_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(bench)

    def refuse(batch: SampleBatch) -> AppendResult:
        raise StoreReadOnly(f"no room for {len(batch)}")

    monkeypatch.setattr(bench.stores["one"], "append", refuse)
    for number in range(65):
        await bench.to(T0 + 8_000 + 5_000 * number)
    assert 5 == bench.value("bongsu_apm_lost_ticks_total")


@pytest.mark.anyio
async def test_a_removed_project_is_forgotten(bench: Bench) -> None:
    await fill(bench)
    bench.stores["one"].close()
    await bench.to(T0 + 13_000)
    assert 0 == bench.value("bongsu_apm_projects")
    with pytest.raises(NotFound):
        bench.engine.add_spans("gone", spans(span(T0)))


@pytest.mark.anyio
async def test_every_written_name_has_type_and_help(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 13_000)
    described = bench.stores["one"].metadata()
    for name in bench.stored():
        family = name
        for suffix in ("_bucket", "_sum", "_count"):
            if family.removesuffix(suffix) in described:
                family = family.removesuffix(suffix)
        assert described[family][0].help, name


@pytest.mark.anyio
async def test_after_the_clock_was_set_back_the_numbers_begin_anew(bench: Bench) -> None:
    await fill(bench)
    await bench.to(T0 + 13_000)
    back = ManualClock(T0 - 3_600_000)
    bench.clock = back
    bench.engine._clock = back
    bench.engine.tick()
    bench.engine.add_spans("one", spans(span(back.now_ms() + 1_000)))
    await bench.to(T0 - 3_600_000 + 13_000)
    tick = bench.engine.newest("one")
    assert (T0 - 3_600_000 + 5_000, 1) == (tick.end_ms, tick.numbers.txcount)


@pytest.mark.anyio
async def test_series_that_the_store_refused_are_offered_again(bench: Bench) -> None:
    store = bench.stores["one"]
    store.options = StoreOptions(retention_ms=0, limits=StoreLimits(max_series=10))
    await fill(bench)
    await bench.to(T0 + 13_000)
    assert 10 == len(bench.stored())
    assert bench.value("bongsu_apm_rejected_samples_total") > 50
    store.options = StoreOptions(retention_ms=0)
    await bench.to(T0 + 18_000)
    assert 0 == bench.stored()["bongsu_apm_txcount"][T0 + 10_000]
    assert 1 == bench.stored(instance="i1")["bongsu_apm_agent_up"][T0 + 10_000]


def test_a_project_has_its_own_limit_of_agents_from_the_next_request_on(bench: Bench) -> None:
    def report(agent: str, project_id: str = "one") -> int:
        batch = spans(span(100), span(100), of=resource(agent))
        return bench.engine.add_spans(project_id, batch).refused

    assert 0 == report("a")
    bench.limits["one"] = ApmLimits(1, 0)
    assert [0, 2] == [report("a"), report("b")]
    assert [0, 0] == [report("a", "two"), report("b", "two")], "another project has limits of its own"
    bench.limits["one"] = ApmLimits(0, 0)
    assert 0 == report("b")

    assert [("one", "max_agents", 2)] == bench.refused
    assert (2, 2, 0) == tuple(bench.engine.used(name).max_agents for name in ("one", "two", "three"))
