"""Parts made ahead come whole and in order, whoever makes them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bongsu.api.prometheus.ahead import PARTS_AHEAD, made_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def _number(number: int) -> bytes:
    return b"%d" % number


def _numbers(count: int) -> Iterator[partial[bytes]]:
    return (partial(_number, number) for number in range(count))


@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("count", [0, 1, 5, 200])
def test_parts_come_in_order(threads: int, count: int) -> None:
    expected = [b"%d" % number for number in range(count)]
    if not threads:
        assert expected == list(made_ahead(_numbers(count), None))
        return
    with ThreadPoolExecutor(threads) as executor:
        assert expected == list(made_ahead(_numbers(count), executor))


def test_no_more_is_made_ahead_than_the_bound() -> None:
    made: list[int] = []

    def make(number: int) -> bytes:
        made.append(number)
        return b"x"

    with ThreadPoolExecutor(2) as executor:
        parts = made_ahead((partial(make, number) for number in range(100)), executor)
        for _ in range(3):
            next(parts)
        executor.submit(int).result()  # the helpers have made what they were given

        assert len(made) <= 3 + PARTS_AHEAD


def test_a_busy_executor_does_not_hold_an_answer_back() -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(stop.wait)

        assert [b"0", b"1", b"2"] == list(made_ahead(_numbers(3), executor))
        stop.set()


def test_a_closed_executor_is_done_without() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()

    assert [b"0", b"1"] == list(made_ahead(_numbers(2), executor))


def test_an_error_reaches_whoever_takes_the_part() -> None:
    def fail() -> bytes:
        raise ValueError("broken")

    with ThreadPoolExecutor(1) as executor:
        parts = made_ahead((lambda: b"1", fail), executor)

        assert b"1" == next(parts)
        with pytest.raises(ValueError, match="broken"):
            next(parts)
