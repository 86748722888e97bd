from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bongsu.scrape.schedule import next_due, offset_ms, sample_time

INTERVAL = 15_000


@given(now=st.integers(0, 2**42), interval=st.integers(1, 10**6), name=st.text(max_size=5))
def test_a_target_is_due_once_per_interval_on_its_own_grid(now: int, interval: int, name: str) -> None:
    offset = offset_ms(name, interval)
    due = next_due(now, interval, offset)
    assert now <= due < now + interval
    assert offset == due % interval
    assert due + interval == next_due(due + 1, interval, offset)


def test_thousands_of_targets_spread_evenly_over_the_interval() -> None:
    per_second = [0] * 15
    for i in range(3_000):
        per_second[offset_ms(f"target-{i}", INTERVAL) // 1000] += 1
    assert 140 < min(per_second)
    assert max(per_second) < 260


def test_samples_get_the_time_of_the_grid_when_the_start_is_nearly_on_it() -> None:
    assert 15_000 == sample_time(15_000, 15_002, INTERVAL)
    assert 15_003 == sample_time(15_000, 15_003, INTERVAL)
    assert 15_002 == sample_time(15_000, 15_002, 100)
