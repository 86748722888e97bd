"""Query results as JSON, in parts, for answers of any size."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from bongsu.api.prometheus.histogram_json import histogram_json
from bongsu.api.prometheus.series_json import (
    FEW_SERIES,
    few_rows,
    float_text,
    in_parts,
    matrix_rows,
    pack_texts,
)
from bongsu.api.respond import json_bytes
from bongsu.kernels.format_floats import write_ranges
from bongsu.model.label_columns import LabelColumns
from bongsu.model.samples import KIND_ABSENT, KIND_FLOAT, KIND_HISTOGRAM
from bongsu.promql.values import RangeVector, Scalar, String, Vector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram
    from bongsu.promql.histograms.columns import HistogramArray
    from bongsu.promql.values import QueryResult

_MATRIX_FRAME = (b'{"metric":{', b'},"values":[', b"]},")
_VECTOR_FRAME = (b'{"metric":{', b'},"value":', b"},")
_NO_STEPS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class WrittenResult:
    """
    A result ready to be sent.

    Attributes
    ----------
    parts
        The text of ``"resultType":...,"result":...``; read once, from one thread at a time.
    truncated
        Whether series were left out because of the limit.
    """

    parts: Iterator[bytes]
    truncated: bool = False


def write_instant(result: QueryResult, limit: int = 0) -> WrittenResult:
    """Return the result of an instant query; `limit` is the most series that are written, 0 for all."""
    value = result.value
    time_ms = int(result.steps[0])
    if isinstance(value, Scalar):
        return _single(b"scalar", time_ms, _plain(float(value.values[0])))
    if isinstance(value, String):
        # A string literal can name bytes that are no text; JSON has none.
        return _single(b"string", time_ms, value.text)
    if isinstance(value, Vector):
        order, truncated = _cut(_present_rows(value, np.arange(value.n_series)), limit)
        rows = (
            iter((few_rows(value.labels, _time(time_ms), value.values[order, 0], order.tolist()),))
            if value.n_series <= FEW_SERIES and value.histograms is None
            else _rows(value, result.steps, order, instant=True)
        )
        return WrittenResult(_framed(b"vector", rows), truncated)
    return WrittenResult(_framed(b"matrix", _range_rows(value, limit)), 0 < limit < value.labels.n_series)


def write_range(result: QueryResult, limit: int = 0, helpers: Executor | None = None) -> WrittenResult:
    """
    Return the result of a range query, sorted by labels.

    Parameters
    ----------
    limit
        The most series that are written, 0 for all.
    helpers
        Make parts of a large answer ahead, none by default.
    """
    value = result.value
    if isinstance(value, Scalar):
        value = Vector(LabelColumns(1), value.values.reshape(1, -1))
    if not isinstance(value, Vector):
        raise AssertionError(f"BUG: a range query gave a {type(value).__name__}")  # noqa: TRY004 - our mistake
    rows = np.arange(value.n_series) if value.ordered else value.labels.sort_order()
    order, truncated = _cut(_present_rows(value, rows), limit)
    rows_json = _rows(value, result.steps, order, instant=False, helpers=helpers)
    return WrittenResult(_framed(b"matrix", rows_json), truncated)


def _framed(kind: bytes, rows: Iterator[bytes]) -> Iterator[bytes]:
    yield b'"resultType":"%b","result":[' % kind
    yield from rows
    yield b"]"


def _single(kind: bytes, time_ms: int, text: str) -> WrittenResult:
    body = b'"resultType":"%b","result":[%b,%b]' % (kind, _time(time_ms), json_bytes(text))
    return WrittenResult(iter((body,)))


def _plain(value: float) -> str:
    """Return a scalar: unlike samples, Prometheus never writes it with an exponent."""
    text = float_text(value)
    return format(Decimal(text), "f") if "e" in text else text


def _time(time_ms: int) -> bytes:
    seconds, thousandths = divmod(abs(time_ms), 1000)
    text = f"{'-' if time_ms < 0 else ''}{seconds}" + (f".{thousandths:03}" if thousandths else "")
    return text.encode()


def _present_rows(vector: Vector, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `order` without the series that have nothing at any step."""
    if vector.kinds is None:
        return order if vector.n_steps else order[:0]
    present: NDArray[np.bool_] = (vector.kinds != KIND_ABSENT).any(axis=1)
    return order[present[order]]


def _cut(order: NDArray[np.int64], limit: int) -> tuple[NDArray[np.int64], bool]:
    return (order[:limit], True) if limit and len(order) > limit else (order, False)


def _rows(
    vector: Vector,
    steps: NDArray[np.int64],
    order: NDArray[np.int64],
    *,
    instant: bool,
    helpers: Executor | None = None,
) -> Iterator[bytes]:
    """Yield the series in order; stretches of series without histograms go through the kernel."""
    packed = pack_texts(_VECTOR_FRAME if instant else _MATRIX_FRAME, steps, vector.labels)
    if vector.histograms is None or vector.kinds is None or not len(order):
        yield from matrix_rows(packed, vector.values, vector.kinds, order, helpers)
        return
    mixed = (vector.kinds == KIND_HISTOGRAM).any(axis=1)
    comma = b""
    for rows in np.split(order, np.flatnonzero(np.diff(mixed[order])) + 1):
        yield comma
        comma = b","
        if mixed[rows[0]]:
            yield b",".join(_mixed_row(vector, steps, int(row), instant=instant) for row in rows)
        else:
            yield from matrix_rows(packed, vector.values, vector.kinds, rows)


def _mixed_row(vector: Vector, steps: NDArray[np.int64], row: int, *, instant: bool) -> bytes:
    """Return one series that has histograms, and maybe floats at other steps."""
    assert vector.kinds is not None
    assert vector.histograms is not None
    return _series_object(
        vector.labels.labels(row),
        steps.tolist(),
        vector.kinds[row].tolist(),
        vector.values[row].tolist(),
        vector.histograms[row].objects(),
        instant=instant,
    )


def _series_object(
    labels: dict[str, str],
    times_ms: Sequence[int],
    kinds: Sequence[int],
    values: Sequence[float],
    histograms: Sequence[Histogram | None],
    *,
    instant: bool,
) -> bytes:
    floats: list[bytes] = []
    distributions: list[bytes] = []
    for time_ms, kind, value, histogram in zip(times_ms, kinds, values, histograms, strict=True):
        if kind == KIND_FLOAT:
            floats.append(b'[%b,"%b"]' % (_time(time_ms), float_text(value).encode()))
        elif kind == KIND_HISTOGRAM and histogram is not None:
            distributions.append(b"[%b,%b]" % (_time(time_ms), histogram_json(histogram)))
    fields = [b'"metric":' + json_bytes(labels)]
    for name, points in ((b"value", floats), (b"histogram", distributions)):
        if points and instant:
            fields.append(b'"%b":%b' % (name, points[0]))
        elif points:
            fields.append(b'"%bs":[%b]' % (name, b",".join(points)))
    return b"{%b}" % b",".join(fields)


def _range_rows(value: RangeVector, limit: int) -> Iterator[bytes]:
    """Yield the first series, which the engine has sorted; it gives none without samples."""
    rows = min(limit or value.labels.n_series, value.labels.n_series)
    if value.histograms is not None and value.kinds is not None:
        yield b",".join(_mixed_range_rows(value, value.histograms, value.kinds, rows))
        return
    packed = pack_texts(_MATRIX_FRAME, _NO_STEPS, value.labels)
    offsets, timestamps = value.offsets[: rows + 1], value.timestamps
    values = np.ascontiguousarray(value.values)

    def write(first: int, out: NDArray[np.uint8]) -> tuple[int, int]:
        return write_ranges(
            packed.texts, packed.starts, packed.codes, offsets, timestamps, values, first, out
        )

    yield from in_parts(write, rows, packed.bytes_for(rows, int(offsets[-1])))


def _mixed_range_rows(
    value: RangeVector, histograms: HistogramArray, kinds: NDArray[np.uint8], rows: int
) -> Iterator[bytes]:
    for row in range(rows):
        own = slice(int(value.offsets[row]), int(value.offsets[row + 1]))
        yield _series_object(
            value.labels.labels(row),
            value.timestamps[own].tolist(),
            kinds[own].tolist(),
            value.values[own].tolist(),
            histograms[own].objects(),
            instant=False,
        )
