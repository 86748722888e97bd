"""
JSON lines, VictoriaMetrics' export format: one series a line, ``{"metric":{...},"values":[...],"timestamps":[...]}``.

Values are numbers, null for NaN, and the texts ``Infinity`` and ``-Infinity``; timestamps are Unix milliseconds. Every float is written
as the shortest text that reads back as the same bits. What that format has no place for is in fields beside it, which other
readers pass over: ``nan_bits`` (place and bits of every NaN that is not the usual one, stale markers above all), ``starts``
(start timestamps, as many as values, 0 where unknown) and ``histograms`` (native ones, with their own ``timestamp`` and ``start``).
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bongsu.model.errors import InvalidInput
from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.labels import METRIC_NAME
from bongsu.wire.archive.batch import BadLine, HistogramLine, LineBatch, LineFault, ints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.wire.archive.batch import Labels

_USUAL_NAN = 0x7FF8_0000_0000_0000
"""Bits of the NaN that null stands for."""

_VALUE_KINDS = {int, float, type(None), str}
_SPECIAL = {
    "Infinity": math.inf,
    "+Infinity": math.inf,
    "-Infinity": -math.inf,
    "Inf": math.inf,
    "+Inf": math.inf,
    "-Inf": -math.inf,
    "NaN": math.nan,
}
_NAN_TEXT = "NaN:"
"""Before the bits of a NaN inside a histogram."""

_MAX_TIME = 1 << 62
"""Far beyond any date, and far from overflowing what is computed from it."""

_SHOWN_BYTES = 120


def write_series(
    labels: Mapping[str, str],
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    histograms: Sequence[tuple[int, Histogram, int]] = (),
) -> bytes:
    """
    Return the line of a series, with its end.

    Parameters
    ----------
    starts
        Of each value, or empty.
    histograms
        Timestamp, histogram and start timestamp of each.
    """
    document: dict[str, Any] = {
        "metric": labels,
        "values": _written_values(values),
        "timestamps": np.ascontiguousarray(times),
    }
    unusual = [(i, bits) for i, bits in _nan_bits(values) if bits != _USUAL_NAN]
    if unusual:
        document["nan_bits"] = [[i, f"{bits:016x}"] for i, bits in unusual]
    if starts.any():
        document["starts"] = np.ascontiguousarray(starts)
    if histograms:
        document["histograms"] = [histogram_object(*each) for each in histograms]
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def read_json_lines(data: bytes, first_line: int) -> LineBatch:
    """
    Return what some whole lines say.

    Parameters
    ----------
    first_line
        Number of the first line, for faults.
    """
    parts = _Parts()
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), first_line):
        if not line.strip():
            continue
        try:
            parts.take(line, number)
        except InvalidInput as error:
            parts.faults.append(LineFault(number, error.id, error.message))
    return parts.batch()


class _Parts:
    """Columns on their way, one piece per line."""

    def __init__(self) -> None:
        self.index: dict[Labels, int] = {}
        self.pieces: list[tuple[int, int, NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]] = []
        self.histograms: list[HistogramLine] = []
        self.faults: list[LineFault] = []

    def take(self, line: bytes, number: int) -> None:
        document = _object(line)
        labels = _labels(document.get("metric"))
        values = _read_values(document.get("values", []))
        times = _read_times("timestamps", document.get("timestamps", []), len(values))
        starts = (
            _read_times("starts", document["starts"], len(values))
            if "starts" in document
            else np.zeros(len(values), dtype=np.int64)
        )
        _set_nan_bits(values, document.get("nan_bits", []))
        histograms = [_read_histogram(each) for each in _list("histograms", document.get("histograms", []))]
        index = self.index.setdefault(labels, len(self.index))
        self.pieces.append((index, number, times, values, starts))
        self.histograms += [
            HistogramLine(index, number, time, value, start) for time, value, start in histograms
        ]

    def batch(self) -> LineBatch:
        sizes = [len(piece[2]) for piece in self.pieces]
        starts = np.concatenate([piece[4] for piece in self.pieces] or [ints([])])
        return LineBatch(
            list(self.index),
            np.repeat(ints([piece[0] for piece in self.pieces]), sizes),
            np.repeat(ints([piece[1] for piece in self.pieces]), sizes),
            np.concatenate([piece[2] for piece in self.pieces] or [ints([])]),
            np.concatenate([piece[3] for piece in self.pieces] or [np.empty(0)]),
            starts if starts.any() else None,
            self.histograms,
            faults=self.faults,
        )


def _object(line: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        shown = line[:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
        raise BadLine(f"expected a JSON object, got {shown!r}: {error}") from error
    if not isinstance(document, dict):
        raise BadLine(f"expected a JSON object, got a {type(document).__name__}")
    return document


def _labels(metric: object) -> Labels:
    if not isinstance(metric, dict) or not all(isinstance(value, str) for value in metric.values()):
        raise BadLine('expected "metric" with an object of label names and texts')
    if not metric.get(METRIC_NAME):
        raise BadLine(f'expected a metric name: a label "{METRIC_NAME}" in "metric"')
    return tuple(metric.items())


def _list(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise BadLine(f'expected "{name}" to be a list, got a {type(value).__name__}')
    return value


def _read_values(value: object) -> NDArray[np.float64]:
    given = _list("values", value)
    if not set(map(type, given)) <= _VALUE_KINDS:
        raise BadLine('expected numbers, null, "Infinity" or "-Infinity" in "values"')
    try:
        return np.array([_SPECIAL[v] if type(v) is str else v for v in given], dtype=np.float64)
    except (KeyError, OverflowError) as error:
        raise BadLine(
            f'expected numbers, null, "Infinity" or "-Infinity" in "values", got {error}'
        ) from error


def _read_times(name: str, value: object, length: int) -> NDArray[np.int64]:
    given = _list(name, value)
    if len(given) != length:
        raise BadLine(f'expected as many "{name}" as "values", got {len(given)} and {length}')
    for time in given:
        if type(time) is not int or not -_MAX_TIME <= time <= _MAX_TIME:
            raise BadLine(f'expected whole Unix milliseconds in "{name}", got {str(time)[:40]}')
    return ints(given)


def _set_nan_bits(values: NDArray[np.float64], given: object) -> None:
    bits = values.view(np.uint64)
    for pair in _list("nan_bits", given):
        try:
            place, text = pair
            word = int(text, 16)
        except (TypeError, ValueError) as error:
            raise BadLine('expected pairs of a place and 16 hexadecimal digits in "nan_bits"') from error
        if type(place) is not int or not 0 <= place < len(values) or not math.isnan(_float_of(word)):
            raise BadLine(f'expected places of "values" and bits of a NaN in "nan_bits", got {pair!r:.60}')
        bits[place] = word


def _float_of(word: int) -> float:
    if not 0 <= word < 1 << 64:
        return 0.0
    number: float = struct.unpack("<d", struct.pack("<Q", word))[0]
    return number


def _word_of(value: float) -> int:
    word: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return word


def _nan_bits(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    places = np.flatnonzero(np.isnan(values))
    return list(zip(places.tolist(), values.view(np.uint64)[places].tolist(), strict=True))


def _written_values(values: NDArray[np.float64]) -> Any:  # a list with texts in it, or the array itself
    finite = np.isfinite(values)
    if finite.all():
        return np.ascontiguousarray(values)
    return [
        value if known else None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        for value, known in zip(values.tolist(), finite.tolist(), strict=True)
    ]


def _written_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return f"{_NAN_TEXT}{_word_of(value):016x}"
    return "Infinity" if value > 0 else "-Infinity"


def _read_number(name: str, value: object) -> float:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        if value in _SPECIAL:
            return _SPECIAL[value]
        if value.startswith(_NAN_TEXT):
            try:
                number = _float_of(int(value.removeprefix(_NAN_TEXT), 16))
            except ValueError:
                number = 0.0
            if math.isnan(number):
                return number
    raise BadLine(f'expected a number in "{name}" of a histogram, got {value!r:.60}')


_NUMBERS = ("zero_threshold", "zero_count", "count", "sum")
_LISTS = ("positive_buckets", "negative_buckets", "custom_values")
_SPANS = ("positive_spans", "negative_spans")


def histogram_object(timestamp: int, histogram: Histogram, start: int) -> dict[str, Any]:
    """Return a native histogram as it stands in a line."""
    said: dict[str, Any] = {"timestamp": timestamp}
    if start:
        said["start"] = start
    said |= {"schema": histogram.schema, "is_float": histogram.is_float}
    if histogram.reset_hint:
        said["reset_hint"] = int(histogram.reset_hint)
    said |= {name: _written_number(getattr(histogram, name)) for name in _NUMBERS}
    for name in _LISTS:
        if getattr(histogram, name):
            said[name] = list(map(_written_number, getattr(histogram, name)))
    said |= {name: getattr(histogram, name) for name in _SPANS if getattr(histogram, name)}
    return said


def _read_histogram(said: object) -> tuple[int, Histogram, int]:
    if not isinstance(said, dict):
        raise BadLine('expected objects in "histograms"')

    def number(name: str) -> float:
        return _read_number(name, said.get(name))

    def numbers(name: str) -> tuple[float, ...]:
        return tuple(_read_number(name, value) for value in _list(name, said.get(name, [])))

    histogram = Histogram(
        schema=_whole("schema", said.get("schema"), -128, 127),
        zero_threshold=number("zero_threshold"),
        zero_count=number("zero_count"),
        count=number("count"),
        sum=number("sum"),
        positive_spans=_read_spans("positive_spans", said.get("positive_spans", [])),
        positive_buckets=numbers("positive_buckets"),
        negative_spans=_read_spans("negative_spans", said.get("negative_spans", [])),
        negative_buckets=numbers("negative_buckets"),
        custom_values=numbers("custom_values"),
        reset_hint=ResetHint(_whole("reset_hint", said.get("reset_hint", 0), 0, max(ResetHint))),
        is_float=said.get("is_float") is True,
    )
    timestamp = _whole("timestamp", said.get("timestamp"), -_MAX_TIME, _MAX_TIME)
    return timestamp, histogram, _whole("start", said.get("start", 0), -_MAX_TIME, _MAX_TIME)


def _read_spans(name: str, value: object) -> tuple[tuple[int, int], ...]:
    spans = []
    for pair in _list(name, value):
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadLine(f'expected pairs of offset and length in "{name}", got {pair!r:.60}')
        spans.append(
            (_whole(name, pair[0], -(1 << 31), (1 << 31) - 1), _whole(name, pair[1], 0, (1 << 32) - 1))
        )
    return tuple(spans)


def _whole(name: str, value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadLine(f'expected a whole number from {least} to {most} in "{name}", got {value!r:.60}')
    return value
