from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.counters import store_of_counters

from bongsu.promql.engine import Engine
from bongsu.promql.values import Vector
from bongsu.storage.memory import MemoryProjectStore, MemorySelection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.model.matchers import Matcher


class CountingStore(MemoryProjectStore):
    """Counts how often series are selected."""

    selections = 0

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> MemorySelection:
        """Count, and select."""
        self.selections += 1
        return super().select(matchers, start_ms, end_ms)


def counting_store() -> CountingStore:
    store = CountingStore()
    store.__dict__.update(store_of_counters(6, 20).__dict__)
    return store


def test_a_repeated_expression_reads_its_samples_once() -> None:
    store = counting_store()
    Engine().range(store, "abs(requests_total) / abs(requests_total)", 0, 200_000, 20_000)
    assert 1 == store.selections


def test_a_note_names_the_last_of_its_places_though_the_result_is_shared() -> None:
    store = store_of_counters(2, 20, name="requests")
    result = Engine().range(store, "rate(requests[1m]) + rate(requests[1m])", 0, 200_000, 20_000)
    assert ["(1:27)"] == [note.split()[-1] for note in result.infos]


def test_an_expression_pinned_in_time_is_the_same_at_every_step() -> None:
    store = counting_store()
    value = Engine().range(store, "sum(requests_total @ 100)", 0, 200_000, 20_000).value
    single = Engine().instant(store, "sum(requests_total @ 100)", 0).value
    assert isinstance(value, Vector)
    assert isinstance(single, Vector)
    assert [single.values[0, 0]] * 11 == value.values[0].tolist()
