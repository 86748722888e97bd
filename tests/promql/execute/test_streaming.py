"""What flows block by block, and over threads, equals what is computed of the whole vector."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.support.counters import store_of_counters

from bongsu.promql.engine import Engine, EngineOptions
from bongsu.promql.execute import blocks
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from bongsu.storage.contract import ProjectStore

OPERATORS = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]


def answer(
    store: ProjectStore, text: str, threads: int = 1
) -> dict[tuple[tuple[str, str], ...], list[float]]:
    with closing(Engine(EngineOptions(threads=threads))) as engine:
        value = engine.range(store, text, 0, 900_000, 20_000).value
    assert isinstance(value, Vector)
    cells = np.where(value.present(), value.values, np.nan)
    return {
        tuple(labels.items()): row for labels, row in zip(value.labels.maps(), cells.tolist(), strict=True)
    }


@pytest.fixture(scope="module")
def store() -> ProjectStore:
    return store_of_counters(60, 60)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("operand", ["requests_total", "rate(requests_total[2m])"])
def test_streamed_aggregations_equal_those_of_the_whole_vector(
    store: ProjectStore, operator: str, operand: str
) -> None:
    streamed = answer(store, f"{operator} by (job) ({operand})")
    whole = answer(store, f"{operator} by (job) ({operand} or {operand})")
    assert streamed.keys() == whole.keys()
    for labels, row in streamed.items():
        assert row == pytest.approx(whole[labels], nan_ok=True)


@pytest.mark.parametrize("operator", OPERATORS)
def test_threads_and_small_blocks_change_nothing(
    store: ProjectStore, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{operator} by (job) (rate(requests_total[2m]))"
    expected = answer(store, text)
    monkeypatch.setattr(blocks, "_BLOCK_CELLS", 100)
    monkeypatch.setattr(blocks, "_STRETCH_CELLS", 300)
    monkeypatch.setattr(blocks, "_STRETCH_CELLS", 300)
    monkeypatch.setattr(blocks, "_THREAD_CELLS", 500)
    found = answer(store, text, threads=4)
    assert expected.keys() == found.keys()
    for labels, row in expected.items():
        assert row == pytest.approx(found[labels], rel=1e-12, nan_ok=True)


def test_an_error_in_one_thread_is_the_query_s(store: ProjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_CELLS", 100)
    monkeypatch.setattr(blocks, "_STRETCH_CELLS", 300)
    monkeypatch.setattr(blocks, "_STRETCH_CELLS", 300)
    monkeypatch.setattr(blocks, "_THREAD_CELLS", 500)

    def broken(query: object, *args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bongsu.promql.execute.sources.aggregate_rows", broken)
    with closing(Engine(EngineOptions(threads=3))) as engine, pytest.raises(ZeroDivisionError):
        engine.range(store, "sum(requests_total)", 0, 900_000, 20_000)


def test_blocks_cover_every_row_once() -> None:
    weights = np.array([1, 200, 3, 3, 3, 500, 1, 1], dtype=np.int64)
    bounds = list(blocks._block_bounds(weights, 1, 7, 262_144))
    assert 1 == bounds[0][0]
    assert 7 == bounds[-1][1]
    assert [stop for _, stop in bounds[:-1]] == [start for start, _ in bounds[1:]]
