"""A project's rate of samples, and the counting of what its limits refuse."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from tests.support.stores import Row, found, write_rows

from bongsu.model.errors import LimitExceeded
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import StoreLimits, StoreOptions
from bongsu.storage.limited import BURST_S, LimitedStore, LimitMetrics, SampleRate
from bongsu.storage.memory import MemoryProjectStore

pytestmark = pytest.mark.anyio

UP = {"__name__": "up"}


class Scene:
    def __init__(self, options: StoreOptions | None = None) -> None:
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.metrics = LimitMetrics(self.registry)
        self.inner = MemoryProjectStore(options)
        self.store = LimitedStore(self.inner, "one", self.clock, self.metrics)
        self.other = LimitedStore(MemoryProjectStore(), "two", self.clock, self.metrics)

    def write(self, store: LimitedStore, count: int, first: int = 0) -> int:
        return write_rows(store, [Row(UP, first + i, 1.0) for i in range(count)]).written


async def test_a_project_above_its_rate_is_refused_until_time_has_paid_for_it() -> None:
    scene = Scene()
    scene.store.rate.per_second = 10
    assert 400 == scene.write(scene.store, 400)  # 150 are in the burst, the rest is a debt of 25 seconds

    with pytest.raises(LimitExceeded) as refused:
        scene.write(scene.store, 5, first=1000)

    assert 25.0 == refused.value.retry_after_s
    assert (
        "5 samples are over the project's rate of 10 samples a second; send them again in 25 s, send fewer, or raise the "
        "project's limit 'max_samples_per_second' (setting limits.max_samples_per_second, default 0, which is none)"
    ) == refused.value.message
    assert "rate-limit" == refused.value.id
    assert 400 == len(found(scene.inner)["up"])
    assert {"max_samples_per_second": 5} == scene.metrics.of("one")
    labels = {"project": "one", "limit": "max_samples_per_second"}
    assert 5.0 == scene.registry.get_sample_value("bongsu_limit_refused_total", labels)
    assert 400 == scene.write(scene.other, 400), "another project has a rate of its own"
    await scene.clock.advance(25.1)
    assert 5 == scene.write(scene.store, 5, first=1000)


async def test_no_rate_is_no_limit_and_a_lifted_one_forgets_its_debt() -> None:
    scene = Scene()
    scene.store.rate.per_second = 1
    scene.write(scene.store, 1000)
    scene.store.rate.per_second = 0
    assert 1000 == scene.write(scene.store, 1000, first=2000)
    scene.store.rate.per_second = 1000
    assert 1 == scene.write(scene.store, 1, first=5000)
    assert 1 == scene.store.rate.used()


def test_refused_series_are_counted_by_the_limit_that_refused_them() -> None:
    limits = StoreLimits(max_series=2, max_labels_per_series=3, max_label_value_bytes=20)
    scene = Scene(StoreOptions(retention_ms=0, limits=limits))
    write_rows(
        scene.store,
        [
            Row({"__name__": "a" * 21}, 1, 1.0),
            Row({"__name__": "b", "c": "1", "d": "1", "e": "1"}, 1, 1.0),
            Row({"__name__": "a"}, 1, 1.0),
            Row({"__name__": "b"}, 1, 1.0),
            Row({"__name__": "c"}, 1, 1.0),
        ],
    )

    assert {"max_series": 1, "max_labels_per_series": 1, "max_label_value_bytes": 1} == scene.metrics.of(
        "one"
    )
    message = scene.store.resolve([b"__name__\xffd\xff"]).rejections[0].message
    assert re.search(
        r"needs 3 series in the project, 2 are allowed; .*'max_series' \(setting limits\.max_series, default 1000000\)",
        message,
    )


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(1, 400), st.floats(0, 20)), max_size=30))
async def test_what_passes_never_exceeds_burst_and_rate_by_more_than_a_batch(
    per_second: int, calls: list[tuple[int, float]]
) -> None:
    clock = ManualClock()
    rate = SampleRate(clock)
    rate.per_second = per_second
    passed, largest = 0, 0
    for samples, wait in calls:
        if rate.take(samples) is None:
            passed += samples
            largest = max(largest, samples)
        assert passed <= per_second * (BURST_S + clock.monotonic()) + largest
        await clock.advance(wait)


def test_refusals_are_counted_by_project_and_forgotten_with_it() -> None:
    registry = CollectorRegistry()
    metrics = LimitMetrics(registry)
    metrics.count("one", "max_keys", 2)
    metrics.count("one", "max_keys", 1)
    metrics.count("two", "max_keys", 5)
    labels = {"project": "one", "limit": "max_keys"}

    assert ({"max_keys": 3}, {"max_keys": 5}, {}) == (
        metrics.of("one"),
        metrics.of("two"),
        metrics.of("none"),
    )
    assert 3.0 == registry.get_sample_value("bongsu_limit_refused_total", labels)
    metrics.forget("one")
    assert ({}, {"max_keys": 5}) == (metrics.of("one"), metrics.of("two"))
    assert registry.get_sample_value("bongsu_limit_refused_total", labels) is None
