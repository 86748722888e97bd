"""Functions of native histograms, and those that take classic and native ones alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.histogram_statistics import NAN_RESULT
from bongsu.model.label_columns import LabelColumn, concat
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.annotations import bad_quantile, go_float, of_metric
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.binary import stack
from bongsu.promql.execute.classic_histograms import classic_values, find_buckets, without_names
from bongsu.promql.execute.count_values import check_label_name
from bongsu.promql.execute.shape import drop_names, merge_equal, name_of, prune
from bongsu.promql.histograms.readings import read_fractions, read_plain, read_quantiles
from bongsu.promql.values import Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.execute.context import Context
    from bongsu.promql.histograms.columns import Dense, Objects
    from bongsu.promql.histograms.readings import Readings
    from bongsu.promql.parser.ast import Span


def apply_reading(name: str, vector: Vector, context: Context) -> Vector:
    """Return what a function without parameters reads off every histogram; floats have no such number."""
    return drop_names(
        _of_histograms(vector, lambda part, rows, _: read_plain(name, part, rows), _ignored), context
    )


def _ignored(row: int, kind: int) -> None:
    del row, kind


def _of_histograms(
    vector: Vector,
    read: Callable[[Dense | Objects, NDArray[np.int64], NDArray[np.int64]], Readings],
    note: Callable[[int, int], None],
) -> Vector:
    """
    Return a float for each histogram cell; series without one are left out.

    Parameters
    ----------
    read
        Given a part, rows of it and the steps of these.
    note
        Told each row of the vector that has observations of NaN, and what they did.
    """
    values = np.zeros(vector.values.shape)
    kinds = np.zeros(vector.values.shape, dtype=np.uint8)
    if vector.histograms is not None:
        used = vector.histograms.where(vector.kind_matrix() == KIND_HISTOGRAM)
        for row in np.flatnonzero(used.present().any(axis=1)).tolist():
            cells = used[row]
            numbers, rows = cells.part_numbers(), cells.row_numbers()
            for number, part in cells.used_parts():
                steps = np.flatnonzero(numbers == number)
                found = read(part, rows[steps], steps)
                values[row, steps] = found.values
                kinds[row, steps] = KIND_FLOAT
                for kind in set(found.nans[found.nans != 0].tolist()) if found.nans.any() else ():
                    note(row, kind)
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

    def read(part: Dense | Objects, rows: NDArray[np.int64], steps: NDArray[np.int64]) -> Readings:
        return read_quantiles(phi[steps], part, rows)

    def note(row: int, kind: int) -> None:
        what = "NaN" if kind == NAN_RESULT else "skewed higher"
        notes.inform(
            f"input to histogram_quantile has NaN observations, result is {what}"
            + of_metric(name_of(vector.labels, row)),
            places[0],
        )

    native = _of_histograms(vector, read, note)
    return _classic_and_native(vector, native, np.vstack((phi, phi)), context, places[1], fraction=False)


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
    limits = np.vstack((lower, upper))

    def read(part: Dense | Objects, rows: NDArray[np.int64], steps: NDArray[np.int64]) -> Readings:
        return read_fractions(limits[:, steps], part, rows)

    def note(row: int, kind: int) -> None:
        del kind
        context.query.annotations.inform(
            "input to histogram_fraction has NaN observations, which are excluded from all fractions"
            + of_metric(name_of(vector.labels, row)),
            places[0],
        )

    native = _of_histograms(vector, read, note)
    return _classic_and_native(vector, native, limits, context, places[1], fraction=True)


def _classic_and_native(
    vector: Vector,
    native: Vector,
    params: NDArray[np.float64],
    context: Context,
    place: Span,
    *,
    fraction: bool,
) -> Vector:
    """Return the results of the native histograms with those of the classic ones beside them."""
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
        If that is no name of a label, or the series already have it.
    """
    check_label_name(label)
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
