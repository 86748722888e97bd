"""
Remote read's answers of the type STREAMED_XOR_CHUNKS: frames of chunks, as Prometheus keeps them, of floats and of native histograms.

Sources: Prometheus' ``prompb/remote.proto``, ``prompb/types.proto`` and ``tsdb/docs/format/chunks.md``.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.histogram_stream import (
    layout_room,
    samples_room,
    write_counts,
    write_floats,
    write_layout,
)
from bongsu.kernels.xor_stream import (
    HEADER_BYTES,
    MAX_CHUNK_SAMPLES,
    MAX_SAMPLE_BYTES,
    crc32c,
    crc32c_table,
    write_xor_chunk,
)
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.samples import is_stale
from bongsu.wire.encode import encode_varint, field, number
from bongsu.wire.remote_read import write_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from bongsu.wire.remote_read import ReadSeries

MAX_FRAME_BYTES = 1 << 20
"""A frame ends with the chunk that reaches this size; it is Prometheus' own default."""

_Timed = tuple[int, Histogram]
"""A native histogram and its time."""


class _Encoding(enum.IntEnum):
    """What a chunk holds; the numbers are those of the protocol."""

    XOR = 1
    HISTOGRAM = 2
    FLOAT_HISTOGRAM = 3


_FLAGS = {ResetHint.UNKNOWN: 0, ResetHint.RESET: 0x80, ResetHint.NO_RESET: 0x40, ResetHint.GAUGE: 0xC0}
"""What a chunk says of its first histogram, or of all of them when they are gauges."""


class ChunkStream:
    """Writes answers frame by frame."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_frame_bytes = max_frame_bytes
        self._table = crc32c_table()

    def frames(self, query: int, series: ReadSeries) -> Iterator[bytes]:
        """
        Yield the frames of one series; a long one takes several, each with its labels.

        Parameters
        ----------
        query
            Place of the query in the request.
        """
        labels = write_labels(series.labels)
        chunks: list[bytes] = []
        size = 0
        for chunk in _chunks(series):
            chunks.append(field(2, chunk))
            size += len(chunks[-1])
            if size >= self._max_frame_bytes:
                yield self._frame(query, labels, chunks)
                chunks, size = [], 0
        if chunks:
            yield self._frame(query, labels, chunks)

    def _frame(self, query: int, labels: bytes, chunks: Iterable[bytes]) -> bytes:
        content = field(1, labels + b"".join(chunks)) + number(2, query)
        checksum = crc32c(np.frombuffer(content, dtype=np.uint8), self._table)
        return encode_varint(len(content)) + checksum.to_bytes(4, "big") + content


def _chunks(series: ReadSeries) -> Iterator[bytes]:
    """Yield chunks in the order of time, each of floats or of histograms."""
    done = 0
    for before, run in _runs(series):
        yield from _float_chunks(series, done, before)
        yield _histogram_chunk(run)
        done = before
    yield from _float_chunks(series, done, len(series.times))


def _float_chunks(series: ReadSeries, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, MAX_CHUNK_SAMPLES):
        own = slice(at, min(at + MAX_CHUNK_SAMPLES, stop))
        times, values = series.times[own], np.ascontiguousarray(series.values[own])
        out = np.empty(HEADER_BYTES + len(times) * MAX_SAMPLE_BYTES, dtype=np.uint8)
        used = write_xor_chunk(times, values, out)
        yield _chunk(_Encoding.XOR, int(times[0]), int(times[-1]), out[:used])


def _chunk(encoding: _Encoding, first_ms: int, last_ms: int, data: NDArray[np.uint8]) -> bytes:
    return number(1, first_ms) + number(2, last_ms) + number(3, encoding) + field(4, data.tobytes())


def _runs(series: ReadSeries) -> Iterator[tuple[int, Sequence[_Timed]]]:
    """Yield histograms that one chunk holds, with the number of floats that are older than them."""
    if not series.histograms:
        return
    befores = np.searchsorted(series.times, [time for time, _ in series.histograms]).tolist()
    run: list[_Timed] = []
    for place, (time, histogram) in enumerate(series.histograms):
        if run and not (
            befores[place] == befores[place - 1]
            and len(run) < MAX_CHUNK_SAMPLES
            and _follows(histogram, run[-1][1])
        ):
            yield befores[place - 1], run
            run = []
        run.append((time, histogram))
    yield befores[-1], run


def _follows(histogram: Histogram, before: Histogram) -> bool:
    """Tell whether a histogram may stand in the chunk of the one before it: of that layout, and not after a reset of its counter."""
    if _layout(histogram) != _layout(before) or _is_stale(histogram) or _is_stale(before):
        return False
    hints = (histogram.reset_hint, before.reset_hint)
    if ResetHint.GAUGE in hints:
        return hints == (ResetHint.GAUGE, ResetHint.GAUGE)
    if histogram.reset_hint is not ResetHint.UNKNOWN:
        return histogram.reset_hint is ResetHint.NO_RESET
    return all(now >= then for now, then in zip(_counts(histogram), _counts(before), strict=True))


def _layout(histogram: Histogram) -> tuple[object, ...]:
    h = histogram
    spans = (h.positive_spans, h.negative_spans)
    return (h.is_float, h.schema, h.zero_threshold, *spans, h.custom_values)


def _counts(histogram: Histogram) -> tuple[float, ...]:
    h = histogram
    return (h.count, h.zero_count, *h.positive_buckets, *h.negative_buckets)


def _is_stale(histogram: Histogram) -> bool:
    return bool(is_stale(np.array([histogram.sum]))[0])


def _histogram_chunk(run: Sequence[_Timed]) -> bytes:
    times = np.array([time for time, _ in run], dtype=np.int64)
    histograms = [histogram for _, histogram in run]
    if _is_stale(histograms[0]):
        # Behind the marker readers expect nothing of the sample, so its layout must be empty.
        histograms = [Histogram(0, 0.0, 0.0, 0.0, histograms[0].sum, is_float=histograms[0].is_float)]
    h = histograms[0]
    numbers = np.array([_counts(each) for each in histograms])
    sums = np.array([each.sum for each in histograms])
    out = np.zeros(
        layout_room(len(h.positive_spans) + len(h.negative_spans), len(h.custom_values))
        + samples_room(len(run), numbers.shape[1] + 1),
        dtype=np.uint8,
    )
    at = _write_layout(h, len(run), out)
    if h.is_float:
        used = write_floats(times, np.insert(numbers, 2, sums, axis=1), out, at)
    else:
        used = write_counts(times, _differences(numbers, len(h.positive_buckets)), sums, out, at)
    encoding = _Encoding.FLOAT_HISTOGRAM if h.is_float else _Encoding.HISTOGRAM
    return _chunk(encoding, run[0][0], run[-1][0], out[:used])


def _write_layout(histogram: Histogram, n_samples: int, out: NDArray[np.uint8]) -> int:
    h = histogram
    threshold = np.float64(h.zero_threshold).view(np.int64)
    head = [n_samples, _FLAGS[h.reset_hint], threshold, h.schema, h.schema == CUSTOM_BUCKETS_SCHEMA]
    positive, negative = map(_span_table, (h.positive_spans, h.negative_spans))
    return write_layout(np.array(head, dtype=np.int64), positive, negative, np.array(h.custom_values), out)


def _span_table(spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _differences(numbers: NDArray[np.float64], n_positive: int) -> NDArray[np.int64]:
    """Return whole counts with each bucket as its difference to the one before it on its side; shape as given."""
    counts = numbers.astype(np.int64)
    for side in (counts[:, 2 : 2 + n_positive], counts[:, 2 + n_positive :]):
        side[:, 1:] = np.diff(side, axis=1)
    return counts
