from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.naive import windows as naive

from bongsu.kernels.window_ops import WindowOp
from bongsu.kernels.windows import latest, windows
from bongsu.model.samples import STALE_BITS, STALE_NAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

Series = list[tuple[int, float]]


def generated_series(seed: int, *, special: bool) -> Series:
    """Samples with gaps, jitter, resets and plateaus; with NaN and infinities when `special`."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 60))
    times = np.cumsum(random.choice([1_000, 14_990, 15_000, 15_010, 90_000], size=count)) + 5_000
    values = np.cumsum(random.choice([0.0, 1.0, 2.5, 1e6], size=count))
    for drop in random.integers(0, max(count, 1), size=3):
        values[drop:] -= values[drop] if drop < count else 0
    if special and count:
        values[random.random(count) < 0.2] = math.nan
        values[random.random(count) < 0.05] = math.inf
    return list(zip(times.tolist(), values.tolist(), strict=True))


def flat(rows: list[Series]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The rows one after another, as kernels take them."""
    samples = [sample for row in rows for sample in row]
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    times = np.array([t for t, _ in samples], dtype=np.int64)
    return times, np.array([v for _, v in samples], dtype=np.float64), offsets


def assert_cell(expected: float | None, value: float, kind: int) -> None:
    assert (expected is not None) == (kind == 1)
    if expected is not None:
        assert expected == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("op", list(WindowOp))
@pytest.mark.parametrize(("step", "span"), [(7_000, 100_000), (60_000, 60_000), (200_000, 45_000)])
@pytest.mark.parametrize("special", [False, True])
def test_windows_equal_their_definition(op: WindowOp, step: int, span: int, special: bool) -> None:
    if special and op in (WindowOp.DERIV, WindowOp.PREDICT_LINEAR, WindowOp.DOUBLE_EXPONENTIAL_SMOOTHING):
        pytest.skip("a fit through NaN or infinity has no definition beside its arithmetic")
    rows = [generated_series(seed, special=special) for seed in range(12)]
    ends = np.arange(0, 1_000_000, step, dtype=np.int64)
    params = np.vstack((np.full(len(ends), 0.3), np.full(len(ends), 0.7)))
    if op is WindowOp.PREDICT_LINEAR:
        params[0], params[1] = 3_600, ends
    out, kinds = np.empty((len(rows), len(ends))), np.empty((len(rows), len(ends)), dtype=np.uint8)
    windows(op, flat(rows), ends, span, params, out, kinds)
    for row, samples in enumerate(rows):
        for i, end in enumerate(ends.tolist()):
            first, second = params[:, i].tolist()
            expected = naive.compute(op.name.lower(), samples, end, span, first, second)
            assert_cell(expected, out[row, i], kinds[row, i])


@pytest.mark.parametrize("phi", [-0.1, 0.0, 0.5, 0.99, 1.0, 1.1, math.nan])
def test_sliding_quantiles_equal_those_of_a_sorted_window(phi: float) -> None:
    rows = [generated_series(seed, special=True) for seed in range(20, 30)]
    ends = np.arange(0, 900_000, 5_000, dtype=np.int64)
    params = np.full((2, len(ends)), phi)
    out, kinds = np.empty((len(rows), len(ends))), np.empty((len(rows), len(ends)), dtype=np.uint8)
    windows(WindowOp.QUANTILE_OVER_TIME, flat(rows), ends, 300_000, params, out, kinds)
    for row, samples in enumerate(rows):
        for i, end in enumerate(ends.tolist()):
            expected = naive.compute("quantile_over_time", samples, end, 300_000, phi)
            assert_cell(expected, out[row, i], kinds[row, i])


def one_window(op: WindowOp, values: list[float]) -> float:
    """The function of all `values` as one window."""
    rows = [[(1_000 * i + 1, v) for i, v in enumerate(values)]]
    ends = np.array([1_000 * len(values)], dtype=np.int64)
    out, kinds = np.empty((1, 1)), np.empty((1, 1), dtype=np.uint8)
    windows(op, flat(rows), ends, 1_000 * len(values), np.zeros((2, 1)), out, kinds)
    assert kinds[0, 0] == 1
    return float(out[0, 0])


def test_sums_keep_what_plain_addition_loses() -> None:
    assert one_window(WindowOp.SUM_OVER_TIME, [1e100, 1.0, -1e100, 1.0]) == 2.0
    assert one_window(WindowOp.AVG_OVER_TIME, [1e100, 1.0, -1e100, 1.0]) == 0.5


def test_an_average_of_numbers_near_the_largest_does_not_overflow() -> None:
    assert one_window(WindowOp.AVG_OVER_TIME, [1.7e308] * 5) == pytest.approx(1.7e308)


def test_latest_picks_the_newest_sample_within_the_lookback() -> None:
    rows = [generated_series(seed, special=True) for seed in range(40, 50)]
    ends = np.arange(0, 1_000_000, 11_000, dtype=np.int64)
    samples = flat(rows)
    picks = np.empty((len(rows), len(ends)), dtype=np.int64)
    latest(samples, ends, 20_000, STALE_BITS, picks)
    for row, series in enumerate(rows):
        for i, end in enumerate(ends.tolist()):
            place = naive.latest(series, end, 20_000)
            expected = -1 if place < 0 else place + int(samples[2][row])
            assert expected == picks[row, i]


def test_a_stale_marker_ends_a_series_and_another_nan_does_not() -> None:
    samples = flat([[(1_000, 1.0), (2_000, STALE_NAN), (4_000, math.nan)]])
    picks = np.empty((1, 4), dtype=np.int64)
    latest(samples, np.array([1_500, 2_500, 3_999, 4_500], dtype=np.int64), 5_000, STALE_BITS, picks)
    assert picks.tolist() == [[0, -1, -1, 2]]
