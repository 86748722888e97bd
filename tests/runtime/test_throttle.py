from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.runtime.clock import ManualClock
from bongsu.runtime.throttle import Throttle

pytestmark = pytest.mark.anyio


async def test_attempts_come_back_evenly_over_the_window() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, attempts=3, window_s=30)

    assert [0, 0, 0] == [throttle.take("kim") for _ in range(3)]
    assert 10 == pytest.approx(throttle.take("kim"))
    assert 0 == throttle.take("lee"), "another name is not touched"
    await clock.advance(9)
    assert 1 == pytest.approx(throttle.take("kim"))
    await clock.advance(1)
    assert 0 == throttle.take("kim")
    assert 10 == pytest.approx(throttle.take("kim"))


async def test_what_was_good_is_given_back_and_a_name_is_forgotten() -> None:
    throttle = Throttle(ManualClock(), attempts=1, window_s=60)
    for _ in range(5):
        assert 0 == throttle.take("kim")
        throttle.give_back("kim")
    throttle.take("kim")
    assert throttle.take("kim") > 0
    throttle.forget("kim")
    assert 0 == throttle.take("kim")


async def test_no_attempts_means_no_bound() -> None:
    throttle = Throttle(ManualClock(), attempts=0, window_s=60)

    assert {0} == {throttle.take("kim") for _ in range(1000)}
    assert 0 == len(throttle)


async def test_memory_is_bounded_and_who_is_refused_is_forgotten_last() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, attempts=5, window_s=60, max_names=100)
    while throttle.take("kim") == 0:
        pass
    for number in range(1000):
        throttle.take(f"invented-{number}")

    assert len(throttle) <= 100
    assert throttle.take("kim") > 0
    await clock.advance(60)
    throttle.take("later")
    assert 0 == throttle.take("kim")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(min_value=0, max_value=20), max_size=60), st.integers(1, 5))
def test_no_more_pass_in_any_window_than_twice_the_attempts(waits: list[float], attempts: int) -> None:
    """A bucket that is full lets its attempts through, and as many again while it fills: never more."""

    class Clock(ManualClock):
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    throttle = Throttle(clock, attempts=attempts, window_s=10)
    passed: list[float] = []
    for wait in waits:
        clock.now += wait
        if throttle.take("x") == 0:
            passed.append(clock.now)
    for start in passed:
        assert sum(start <= time <= start + 10 for time in passed) <= 2 * attempts + 1
