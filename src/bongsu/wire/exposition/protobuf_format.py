"""Writing of the Prometheus protobuf format: the mirror of its parser for what federation hands on, floats and native histograms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.labels import METRIC_NAME
from bongsu.wire import encode
from bongsu.wire.exposition.protobuf import (
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    HISTOGRAM_NUMBERS,
    UNTYPED,
    VALUE_FIELDS,
)
from bongsu.wire.native_histograms import write_native

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bongsu.wire.exposition.lexical import Labels

_NAME, _TYPE, _METRIC = 1, 3, 4
_LABEL, _TIMESTAMP_MS = 1, 6
_VALUE = 1


class ProtobufSample(NamedTuple):
    """One sample to write; `labels` include ``__name__``, the time is in Unix milliseconds."""

    labels: Labels
    value: float | Histogram
    timestamp: int


def format_protobuf(samples: Iterable[ProtobufSample]) -> Iterator[bytes]:
    """
    Yield delimited metric families, one for each run of samples of the same name and kind.

    Floats are of unknown type, as in federation: what the store knows of a name may be about another part of the family.
    """
    current: tuple[str, int] | None = None
    metrics: list[bytes] = []
    for sample in samples:
        kind = (dict(sample.labels)[METRIC_NAME], _kind(sample.value))
        if current is not None and kind != current:
            yield _family(*current, metrics)
            metrics = []
        current = kind
        metrics.append(_metric(sample, kind[1]))
    if current is not None:
        yield _family(*current, metrics)


def _kind(value: float | Histogram) -> int:
    if not isinstance(value, Histogram):
        return UNTYPED
    return GAUGE_HISTOGRAM if value.reset_hint is ResetHint.GAUGE else HISTOGRAM


def _family(name: str, kind: int, metrics: Iterable[bytes]) -> bytes:
    parts = (
        encode.text(_NAME, name),
        encode.number(_TYPE, kind),
        *(encode.field(_METRIC, each) for each in metrics),
    )
    content = b"".join(parts)
    return encode.encode_varint(len(content)) + content


def _metric(sample: ProtobufSample, kind: int) -> bytes:
    labels = (pair for pair in sample.labels if pair[0] != METRIC_NAME)
    written = b"".join(
        encode.field(_LABEL, encode.text(1, name) + encode.text(2, value)) for name, value in labels
    )
    value = sample.value
    content = (
        write_native(_with_empty_span(value), HISTOGRAM_NUMBERS)
        if isinstance(value, Histogram)
        else encode.double(_VALUE, value)
    )
    return (
        written + encode.field(VALUE_FIELDS[kind], content) + encode.number(_TIMESTAMP_MS, sample.timestamp)
    )


def _with_empty_span(histogram: Histogram) -> Histogram:
    """Return a histogram that is told from a classic one: one without buckets says that it is native by an empty span."""
    if (
        histogram.positive_spans
        or histogram.negative_spans
        or histogram.zero_threshold
        or histogram.zero_count
    ):
        return histogram
    return replace(histogram, positive_spans=((0, 0),))
