"""Sums, differences and resets of native histograms whose layouts may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bongsu.model.histograms import ResetHint

if TYPE_CHECKING:
    from bongsu.promql.histograms.sparse import Buckets, Sparse


class IncompatibleLayouts(Exception):
    """Exponential and custom buckets have no common layout."""


class Merged(NamedTuple):
    """
    What a sum or difference met.

    Attributes
    ----------
    collision
        One side began with a counter reset and the other is known not to have.
    reconciled
        The custom bounds differed, and were reduced to those that both have.
    """

    collision: bool
    reconciled: bool


def add(target: Sparse, other: Sparse) -> Merged:
    """
    Add `other` to `target`, in place, at the lower of both resolutions.

    Raises
    ------
    IncompatibleLayouts
        If one has exponential and the other custom buckets.
    """
    return _merge(target, other, 1.0)


def subtract(target: Sparse, other: Sparse) -> Merged:
    """Subtract `other` from `target`, as `add`."""
    return _merge(target, other, -1.0)


def _merge(target: Sparse, other: Sparse, sign: float) -> Merged:
    if target.is_custom != other.is_custom:
        raise IncompatibleLayouts
    collision = _settle_hints(target, other)
    target.count += sign * other.count
    target.sum += sign * other.sum
    if target.is_custom:
        reconciled = target.custom_values != other.custom_values
        positive = other.positive
        if reconciled:
            shared = shared_bounds(target.custom_values, other.custom_values)
            positive = onto_bounds(other.positive, other.custom_values, shared)
            target.positive = onto_bounds(target.positive, target.custom_values, shared)
            target.custom_values = shared
        _put(target.positive, positive, sign)
        return Merged(collision, reconciled)
    if target.zero_threshold != other.zero_threshold or target.schema != other.schema:
        other = other.copy()
        _share_zero_bucket(target, other)
        schema = min(target.schema, other.schema)
        target.to_schema(schema)
        other.to_schema(schema)
    target.zero_count += sign * other.zero_count
    _put(target.positive, other.positive, sign)
    _put(target.negative, other.negative, sign)
    return Merged(collision, False)


def _put(target: Buckets, other: Buckets, sign: float) -> None:
    for index, count in other.items():
        target[index] = target.get(index, 0.0) + sign * count


def _settle_hints(target: Sparse, other: Sparse) -> bool:
    """Set the hint of a result; tell whether the two hints contradict each other."""
    hints = {target.reset_hint, other.reset_hint}
    target.reset_hint = joined_hint(target.reset_hint, other.reset_hint)
    return hints == {ResetHint.RESET, ResetHint.NO_RESET}


def joined_hint(one: ResetHint, other: ResetHint) -> ResetHint:
    """Return what is known of a sum: a gauge makes it a gauge, and different hints leave nothing known."""
    if one is other:
        return one
    return ResetHint.GAUGE if ResetHint.GAUGE in (one, other) else ResetHint.UNKNOWN


def _share_zero_bucket(target: Sparse, other: Sparse) -> None:
    """Widen the zero buckets of both to a threshold that cuts no populated bucket of either."""
    while target.zero_threshold != other.zero_threshold:
        if target.zero_threshold > other.zero_threshold:
            widen_zero_bucket(other, target.zero_threshold)
        else:
            widen_zero_bucket(target, other.zero_threshold)


def zero_count_for(histogram: Sparse, threshold: float) -> tuple[float, float]:
    """Return what the zero bucket would hold when widened to `threshold`, and to how much it had to be widened for that."""
    if threshold == histogram.zero_threshold:
        return histogram.zero_count, threshold
    while True:
        count, wider = histogram.zero_count, threshold
        for buckets in (histogram.positive, histogram.negative):
            for index, bucket_count in buckets.items():
                lower, upper = histogram.bounds(index)
                if lower >= threshold:
                    continue
                count += bucket_count
                if upper > wider and bucket_count != 0:
                    wider = upper
        if wider == threshold:
            return count, threshold
        threshold = wider


def widen_zero_bucket(histogram: Sparse, threshold: float) -> None:
    """Widen the zero bucket to at least `threshold`, in place; it takes in the buckets that it covers."""
    histogram.zero_count, histogram.zero_threshold = zero_count_for(histogram, threshold)
    for buckets in (histogram.positive, histogram.negative):
        inside = [index for index in buckets if histogram.bounds(index)[0] < histogram.zero_threshold]
        for index in inside:
            del buckets[index]


def shared_bounds(ours: tuple[float, ...], theirs: tuple[float, ...]) -> tuple[float, ...]:
    """Return the custom bounds that both have."""
    return tuple(sorted(set(ours) & set(theirs)))


def onto_bounds(buckets: Buckets, old: tuple[float, ...], new: tuple[float, ...]) -> Buckets:
    """Return custom buckets on fewer bounds: each goes into the one that contains it."""
    result: Buckets = {}
    for index, count in buckets.items():
        upper = old[index] if index < len(old) else None
        wider = len(new) if upper is None else next((i for i, b in enumerate(new) if b >= upper), len(new))
        result[wider] = result.get(wider, 0.0) + count
    return result


def is_reset(current: Sparse, before: Sparse) -> bool:
    """Tell whether a counter was reset between two histograms: something in it fell or is gone, or its layout became finer."""
    if current.reset_hint is ResetHint.RESET:
        return True
    if current.reset_hint is ResetHint.NO_RESET:
        return False
    if current.count < before.count or current.is_custom != before.is_custom:
        return True
    if current.is_custom:
        shared = shared_bounds(current.custom_values, before.custom_values)
        now = onto_bounds(current.positive, current.custom_values, shared)
        return _fell(now, onto_bounds(before.positive, before.custom_values, shared))
    if current.schema > before.schema or current.zero_threshold < before.zero_threshold:
        return True
    zero_count, threshold = zero_count_for(before, current.zero_threshold)
    if threshold != current.zero_threshold or current.zero_count < zero_count:
        return True
    if before.zero_threshold != threshold or before.schema != current.schema:
        before = before.copy()
        widen_zero_bucket(before, threshold)
        before.to_schema(current.schema)
    return _fell(current.positive, before.positive) or _fell(current.negative, before.negative)


def _fell(now: Buckets, before: Buckets) -> bool:
    """Tell whether a bucket fell or is gone; those of differences may count below zero."""
    return any(
        found < count or (found == 0 and count != 0)
        for found, count in ((now.get(index, 0.0), count) for index, count in before.items())
    )


def same(one: Sparse, other: Sparse) -> bool:
    """Tell whether two histograms are equal bit for bit in what they count; the reset hint does not matter."""
    return (
        one.schema == other.schema
        and one.count == other.count
        and _equal_floats(one.sum, other.sum)
        and one.custom_values == other.custom_values
        and one.zero_threshold == other.zero_threshold
        and one.zero_count == other.zero_count
        and _populated(one.positive) == _populated(other.positive)
        and _populated(one.negative) == _populated(other.negative)
    )


def _equal_floats(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def _populated(buckets: Buckets) -> Buckets:
    return {index: count for index, count in buckets.items() if count != 0}
