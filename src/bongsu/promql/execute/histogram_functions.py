"""Functions of native histograms, and those that take classic and native ones alike."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.label_columns import LabelColumn, concat
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import bad_quantile, go_float, of_metric
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.binary import stack
from bongsu.promql.execute.classic_histograms import classic_values, find_buckets, without_names
from bongsu.promql.execute.shape import drop_names, merge_equal, name_of, prune
from bongsu.promql.histograms.sparse import ratio, thaw
from bongsu.promql.histograms.statistics import fraction, has_nan_observations, quantile, variance
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.histograms.sparse import Sparse
    from bongsu.promql.parser.ast import Span


def _average(histogram: Sparse) -> float:
    return ratio(histogram.sum, histogram.count)


def _deviation(histogram: Sparse) -> float:
    """Return the standard deviation; what a difference of histograms has may have none."""
    squared = variance(histogram)
    return math.nan if squared < 0 else math.sqrt(squared)


READINGS: Mapping[str, Callable[[Sparse], float]] = {
    "histogram_avg": _average,
    "histogram_count": lambda histogram: histogram.count,
    "histogram_stddev": _deviation,
    "histogram_stdvar": variance,
    "histogram_sum": lambda histogram: histogram.sum,
}
"""Functions that read one number off each native histogram."""


def apply_reading(name: str, vector: Vector, context: Context) -> Vector:
    """Return a function of `READINGS` of every histogram; floats have no such number."""
    reading = READINGS[name]
    return drop_names(_of_histograms(vector, lambda histogram, _, __: reading(histogram)), context)


def _of_histograms(vector: Vector, function: Callable[[Sparse, int, int], float]) -> Vector:
    """Return a float for each histogram cell, given its row and step; series without one are left out."""
    values = np.zeros(vector.values.shape)
    kinds = np.zeros(vector.values.shape, dtype=np.uint8)
    if vector.histograms is not None:
        for row, step in zip(*np.nonzero(vector.kind_matrix() == KIND_HISTOGRAM), strict=True):
            values[row, step] = function(thaw(vector.histograms[row, step]), int(row), int(step))
            kinds[row, step] = KIND_FLOAT
    return prune(Vector(vector.labels, values, kinds, None, vector.drop_name))


def quantiles(
    phi: NDArray[np.float64], vector: Vector, context: Context, places: tuple[Span, Span]
) -> Vector:
    """
    Return a quantile of every histogram, classic and native.

    Parameters
    ----------
    phi : ndarray of float64, shape (n_steps,)
    places
        Where the quantile and the vector stand in the query.
    """
    notes = context.query.annotations
    for value in set(phi[~((phi >= 0) & (phi <= 1))].tolist()):
        notes.warn(bad_quantile(value), places[0])

    def of_native(histogram: Sparse, row: int, step: int) -> float:
        result = quantile(float(phi[step]), histogram)
        name = of_metric(name_of(vector.labels, row))
        if result.is_nan:
            notes.inform(
                f"input to histogram_quantile has NaN observations, result is NaN{name}",
                places[0],
            )
        elif result.is_skewed:
            notes.inform(
                f"input to histogram_quantile has NaN observations, result is skewed higher{name}",
                places[0],
            )
        return result.value

    return _classic_and_native(vector, np.vstack((phi, phi)), of_native, context, places[1], False)


def fractions(
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    vector: Vector,
    context: Context,
    places: tuple[Span, Span],
) -> Vector:
    """
    Return the share of the observations between two bounds, of every histogram, classic and native.

    Parameters
    ----------
    places
        Where the lower bound and the vector stand in the query.
    """

    def of_native(histogram: Sparse, row: int, step: int) -> float:
        if has_nan_observations(histogram):
            context.query.annotations.inform(
                "input to histogram_fraction has NaN observations, which are excluded from all fractions"
                + of_metric(name_of(vector.labels, row)),
                places[0],
            )
        return fraction(float(lower[step]), float(upper[step]), histogram)

    return _classic_and_native(vector, np.vstack((lower, upper)), of_native, context, places[1], True)


def _classic_and_native(
    vector: Vector,
    params: NDArray[np.float64],
    of_native: Callable[[Sparse, int, int], float],
    context: Context,
    place: Span,
    fraction: bool,
) -> Vector:
    native = _of_histograms(vector, of_native)
    buckets = find_buckets(vector, context, place)
    if len(buckets.labels) == 0:
        return without_names(native, context)
    classic = classic_values(buckets, params, context, place, fraction=fraction)
    if native.n_series:
        native, classic = _without_conflicts(native, classic, context, place)
        classic = stack([native, classic])
    return without_names(prune(classic), context)


def _without_conflicts(
    native: Vector, classic: Vector, context: Context, place: Span
) -> tuple[Vector, Vector]:
    """Leave out, with a warning, the cells at which a series is a classic and a native histogram at once."""
    ids, _ = concat([native.labels, classic.labels]).group_ids()
    of_native = {int(group): row for row, group in enumerate(ids[: native.n_series])}
    native_kinds, classic_kinds = native.kind_matrix().copy(), classic.kind_matrix().copy()
    for row, group in enumerate(ids[native.n_series :].tolist()):
        other = of_native.get(group)
        if other is None:
            continue
        both = (native_kinds[other] != KIND_ABSENT) & (classic_kinds[row] != KIND_ABSENT)
        if both.any():
            context.query.annotations.warn(
                "vector contains a mix of classic and native histograms"
                + of_metric(name_of(classic.labels, row)),
                place,
            )
        native_kinds[other, both] = KIND_ABSENT
        classic_kinds[row, both] = KIND_ABSENT
    return prune(replace(native, kinds=native_kinds)), prune(replace(classic, kinds=classic_kinds))


def many_quantiles(
    label: str,
    phis: Sequence[NDArray[np.float64]],
    vector: Vector,
    context: Context,
    places: tuple[Sequence[Span], Span],
) -> Vector:
    """
    Return several quantiles of every histogram, each in a series of its own with the quantile in `label`.

    Raises
    ------
    ExecutionError
        If the series already have that label.
    """
    if label in vector.labels:
        raise ExecutionError(
            f"histogram_quantiles: label {label!r} is already on the input; choose another one",
            id="promql-label-exists",
        )
    parts = [
        _labelled(quantiles(phi, vector, context, (place, places[1])), label, phi)
        for phi, place in zip(phis, places[0], strict=True)
    ]
    filled = [part for part in parts if part.n_series]
    return merge_equal(stack(filled)) if filled else parts[0]


def _labelled(vector: Vector, label: str, phi: NDArray[np.float64]) -> Vector:
    """Set the label to the quantile; where it changes with the steps, each value is a series of its own."""
    texts = [quantile_text(float(value)) for value in phi]
    parts = []
    for text in sorted(set(texts)):
        steps = np.array([each == text for each in texts])
        kinds = np.where(steps, vector.kind_matrix(), KIND_ABSENT).astype(np.uint8)
        labels = _with_constant(vector.labels, label, text)
        parts.append(replace(vector, labels=labels, kinds=kinds))
    return prune(stack(parts))


def _with_constant(labels: LabelColumns, name: str, text: str) -> LabelColumns:
    values = np.array([text], dtype=object)
    return labels.with_column(name, LabelColumn(np.zeros(len(labels), dtype=np.int32), values))


def quantile_text(value: float) -> str:
    """Return a quantile as OpenMetrics writes it: whole numbers with a decimal point."""
    text = go_float(value)
    return text + ".0" if text.lstrip("-").isdigit() else text
