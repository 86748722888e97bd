from __future__ import annotations

import numpy as np
import pytest
from tests.naive import counters as naive_counters
from tests.naive import extents as naive

from bongsu.kernels.counters import started_windows
from bongsu.kernels.extents import extended_windows, smoothed_at
from bongsu.kernels.window_ops import WindowOp

SPAN, LOOKBACK = 60_000, 40_000
ENDS = np.arange(0, 900_000, 13_000, dtype=np.int64)
EXTENDED = [WindowOp.RATE, WindowOp.INCREASE, WindowOp.DELTA, WindowOp.RESETS, WindowOp.CHANGES]


def counter(seed: int) -> list[tuple[int, float]]:
    """A counter with gaps and resets."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 50))
    times = np.cumsum(random.choice([5_000, 15_000, 70_000], size=count))
    values = np.cumsum(random.integers(0, 9, size=count)).astype(float)
    drop = int(random.integers(0, count))
    values[drop:] -= values[drop]
    return list(zip(times.tolist(), values.tolist(), strict=True))


def arrays(samples: list[tuple[int, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    times, values = (np.array(column) for column in zip(*samples, strict=True))
    return times, values, np.array([0, len(samples)], dtype=np.int64)


@pytest.mark.parametrize("op", EXTENDED)
def test_anchored_windows_equal_their_definition(op: WindowOp) -> None:
    for seed in range(25):
        samples = counter(seed)
        out, kinds = np.empty((1, len(ENDS))), np.empty((1, len(ENDS)), dtype=np.uint8)
        extended_windows(op, arrays(samples), ENDS, SPAN, LOOKBACK, out, kinds, smoothed=False)
        for i, end in enumerate(ENDS.tolist()):
            expected = naive.anchored(op.name.lower(), samples, end, SPAN, LOOKBACK)
            assert (expected is not None) == (kinds[0, i] == 1)
            if expected is not None:
                assert expected == pytest.approx(out[0, i])


@pytest.mark.parametrize("op", EXTENDED[:3])
def test_smoothed_windows_equal_their_definition(op: WindowOp) -> None:
    for seed in range(25):
        samples = counter(seed)
        out, kinds = np.empty((1, len(ENDS))), np.empty((1, len(ENDS)), dtype=np.uint8)
        extended_windows(op, arrays(samples), ENDS, SPAN, LOOKBACK, out, kinds, smoothed=True)
        for i, end in enumerate(ENDS.tolist()):
            expected = naive.smoothed(op.name.lower(), samples, end, SPAN, LOOKBACK)
            assert (expected is not None) == (kinds[0, i] == 1)
            if expected is not None:
                assert expected == pytest.approx(out[0, i])


def test_a_smoothed_selector_lies_on_the_line_between_the_samples_around_it() -> None:
    samples = arrays([(10_000, 1.0), (20_000, 3.0), (90_000, 5.0)])
    ends = np.array([9_000, 10_000, 15_000, 20_000, 55_000, 70_000, 95_000], dtype=np.int64)
    out, kinds = np.empty((1, 7)), np.empty((1, 7), dtype=np.uint8)
    smoothed_at(samples, ends, LOOKBACK, out, kinds)
    assert kinds.tolist() == [[0, 1, 1, 1, 1, 0, 1]]
    assert out[kinds == 1].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("op", [WindowOp.RATE, WindowOp.INCREASE, WindowOp.RESETS])
def test_counters_that_know_their_start_equal_their_definition(op: WindowOp) -> None:
    for seed in range(25):
        samples = counter(seed)
        random = np.random.default_rng(seed)
        began, started = 1_000, []
        for i, (time, value) in enumerate(samples):
            if i and random.random() < 0.2:
                began = samples[i - 1][0] + int(random.integers(0, 4_000))
            started.append((time, value, began if random.random() < 0.9 else 0))
        overlaps = np.empty(1, dtype=np.uint8)
        out, kinds = np.empty((1, len(ENDS))), np.empty((1, len(ENDS)), dtype=np.uint8)
        starts = np.array([start for *_, start in started])
        started_windows(op, arrays(samples), starts, ENDS, SPAN, out, kinds, overlaps)
        assert overlaps[0] == 0
        for i, end in enumerate(ENDS.tolist()):
            expected = naive_counters.compute(op.name.lower(), started, end, SPAN)
            assert (expected is not None) == (kinds[0, i] == 1)
            if expected is not None:
                assert expected == pytest.approx(out[0, i])


def test_a_single_sample_counts_from_its_start() -> None:
    out, kinds, overlaps = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8), np.empty(1, dtype=np.uint8)
    ends = np.array([60_000], dtype=np.int64)
    starts = np.array([30_000])
    started_windows(WindowOp.INCREASE, arrays([(60_000, 12.0)]), starts, ends, 60_000, out, kinds, overlaps)
    assert (1, 12.0) == (kinds[0, 0], out[0, 0])


def test_starts_that_contradict_each_other_are_reported() -> None:
    out, kinds, overlaps = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8), np.empty(1, dtype=np.uint8)
    ends = np.array([60_000], dtype=np.int64)
    samples = arrays([(10_000, 1.0), (20_000, 2.0)])
    started_windows(WindowOp.RATE, samples, np.array([5_000, 7_000]), ends, 60_000, out, kinds, overlaps)
    assert overlaps[0] == 1
