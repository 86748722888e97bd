"""The real-time answer and the PromQL answer for the same tick are the same number."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apm import NOW_MS, SETTINGS, gauge, metrics, resource, span, spans

from bongsu.apm.project import ProjectApm
from bongsu.apm.series import TickWriter
from bongsu.apm.ticks import Numbers
from bongsu.promql.engine import Engine
from bongsu.promql.values import Vector
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.storage.contract import ProjectStore

T0 = NOW_MS


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


def ask(engine: Engine, store: ProjectStore, query: str, at_ms: int) -> float:
    """Return the one value of an instant query."""
    value = engine.instant(store, query, at_ms).value
    assert isinstance(value, Vector)
    assert (1, 1) == value.values.shape, query
    return float(value.values[0, 0])


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["i1", "i2"]),
            st.integers(0, 9_999),
            st.integers(0, 20_000),
            st.booleans(),
            st.sampled_from(["u1", "u2", "u3", None]),
        ),
        max_size=20,
    ),
    st.integers(0, 50),
    st.floats(0, 1),
)
def test_every_number_and_the_folds_over_agents_agree(
    engine: Engine,
    schedule: list[tuple[str, int, int, bool, str | None]],
    in_flight: int,
    idle: float,
) -> None:
    apm = ProjectApm(SETTINGS, secret=b"s", now_ms=T0)
    store = MemoryProjectStore()
    writer = TickWriter(store)
    for instance in ("i1", "i2"):
        at_ms = T0 + 3_000
        reports = metrics(
            gauge("bongsu.transactions.active", ({"state": "sql", "band": "8s-"}, in_flight), at_ms=at_ms),
            gauge("system.cpu.utilization", ({"state": "idle"}, idle), at_ms=at_ms),
            gauge("db.client.connection.count", ({"state": "used"}, 2), at_ms=at_ms),
            of=resource(instance),
        )
        apm.add_metrics(reports, now_ms=at_ms)
    for instance, at, elapsed, failed, user in schedule:
        item = span(T0 + at, elapsed_ms=elapsed, failed=failed, user=user)
        apm.add_spans(spans(item, of=resource(instance)), now_ms=T0 + 10_000)
    for tick in apm.tick(T0 + 10_000 + SETTINGS.grace_ms):
        writer.write(tick)
        if not tick.agents:
            continue
        for field in fields(Numbers):
            name = field.name
            assert float(getattr(tick.numbers, name)) == ask(
                engine, store, f"bongsu_apm_{name}", tick.end_ms
            ), name
        folds = {
            "txcount": "sum(bongsu_apm_agent_txcount)",
            "tps": "round(sum(bongsu_apm_agent_txcount) / 5, 0.01)",
            "actx": "sum(bongsu_apm_agent_actx)",
            "act_sql": 'sum(bongsu_apm_in_flight{state="sql"})',
            "act_agent": "sum(bongsu_apm_agent_up)",
            "inact_agent": "count(bongsu_apm_agent_up == 0) or vector(0)",
            "dbc_count": "sum(bongsu_apm_agent_dbc_active) + sum(bongsu_apm_agent_dbc_idle)",
        }
        for name, query in folds.items():
            assert float(getattr(tick.numbers, name)) == pytest.approx(
                ask(engine, store, query, tick.end_ms)
            ), query
        count = "bongsu_apm_transaction_duration_seconds_count"
        assert tick.since_start.count == ask(engine, store, count, tick.end_ms)
        assert tick.since_start.count == ask(
            engine, store, 'sum(bongsu_apm_agent_transaction_duration_seconds_bucket{le="+Inf"})', tick.end_ms
        )
