"""Range functions one window at a time, from their definitions alone."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Sample = tuple[int, float]


def window_of(samples: Sequence[Sample], end: int, span: int) -> list[Sample]:
    """Return the samples in ``(end - span, end]``."""
    return [(t, v) for t, v in samples if end - span < t <= end]


def compute(
    name: str, samples: Sequence[Sample], end: int, span: int, first: float = 0.0, second: float = 0.0
) -> float | None:
    """Return the function `name` of one window, None where it has no result."""
    window = window_of(samples, end, span)
    values = [v for _, v in window]
    if name in ("rate", "increase", "delta"):
        return extrapolated(name, window, end, span)
    if name in ("irate", "idelta"):
        return last_two(name, window)
    if name == "predict_linear":
        return None if len(window) < 2 else line(window, int(second))(first)
    if name == "deriv":
        return None if len(window) < 2 else line(window, window[0][0])(1.0) - line(window, window[0][0])(0.0)
    if name == "double_exponential_smoothing":
        return None if len(window) < 2 else smoothed(values, first, second)
    if not window:
        return None
    if name == "quantile_over_time":
        return quantile(values, first)
    return simple(name, window)


def simple(name: str, window: Sequence[Sample]) -> float:
    """Return a function that is defined for every window that is not empty."""
    times, values = [t for t, _ in window], [v for _, v in window]
    numbers = [v for v in values if not math.isnan(v)]
    pairs = list(itertools.pairwise(values))
    match name:
        case "resets":
            return sum(after < before for before, after in pairs)
        case "changes":
            return sum(
                after != before and not (math.isnan(after) and math.isnan(before)) for before, after in pairs
            )
        case "sum_over_time":
            return total(values)
        case "avg_over_time":
            return total(values) / len(values)
        case "count_over_time":
            return len(values)
        case "present_over_time":
            return 1
        case "first_over_time":
            return values[0]
        case "last_over_time":
            return values[-1]
        case "min_over_time":
            return min(numbers, default=math.nan)
        case "max_over_time":
            return max(numbers, default=math.nan)
        case "stdvar_over_time":
            return variance(values)
        case "stddev_over_time":
            return math.sqrt(variance(values))
        case "mad_over_time":
            if len(numbers) < len(values):
                return math.nan
            middle = quantile(values, 0.5)
            return quantile([abs(v - middle) for v in values], 0.5)
        case "ts_of_first_over_time":
            return times[0] / 1000
        case "ts_of_last_over_time":
            return times[-1] / 1000
        case "ts_of_min_over_time" | "ts_of_max_over_time":
            best = min(numbers, default=None) if "min" in name else max(numbers, default=None)
            return max(t for t, v in window if best is None or v == best) / 1000
        case _:
            raise AssertionError(name)


def total(values: Sequence[float]) -> float:
    """Return the exactly rounded sum; infinities as in plain addition."""
    return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)


def variance(values: Sequence[float]) -> float:
    """Return the mean squared distance from the mean."""
    if not all(map(math.isfinite, values)):
        return math.nan
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / len(values)


def quantile(values: Sequence[float], phi: float) -> float:
    """Return the quantile, linear between ranks, NaN the smallest value."""
    if math.isnan(phi):
        return math.nan
    if not 0 <= phi <= 1:
        return math.copysign(math.inf, phi)
    ordered = sorted(values, key=lambda v: (not math.isnan(v), v if not math.isnan(v) else 0))
    rank = phi * (len(values) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(values) - 1)
    return ordered[low] * (1 - (rank - low)) + ordered[high] * (rank - low)


def extrapolated(name: str, window: Sequence[Sample], end: int, span: int) -> float | None:
    """Return rate, increase or delta."""
    if len(window) < 2:
        return None
    (first_t, first_v), (last_t, last_v) = window[0], window[-1]
    result = last_v - first_v
    if name != "delta":
        for (_, before), (_, after) in itertools.pairwise(window):
            if after < before:
                result += before
    sampled = (last_t - first_t) / 1000
    spacing = sampled / (len(window) - 1)
    left, right = (first_t - (end - span)) / 1000, (end - last_t) / 1000
    left = spacing / 2 if left >= spacing * 1.1 else left
    right = spacing / 2 if right >= spacing * 1.1 else right
    if name != "delta" and result > 0 and first_v >= 0:
        left = min(left, sampled * (first_v / result))
    result *= (sampled + left + right) / sampled
    return result / (span / 1000) if name == "rate" else result


def last_two(name: str, window: Sequence[Sample]) -> float | None:
    """Return irate or idelta."""
    if len(window) < 2:
        return None
    (t0, v0), (t1, v1) = window[-2:]
    if name == "idelta":
        return v1 - v0
    return (v1 if v1 < v0 else v1 - v0) / ((t1 - t0) / 1000)


def line(window: Sequence[Sample], origin: int) -> Callable[[float], float]:
    """Return the least-squares line as a function of seconds after `origin`."""
    xs = [(t - origin) / 1000 for t, _ in window]
    ys = [v for _, v in window]
    if all(y == ys[0] for y in ys):
        constant = ys[0] if math.isfinite(ys[0]) else math.nan
        return lambda _: constant
    if not all(map(math.isfinite, ys)):
        return lambda _: math.nan
    fit = statistics.linear_regression(xs, ys)
    return lambda x: fit.intercept + fit.slope * x


def smoothed(values: Sequence[float], factor: float, trend_factor: float) -> float:
    """Return the last level of double exponential smoothing."""
    level, trend = values[0], values[1] - values[0]
    before = level
    for i, value in enumerate(values[1:]):
        if i:
            trend = trend_factor * (level - before) + (1 - trend_factor) * trend
        before, level = level, factor * value + (1 - factor) * (level + trend)
    return level


def latest(samples: Sequence[Sample], end: int, lookback: int) -> int:
    """Return the index of the newest sample in ``(end - lookback, end]``, -1 where there is none."""
    inside = [i for i, (t, _) in enumerate(samples) if end - lookback < t <= end]
    return inside[-1] if inside else -1
