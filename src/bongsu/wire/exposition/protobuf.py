"""
The Prometheus protobuf format: ``io.prometheus.client.MetricFamily`` messages, each behind its length.

It is the only format in which native histograms are exposed. A histogram with a native part is read as one; its classic buckets
are left out, unless they are asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.model.histograms import ResetHint
from bongsu.model.labels import METRIC_NAME
from bongsu.wire.exposition.body import Exposition, FamilyNotes, ParsedExemplar
from bongsu.wire.exposition.lexical import normal_bound
from bongsu.wire.messages import BadMessage, Message, read_varint, signed
from bongsu.wire.native_histograms import HistogramNumbers, build_histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from bongsu.wire.exposition.lexical import Labels

_TYPES = ("counter", "gauge", "summary", "unknown", "histogram", "gaugehistogram")
"""Metric types by their number."""
_COUNTER, _GAUGE, _SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)

_MAX_METRICS = 1_000_000
"""Metrics of one family: twice what a scrape may have by default."""

_MAX_MS = 2**62
"""Far beyond any time, and far from overflow."""

# Fields of MetricFamily and Metric.
_NAME, _HELP, _TYPE, _METRIC, _UNIT = 1, 2, 3, 4, 5
_LABEL, _TIMESTAMP_MS = 1, 6
VALUE_FIELDS = {_COUNTER: 3, _GAUGE: 2, _SUMMARY: 4, UNTYPED: 5, HISTOGRAM: 7, GAUGE_HISTOGRAM: 7}
_CREATED_FIELDS = {_COUNTER: 3, _SUMMARY: 4, HISTOGRAM: 15, GAUGE_HISTOGRAM: 15}

# Fields of Histogram: those of its classic part, and all others.
_BUCKET, _EXEMPLARS = 3, 16
HISTOGRAM_NUMBERS = HistogramNumbers(
    count=1,
    sum=2,
    float_count=4,
    schema=5,
    zero_threshold=6,
    zero_count=7,
    float_zero_count=8,
    negative_spans=9,
    negative_deltas=10,
    negative_counts=11,
    positive_spans=12,
    positive_deltas=13,
    positive_counts=14,
)


def parse_protobuf(
    body: bytes, known: Container[bytes] = (), *, native: bool = True, classic: bool = False
) -> Exposition:
    """
    Parse a body of delimited metric families.

    Parameters
    ----------
    known
        Series, as `Exposition.series` names them, whose labels need no reading again.
    native
        Read the native part of histograms; without it, their classic series.
    classic
        Keep the classic buckets of histograms that have a native part.

    Raises
    ------
    BadMessage
        If a message is malformed, or a series has no name or gives a label twice.
    """
    reader = _Reader(known, native=native, classic=classic)
    at = 0
    while at < len(body):
        size, at = read_varint(body, at, len(body))
        if size > len(body) - at:
            raise BadMessage(f"a metric family of {size} bytes is cut off after {len(body) - at}")
        reader.read_family(Message(body, at, at + size, max_fields=_MAX_METRICS))
        at += size
    return reader.result


class _Reader:
    """Collects the samples of one body."""

    def __init__(self, known: Container[bytes], *, native: bool, classic: bool) -> None:
        self.result = Exposition()
        self.reads_native = native
        self._known = known
        self._classic = classic

    def read_family(self, family: Message) -> None:
        name = family.text(_NAME)
        kind = family.number(_TYPE)
        if not name:
            raise BadMessage("a metric family has no name")
        if kind >= len(_TYPES):
            raise BadMessage(f"metric family {name!r} has the unknown type {kind}")
        self.result.families[name] = FamilyNotes(_TYPES[kind], family.text(_HELP), family.text(_UNIT))
        for metric in family.messages(_METRIC):
            _MetricReader(self, name, kind, metric).read()

    def add(self, key: bytes, labels: Callable[[], Labels], value: float, timestamp: int, start: int) -> int:
        """Add a sample and return its row; `labels` are asked for only when the series is new."""
        result = self.result
        row = len(result.series)
        if key not in self._known and key not in result.labels:
            result.labels[key] = _checked(labels())
        result.series.append(key)
        result.values.append(value)
        if timestamp:
            result.timestamps[row] = timestamp
        if start:
            result.starts[row] = start
        return row

    def keeps_classic(self, *, native: bool) -> bool:
        return self._classic or not native


class _MetricReader:
    """Reads one metric: a label set with its value, or the several series of a summary or classic histogram."""

    def __init__(self, reader: _Reader, name: str, kind: int, metric: Message) -> None:
        self._reader = reader
        self._name = name
        self._kind = kind
        self._metric = metric
        self._raw = metric.raw(_LABEL)
        self._timestamp = signed(metric.number(_TIMESTAMP_MS))
        self._start = 0

    def read(self) -> None:
        value = self._metric.message(VALUE_FIELDS[self._kind])
        if value is None:
            raise BadMessage(f"metric {self._name!r} of type {_TYPES[self._kind]} has no such value")
        if self._kind in _CREATED_FIELDS:
            self._start = _read_time(value.message(_CREATED_FIELDS[self._kind])) or 0
        if self._kind == _SUMMARY:
            self._read_summary(value)
        elif self._kind in {HISTOGRAM, GAUGE_HISTOGRAM}:
            self._read_histogram(value)
        else:
            row = self._add("", value.double(1))
            if self._kind == _COUNTER:
                self._add_exemplar(row, value.message(2))

    def _read_summary(self, summary: Message) -> None:
        for quantile in summary.messages(3):
            self._add("", quantile.double(2), ("quantile", _bound(quantile.double(1))))
        self._add("_sum", summary.double(2))
        self._add("_count", float(summary.number(1)))

    def _read_histogram(self, histogram: Message) -> None:
        is_float = (
            histogram.double(HISTOGRAM_NUMBERS.float_count) > 0
            or histogram.double(HISTOGRAM_NUMBERS.float_zero_count) > 0
        )
        native = self._reader.reads_native and _is_native(histogram)
        if native:
            hint = ResetHint.GAUGE if self._kind == GAUGE_HISTOGRAM else ResetHint.UNKNOWN
            row = self._add("", math.nan, ("", "native"))
            self._reader.result.histograms[row] = build_histogram(
                histogram, HISTOGRAM_NUMBERS, is_float=is_float, reset_hint=hint
            )
            for exemplar in histogram.messages(_EXEMPLARS):
                self._add_exemplar(row, exemplar)
        if self._reader.keeps_classic(native=native):
            self._read_buckets(histogram, is_float=is_float)

    def _read_buckets(self, histogram: Message, *, is_float: bool) -> None:
        count = (
            histogram.double(HISTOGRAM_NUMBERS.float_count)
            if is_float
            else float(histogram.number(HISTOGRAM_NUMBERS.count))
        )
        last = -math.inf
        for bucket in histogram.messages(_BUCKET):
            last = bucket.double(2)
            within = bucket.double(4) if 4 in bucket else float(bucket.number(1))
            row = self._add("_bucket", within, ("le", _bound(last)))
            self._add_exemplar(row, bucket.message(3))
        if last < math.inf:
            # The format lets the last bucket be left out, since it is the count.
            self._add("_bucket", count, ("le", "+Inf"))
        self._add("_sum", histogram.double(HISTOGRAM_NUMBERS.sum))
        self._add("_count", count)

    def _add(self, suffix: str, value: float, extra: tuple[str, str] = ("", "")) -> int:
        # The key names what makes the series: its name, the label that the format adds, and the labels' own bytes.
        key = f"{len(self._name)}:{self._name}{suffix} {extra[1]} ".encode() + self._raw
        return self._reader.add(key, lambda: self._labels(suffix, extra), value, self._timestamp, self._start)

    def _labels(self, suffix: str, extra: tuple[str, str]) -> Labels:
        added = (extra,) if extra[0] else ()
        given = ((label.text(1), label.text(2)) for label in self._metric.messages(_LABEL))
        return ((METRIC_NAME, self._name + suffix), *given, *added)

    def _add_exemplar(self, row: int, exemplar: Message | None) -> None:
        if exemplar is None:
            return
        labels = tuple((label.text(1), label.text(2)) for label in exemplar.messages(1))
        parsed = ParsedExemplar(labels, exemplar.double(2), _read_time(exemplar.message(3)))
        self._reader.result.exemplars.append((row, parsed))


def _checked(labels: Labels) -> Labels:
    names = [name for name, _ in labels]
    if len(set(names)) != len(names) or "" in names:
        raise BadMessage(f"series {labels[0][1]!r} has a label twice or one without a name: {names}")
    return labels


def _is_native(histogram: Message) -> bool:
    """Tell whether a histogram has a native part; an empty one says so by a span of no buckets."""
    n = HISTOGRAM_NUMBERS
    return (
        n.positive_spans in histogram
        or n.negative_spans in histogram
        or histogram.double(n.zero_threshold) > 0
        or histogram.number(n.zero_count) > 0
        or histogram.double(n.float_zero_count) > 0
    )


def _bound(value: float) -> str:
    return normal_bound(repr(value))


def _read_time(timestamp: Message | None) -> int | None:
    """Return a ``google.protobuf.Timestamp`` in Unix milliseconds."""
    if timestamp is None:
        return None
    milliseconds = signed(timestamp.number(1)) * 1000 + signed(timestamp.number(2)) // 1_000_000
    if abs(milliseconds) > _MAX_MS:
        raise BadMessage(f"a timestamp of {milliseconds // 1000} seconds is out of range")
    return milliseconds
