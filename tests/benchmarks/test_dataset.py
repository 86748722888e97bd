"""The data set of the comparison: the same for the same seed, and of the shape that it promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.compare.dataset import SERIES_PER_HOST, STALE, STEP_MS, Host, Shape, make_hosts

if TYPE_CHECKING:
    from numpy.typing import NDArray

END_MS = 1_700_000_040_000
SHAPE = Shape(hosts=20, steps=480, end_ms=END_MS)


@pytest.fixture(scope="module")
def hosts() -> list[Host]:
    return list(make_hosts(SHAPE))


def rows(host: Host, name: str) -> list[int]:
    return [row for row, labels in enumerate(host.labels) if labels["__name__"] == name]


def is_stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = np.ascontiguousarray(values).view(np.uint64) == STALE.view(np.uint64)
    return same


def test_the_same_seed_gives_the_same_bits(hosts: list[Host]) -> None:
    for first, again in zip(hosts, make_hosts(SHAPE), strict=True):
        assert first.labels == again.labels
        assert first.times.tobytes() == again.times.tobytes()
        assert first.values.tobytes() == again.values.tobytes()


def test_another_seed_gives_other_values(hosts: list[Host]) -> None:
    other = next(make_hosts(Shape(hosts=20, steps=480, end_ms=END_MS, seed=21)))
    assert hosts[0].values.tobytes() != other.values.tobytes()


def test_a_host_has_200_series_of_different_labels(hosts: list[Host]) -> None:
    for host in hosts:
        assert (SERIES_PER_HOST, len(host.times)) == host.values.shape
    every = [tuple(labels.items()) for host in hosts for labels in host.labels]
    assert len(every) == len(set(every))


def test_at_every_step_all_slots_have_one_host(hosts: list[Host]) -> None:
    alive = np.zeros((SHAPE.hosts, SHAPE.steps), dtype=int)
    for host in hosts:
        alive[host.slot, host.first_step : host.first_step + len(host.times)] += 1
    assert 1 == alive.min() == alive.max()


def test_hosts_are_replaced_at_the_rate_that_was_asked_for(hosts: list[Host]) -> None:
    assert SHAPE.hosts + 2 == len(hosts)  # 5% of 20 hosts an hour, over two hours
    without = list(make_hosts(Shape(hosts=20, steps=480, end_ms=END_MS, churn_per_hour=0)))
    assert 20 == len(without)


def test_only_a_replaced_host_ends_with_stale_markers(hosts: list[Host]) -> None:
    for host in hosts:
        replaced = host.first_step + len(host.times) < SHAPE.steps
        assert replaced == bool(is_stale(host.values[:, -1]).all())
        assert not is_stale(host.values[:, :-1]).any()


def test_samples_come_within_their_step_and_not_on_a_grid(hosts: list[Host]) -> None:
    for host in hosts:
        steps = np.arange(host.first_step, host.first_step + len(host.times))
        into = host.times - (SHAPE.start_ms + steps * STEP_MS)
        assert 0 < into.min()
        assert into.max() < STEP_MS
        assert len(set(np.diff(host.times).tolist())) > 1


def test_counters_fall_only_where_a_host_restarts(hosts: list[Host]) -> None:
    falls = set()
    for host in hosts:
        counters = host.values[rows(host, "node_cpu_seconds_total")]
        counters = counters[:, ~is_stale(counters[0])]
        n = counters.shape[1]
        at = np.unique(np.nonzero(np.diff(counters, axis=1) < 0)[1])
        falls.add(len(at))
        restarts = np.diff(host.values[rows(host, "http_request_duration_seconds_count")][:, :n], axis=1)
        assert set(np.nonzero(restarts < 0)[1].tolist()) <= set(at.tolist())
    assert {0, 1} == falls


def test_buckets_are_cumulative(hosts: list[Host]) -> None:
    for host in hosts:
        buckets = host.values[rows(host, "http_request_duration_seconds_bucket")][:12, :-1]
        assert (np.diff(buckets, axis=0) >= 0).all()
