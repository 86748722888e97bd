"""
What the log's records say: payloads of series, samples, deletions, metadata and exemplars.

Everything is little-endian. A column of integers is ``u8 mode, i64 first`` and then, by mode, nothing more (`_EVEN`: an i64 step
follows), or the differences as int8, int16 or int32, or all of them as int64. Float samples are packed by a kernel
(`bongsu.kernels.log_columns`).
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from bongsu.kernels.log_columns import pack_floats, unpack_floats, words_needed
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import Exemplar, MetricMetadata
from bongsu.tsdb.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class RecordType(enum.IntEnum):
    """Type byte of a record; a number is never used for anything else."""

    SERIES = 1
    WIDE_SAMPLES = 2
    DELETE = 3
    METADATA = 4
    EXEMPLARS = 5
    DROP_PROJECT = 6
    SAMPLES = 7


class FloatRows(NamedTuple):
    """Float samples in columns; `starts` has length 0 or one entry per row, `bits` are the values' 64 bits."""

    refs: NDArray[np.int64]
    times: NDArray[np.int64]
    bits: NDArray[np.int64]
    starts: NDArray[np.int64]


class EncodedHistograms(NamedTuple):
    """Histogram samples in columns; the values are canonical bytes."""

    refs: NDArray[np.int64]
    times: NDArray[np.int64]
    values: Sequence[bytes]
    starts: NDArray[np.int64]


_COUNTS = struct.Struct("<III")
_WIDE_HEAD = struct.Struct("<BII")
_PACKED_HEAD = struct.Struct("<BIII")
_OVERWRITE, _FLOAT_STARTS, _HISTOGRAM_STARTS = 1, 2, 4
_EVEN, _WIDE = 0, 8
_COLUMN_HEAD = struct.Struct("<Bq")
_NO_INTS = np.empty(0, dtype=np.int64)
_NO_BYTES_YET = np.zeros(1, dtype=np.int64)


def _pack_column(values: NDArray[np.int64]) -> bytes:
    if not len(values):
        return b""
    steps = np.diff(values)
    low, high = (int(steps.min()), int(steps.max())) if len(steps) else (0, 0)
    if low == high:
        return _COLUMN_HEAD.pack(_EVEN, int(values[0])) + struct.pack("<q", low)
    for width in (1, 2, 4):
        limit = 1 << (8 * width - 1)
        # Differences that wrapped around look small, yet add up, modulo 2**64, to the very same numbers.
        if -limit <= low and high < limit:
            return _COLUMN_HEAD.pack(width, int(values[0])) + steps.astype(f"<i{width}").tobytes()
    return _COLUMN_HEAD.pack(_WIDE, int(values[0])) + values[1:].astype("<i8").tobytes()


class _Reader:
    """A cursor over one payload; runs past the end raise `ValueError` or `struct.error`."""

    def __init__(self, payload: bytes | memoryview) -> None:
        self._payload = payload
        self._at = 0

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        fields = layout.unpack_from(self._payload, self._at)
        self._at += layout.size
        return fields

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        if not count:
            return np.empty(0, dtype=dtype)
        # A copy, since kernels are compiled for arrays that may be written to, and again for those that may not.
        array = np.frombuffer(self._payload, dtype=dtype, count=count, offset=self._at).copy()
        self._at += array.nbytes
        return array

    def column(self, count: int) -> NDArray[np.int64]:
        if not count:
            return _NO_INTS
        mode, first = self.unpack(_COLUMN_HEAD)
        column = np.empty(count, dtype=np.int64)
        column[0] = first
        if mode == _WIDE:
            column[1:] = self.array("<i8", count - 1)
            return column
        column[1:] = (
            self.unpack(struct.Struct("<q"))[0] if mode == _EVEN else self.array(f"<i{mode}", count - 1)
        )
        return np.cumsum(column, out=column)

    def rest(self) -> bytes:
        return bytes(self._payload[self._at :])


def pack_series(refs: NDArray[np.int64], keys: Keys) -> bytes:
    """Return the payload that makes series."""
    head = _COUNTS.pack(len(keys), 0, 0)
    return b"".join((head, _pack_column(refs), _pack_column(keys.sizes), keys.data.tobytes()))


def unpack_series(payload: bytes | memoryview) -> tuple[NDArray[np.int64], Keys]:
    """Return references and keys."""
    reader = _Reader(payload)
    count = reader.unpack(_COUNTS)[0]
    refs, sizes = reader.column(count), reader.column(count)
    bounds = np.concatenate((_NO_BYTES_YET, np.cumsum(sizes)))
    return refs, Keys(reader.array("u1", int(bounds[-1])), bounds)


def pack_samples(floats: FloatRows, histograms: EncodedHistograms, *, overwrite: bool) -> bytes:
    """Return the payload of a batch."""
    flags = _OVERWRITE if overwrite else 0
    flags |= _FLOAT_STARTS if len(floats.starts) else 0
    flags |= _HISTOGRAM_STARTS if len(histograms.starts) else 0
    words = np.empty(words_needed(len(floats.refs)) if len(floats.refs) else 0, dtype=np.uint64)
    used = pack_floats(floats.refs, floats.times, floats.starts, floats.bits, words) if len(words) else 0
    packed = _PACKED_HEAD.pack(flags, len(floats.refs), len(histograms.refs), used) + words[:used].tobytes()
    if not len(histograms.refs):
        return packed
    sizes = np.fromiter(map(len, histograms.values), dtype=np.int64, count=len(histograms.values))
    return b"".join(
        (
            packed,
            _pack_column(histograms.refs),
            _pack_column(histograms.times),
            _pack_column(histograms.starts),
            _pack_column(sizes),
            *histograms.values,
        )
    )


def unpack_samples(payload: bytes | memoryview) -> tuple[FloatRows, EncodedHistograms, bool]:
    """Return floats, histograms, and whether they overwrite."""
    reader = _Reader(payload)
    flags, n_floats, n_histograms, used = reader.unpack(_PACKED_HEAD)
    words = np.zeros(used + 1, dtype=np.uint64)
    words[:used] = reader.array("<u8", used)
    columns = np.empty((3, n_floats), dtype=np.int64)
    floats = FloatRows(columns[0], columns[1], columns[2], _starts(flags, n_floats))
    if n_floats and unpack_floats(words, floats.refs, floats.times, floats.starts, floats.bits) != used:
        raise ValueError(f"{n_floats} samples do not take {used} words")
    return floats, _unpack_histograms(reader, flags, n_histograms), bool(flags & _OVERWRITE)


def unpack_wide_samples(payload: bytes | memoryview) -> tuple[FloatRows, EncodedHistograms, bool]:
    """Return what version 1 of the log wrote as samples."""
    reader = _Reader(payload)
    flags, n_floats, n_histograms = reader.unpack(_WIDE_HEAD)
    refs, times = reader.column(n_floats), reader.column(n_floats)
    starts = reader.column(n_floats if flags & _FLOAT_STARTS else 0)
    floats = FloatRows(refs, times, reader.array("<i8", n_floats), starts)
    return floats, _unpack_histograms(reader, flags, n_histograms), bool(flags & _OVERWRITE)


def _starts(flags: int, count: int) -> NDArray[np.int64]:
    return np.empty(count if flags & _FLOAT_STARTS else 0, dtype=np.int64)


def _unpack_histograms(reader: _Reader, flags: int, count: int) -> EncodedHistograms:
    refs, times = reader.column(count), reader.column(count)
    starts = reader.column(count if flags & _HISTOGRAM_STARTS else 0)
    sizes = reader.column(count)
    encoded = reader.rest()
    ends = np.cumsum(sizes).tolist()
    values = [encoded[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]
    return EncodedHistograms(refs, times, values, starts)


def pack_delete(selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> bytes:
    """Return the payload of a deletion."""
    rows = [[(m.name, m.op.value, m.value) for m in matchers] for matchers in selectors]
    return orjson.dumps({"selectors": rows, "start": start_ms, "end": end_ms})


def unpack_delete(payload: bytes | memoryview) -> tuple[list[list[Matcher]], int, int]:
    """Return selectors, start and end."""
    said = orjson.loads(payload)
    selectors = [[Matcher(n, MatchOp(op), v) for n, op, v in matchers] for matchers in said["selectors"]]
    return selectors, said["start"], said["end"]


def pack_metadata(entries: Sequence[MetricMetadata]) -> bytes:
    """Return the payload of metadata."""
    return orjson.dumps([(e.name, e.type, e.help, e.unit) for e in entries])


def unpack_metadata(payload: bytes | memoryview) -> list[MetricMetadata]:
    """Return the metadata of a payload."""
    return [MetricMetadata(*entry) for entry in orjson.loads(payload)]


def pack_exemplars(refs: Sequence[int], exemplars: Sequence[Exemplar]) -> bytes:
    """Return the payload of exemplars; values are written in hexadecimal bits, since JSON has no NaN."""
    return orjson.dumps(
        [
            (ref, e.timestamp, struct.pack("<d", e.value).hex(), e.labels)
            for ref, e in zip(refs, exemplars, strict=True)
        ]
    )


def unpack_exemplars(payload: bytes | memoryview) -> list[tuple[int, Exemplar]]:
    """Return references and exemplars."""
    return [
        (
            ref,
            Exemplar(
                tuple((name, text) for name, text in labels),
                struct.unpack("<d", bytes.fromhex(bits))[0],
                timestamp,
            ),
        )
        for ref, timestamp, bits, labels in orjson.loads(payload)
    ]
