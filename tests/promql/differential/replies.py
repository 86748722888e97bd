"""What an engine replied, in one form for ours and for the peer's, and how two replies differ."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.promql.promqltest.answers import agrees, answer_of

from bongsu.api.prometheus.histogram_json import histogram_json
from bongsu.model.histograms import Histogram
from bongsu.model.labels import format_labels

if TYPE_CHECKING:
    from bongsu.promql.values import QueryResult

LISTED_NOTES = 10
"""Prometheus tells so many notes and omits the others."""

NEWER_NOTES = ("sort is ineffective", "conflicting counter resets during histogram")
"""In notes that the peer's version does not give yet."""

_LAST_ONLY = ("incompatible sample types", "incompatible bucket layout")
"""In notes of which the peer gives only the last one of an operator at a step, so perhaps none of these."""

_DETAILS = re.compile(r', from buckets .* to [^ ]*Z(?= \()| for metric name ""')
"""What the peer's version does not tell yet, or tells though there is nothing to tell."""

Labels: TypeAlias = tuple[tuple[str, str], ...]
Buckets: TypeAlias = tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A native histogram as the HTTP API shows it: its buckets by rule, bounds and count."""

    count: float
    sum: float
    buckets: Buckets


Sample: TypeAlias = float | Shape


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer or an error."""

    kind: str
    rows: dict[Labels, dict[int, Sample]] = field(default_factory=dict)
    text: str = ""
    notes: frozenset[str] = frozenset()


def reply_of_json(data: Any) -> Reply:
    """Return a reply of the HTTP API."""
    if data["status"] == "error":
        return Reply("error", text=data["error"])
    notes = frozenset((*data.get("warnings", ()), *data.get("infos", ())))
    kind, result = data["data"]["resultType"], data["data"]["result"]
    if kind == "string":
        return Reply(kind, text=result[1], notes=notes)
    if kind == "scalar":
        return Reply(kind, {(): {_ms(result[0]): float(result[1])}}, notes=notes)
    rows = {tuple(sorted(row["metric"].items())): _points(row) for row in result}
    return Reply(kind, rows, notes=notes)


def reply_of_result(result: QueryResult, *, ranged: bool) -> Reply:
    """Return a reply of our engine."""
    answer = answer_of(result)
    notes = frozenset((*result.warnings, *result.infos))
    if answer.text is not None:
        return Reply("string", text=answer.text, notes=notes)
    rows = {
        tuple(sorted(row.labels.items())): {
            time: _shape(json.loads(histogram_json(sample))) if isinstance(sample, Histogram) else sample
            for time, sample in row.points.items()
        }
        for row in answer.rows
        if row.points
    }
    return Reply("matrix" if ranged else answer.kind, rows, notes=notes)


def difference(ours: Reply, theirs: Reply) -> str | None:
    """Return how our reply differs from the peer's, or None; texts of errors are not compared."""
    if ours.kind != theirs.kind:
        return f"ours is of kind {ours.kind} {ours.text}, theirs of kind {theirs.kind} {theirs.text}"
    if ours.kind == "error":
        return None
    if ours.text != theirs.text:
        return f"ours is {ours.text!r}, theirs {theirs.text!r}"
    for labels in sorted(ours.rows.keys() | theirs.rows.keys()):
        fault = _row_difference(ours.rows.get(labels, {}), theirs.rows.get(labels, {}))
        if fault is not None:
            return f"{format_labels(dict(labels))} {fault}"
    return _note_difference(ours.notes, theirs.notes)


def _note_difference(ours: frozenset[str], theirs: frozenset[str]) -> str | None:
    if len(ours) >= LISTED_NOTES or len(theirs) >= LISTED_NOTES:
        return None
    mine = {_DETAILS.sub("", note) for note in ours if not any(newer in note for newer in NEWER_NOTES)}
    told = {_DETAILS.sub("", note) for note in theirs}
    surplus = {note for note in mine - told if not any(word in note for word in _LAST_ONLY)}
    return (
        None if not surplus and told <= mine else f"our notes {sorted(surplus)}, theirs {sorted(told - mine)}"
    )


def _row_difference(ours: dict[int, Sample], theirs: dict[int, Sample]) -> str | None:
    for time in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(time), theirs.get(time)
        if mine is None or other is None or not _same(mine, other):
            return f"at {time / 1000:g}s: ours is {mine}, theirs {other}"
    return None


def _same(mine: Sample, other: Sample) -> bool:
    if isinstance(mine, Shape) or isinstance(other, Shape):
        return (
            isinstance(mine, Shape)
            and isinstance(other, Shape)
            and agrees(mine.count, other.count)
            and agrees(mine.sum, other.sum)
            and len(mine.buckets) == len(other.buckets)
            and all(map(_same_bucket, mine.buckets, other.buckets))
        )
    return agrees(mine, other) or _both_tiny(mine, other)


def _both_tiny(mine: float, other: float) -> bool:
    """Tell whether two numbers are what rounding leaves of zero."""
    return abs(mine) < 1e-9 and abs(other) < 1e-9


def _same_bucket(mine: tuple[int, float, float, float], other: tuple[int, float, float, float]) -> bool:
    return mine[0] == other[0] and all(map(agrees, mine[1:], other[1:]))


def _points(row: Any) -> dict[int, Sample]:
    points: dict[int, Sample] = {_ms(time): float(value) for time, value in _cells(row, "value")}
    points.update({_ms(time): _shape(value) for time, value in _cells(row, "histogram")})
    return points


def _cells(row: Any, name: str) -> list[Any]:
    return [row[name]] if name in row else row.get(f"{name}s", [])


def _shape(data: Any) -> Shape:
    buckets = tuple(
        (int(rule), float(low), float(high), float(count))
        for rule, low, high, count in data.get("buckets", ())
    )
    return Shape(float(data["count"]), float(data["sum"]), buckets)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
