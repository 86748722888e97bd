"""Answers of the engine and expected ones in one form, and whether they agree."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tests.promql.promqltest.histogram_notation import Buckets, positive_or_negative

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.labels import format_labels
from bongsu.model.samples import KIND_ABSENT, KIND_HISTOGRAM
from bongsu.promql.values import QueryResult, RangeVector, Scalar, String, Vector

if TYPE_CHECKING:
    from tests.promql.promqltest.notation import Labels
    from tests.promql.promqltest.script import Eval, Series

    from bongsu.promql.histograms.columns import HistogramArray

Sample: TypeAlias = float | Histogram
Points: TypeAlias = dict[int, Sample]
"""Samples by their time in Unix milliseconds."""

_TOLERANCE = 1e-6
"""Relative, of the sum of both magnitudes, as in Prometheus."""

_SMALLEST_NORMAL = 2.2250738585072014e-308
_STALE = struct.pack("<Q", 0x7FF0000000000002)


@dataclass(frozen=True, slots=True)
class Row:
    """One series of an answer."""

    labels: Labels
    points: Points


@dataclass(frozen=True, slots=True)
class Answer:
    """A value as rows; a scalar is one row without labels, a text is `text`."""

    kind: str
    rows: tuple[Row, ...] = ()
    text: str | None = None


def answer_of(result: QueryResult) -> Answer:
    """Return what the engine said."""
    steps = [int(step) for step in result.steps]
    value = result.value
    match value:
        case String():
            return Answer("string", text=value.text)
        case Scalar():
            points: Points = {step: float(number) for step, number in zip(steps, value.values, strict=True)}
            return Answer("scalar", (Row({}, points),))
        case Vector():
            return Answer("vector", tuple(_vector_rows(value, steps)))
        case RangeVector():
            return Answer("matrix", tuple(_range_rows(value)))


def expected_rows(case: Eval) -> list[Row]:
    """Return the series that a case expects."""
    start, _, step = case.expected.ranges or (case.start_ms, case.end_ms, case.step_ms or 0)
    return [
        Row(one.labels, {start + i * step: cell for i, cell in enumerate(one.cells) if cell is not None})
        for one in case.expected.series
        if _fits(one, case)
    ]


def disagreement(answer: Answer, expected: list[Row], *, ordered: bool) -> str | None:
    """Return how the rows of an answer differ from the expected ones, or None."""
    found = {_key(row.labels): row for row in answer.rows if row.points}
    if len(found) != sum(bool(row.points) for row in answer.rows):
        return "two series of the answer have the same labels"
    wanted = [row for row in expected if row.points]
    for row in wanted:
        if _key(row.labels) not in found:
            return f"expected series {format_labels(row.labels)} is missing; the answer has {_names(answer)}"
        fault = _point_fault(row.points, found[_key(row.labels)].points)
        if fault is not None:
            return f"series {format_labels(row.labels)}: {fault}"
    surplus = found.keys() - {_key(row.labels) for row in wanted}
    if surplus:
        return f"unexpected series {format_labels(found[min(surplus)].labels)} {_shown(found[min(surplus)].points)}"
    if ordered and list(found) != [_key(row.labels) for row in wanted]:
        return f"the order is {_names(answer)}"
    return None


def agrees(found: Sample, wanted: Sample) -> bool:
    """Tell whether two samples are the same up to rounding."""
    if isinstance(found, Histogram) or isinstance(wanted, Histogram):
        return (
            isinstance(found, Histogram) and isinstance(wanted, Histogram) and _same_histogram(found, wanted)
        )
    return _close(found, wanted)


def _fits(series: Series, case: Eval) -> bool:
    if case.step_ms is None and case.expected.ranges is None and len(series.cells) != 1:
        raise ValueError(f"an instant query has one value a series, not {len(series.cells)}")
    return True


def _vector_rows(vector: Vector, steps: list[int]) -> list[Row]:
    kinds = vector.kind_matrix()
    rows = []
    for index, labels in enumerate(vector.labels.maps()):
        points: Points = {}
        for column, step in enumerate(steps):
            if kinds[index, column] == KIND_HISTOGRAM and vector.histograms is not None:
                points[step] = _histogram_at(vector.histograms, index, column)
            elif kinds[index, column] != KIND_ABSENT:
                points[step] = float(vector.values[index, column])
        rows.append(Row(labels, points))
    return rows


def _range_rows(ranges: RangeVector) -> list[Row]:
    rows = []
    for index, labels in enumerate(ranges.labels.maps()):
        points: Points = {}
        for sample in range(int(ranges.offsets[index]), int(ranges.offsets[index + 1])):
            is_histogram = ranges.kinds is not None and ranges.kinds[sample] == KIND_HISTOGRAM
            value: Sample = float(ranges.values[sample])
            if is_histogram and ranges.histograms is not None:
                value = _histogram_at(ranges.histograms, sample)
            points[int(ranges.timestamps[sample])] = value
        rows.append(Row(labels, points))
    return rows


def _histogram_at(histograms: HistogramArray, *place: int) -> Histogram:
    found = histograms.histogram(*place)
    assert found is not None
    return found


def _key(labels: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _names(answer: Answer) -> str:
    return ", ".join(format_labels(row.labels) for row in answer.rows if row.points) or "nothing"


def _shown(points: Points) -> str:
    return ", ".join(f"{_text(sample)} at {time / 1000:g}s" for time, sample in list(points.items())[:12])


def _text(sample: Sample) -> str:
    if not isinstance(sample, Histogram):
        return f"{sample!r}"
    sides = {side: positive_or_negative(sample, side) for side in ("positive", "negative")}
    return (
        f"{{schema {sample.schema}, count {sample.count!r}, sum {sample.sum!r}, zero {sample.zero_count!r} within "
        f"{sample.zero_threshold!r}, {sides}, bounds {sample.custom_values}, hint {sample.reset_hint.name}}}"
    )


def _point_fault(wanted: Points, found: Points) -> str | None:
    for time, sample in wanted.items():
        if time not in found:
            return f"no sample at {time / 1000:g}s, expected {_text(sample)}; found {_shown(found)}"
        if not agrees(found[time], sample):
            return f"at {time / 1000:g}s expected {_text(sample)}, found {_text(found[time])}"
    surplus = found.keys() - wanted.keys()
    return f"unexpected sample {_text(found[min(surplus)])} at {min(surplus) / 1000:g}s" if surplus else None


def _close(left: float, right: float) -> bool:
    if _is_stale(left) or _is_stale(right):
        return _is_stale(left) and _is_stale(right)
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    if left == right:
        return True
    difference, total = abs(left - right), abs(left) + abs(right)
    if left == 0 or right == 0 or total < _SMALLEST_NORMAL:
        return difference < _TOLERANCE * _SMALLEST_NORMAL
    return difference / min(total, 1.7976931348623157e308) < _TOLERANCE


def _is_stale(value: float) -> bool:
    return struct.pack("<d", value) == _STALE


def _same_histogram(found: Histogram, wanted: Histogram) -> bool:
    numbers = ("count", "sum", "zero_count")
    return (
        found.schema == wanted.schema
        and found.custom_values == wanted.custom_values
        and found.zero_threshold == wanted.zero_threshold
        and all(_close(getattr(found, name), getattr(wanted, name)) for name in numbers)
        and all(
            _same_buckets(positive_or_negative(found, side), positive_or_negative(wanted, side))
            for side in ("positive", "negative")
        )
        and wanted.reset_hint in {ResetHint.UNKNOWN, found.reset_hint}
    )


def _same_buckets(found: Buckets, wanted: Buckets) -> bool:
    return found.keys() == wanted.keys() and all(_close(found[i], wanted[i]) for i in wanted)
