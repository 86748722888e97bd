"""
Raw chunks: building them from samples, and reading any chunk view back into samples, one row at a time.

The reading half is for tools, tests and odd rows; queries decode in kernels.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.model.samples import KIND_FLOAT, KIND_HISTOGRAM
from bongsu.storage.contract import CODEC_RAW, FLAG_STARTS, ChunkView

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bongsu.storage.contract import Selection

ALIGNMENT = 8
"""Every chunk starts at a multiple of this in its buffer."""

PADDING = 16
"""Bytes after the last chunk of a view's buffer: kernels that unpack bits read whole words, and one word ahead."""


class Sample(NamedTuple):
    """One sample: `value` is a float, or the canonical bytes of a histogram; `start` is 0 when unknown."""

    timestamp: int
    value: float | bytes
    start: int = 0


class RawChunk(NamedTuple):
    """One raw chunk, ready for a view."""

    kind: int
    flags: int
    times: NDArray[np.int64]
    payload: bytes


def raw_chunk(
    times: NDArray[np.int64],
    starts: NDArray[np.int64] | None,
    values: NDArray[np.float64] | Sequence[bytes],
) -> RawChunk:
    """Return the raw chunk of some floats, or of some encoded histograms; start timestamps only where any is known."""
    with_starts = starts is not None and bool(starts.any())
    parts = [times.tobytes()]
    if with_starts and starts is not None:
        parts.append(starts.tobytes())
    if isinstance(values, np.ndarray):
        kind = KIND_FLOAT
        parts.append(values.tobytes())
    else:
        kind = KIND_HISTOGRAM
        ends = np.cumsum([0, *map(len, values)]).astype(np.uint32)
        parts += [ends.tobytes(), *values]
    return RawChunk(kind, FLAG_STARTS if with_starts else 0, times, b"".join(parts))


def chunks_of_samples(samples: Sequence[Sample]) -> list[RawChunk]:
    """Return raw chunks of samples in order of time: a new one wherever floats and histograms change over."""
    chunks = []
    for is_bytes, run in itertools.groupby(samples, lambda sample: isinstance(sample.value, bytes)):
        rows = list(run)
        times = np.array([row.timestamp for row in rows], dtype=np.int64)
        starts = np.array([row.start for row in rows], dtype=np.int64)
        values = [row.value for row in rows]
        chunks.append(
            raw_chunk(times, starts, values if is_bytes else np.array(values, dtype=np.float64))  # type: ignore[arg-type]
        )
    return chunks


def view_of_chunks(rows: Sequence[Sequence[RawChunk]]) -> ChunkView:
    """Return the view of rows of raw chunks."""
    chunks = [chunk for row in rows for chunk in row]
    sizes = np.array([-(-len(chunk.payload) // ALIGNMENT) * ALIGNMENT for chunk in chunks], dtype=np.int64)
    offsets = np.cumsum(sizes) - sizes
    data = np.zeros(int(sizes.sum()) + PADDING, dtype=np.uint8)
    for chunk, offset in zip(chunks, offsets.tolist(), strict=True):
        data[offset : offset + len(chunk.payload)] = np.frombuffer(chunk.payload, dtype=np.uint8)
    return ChunkView(
        first_chunk=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        kind=np.array([chunk.kind for chunk in chunks], dtype=np.uint8),
        codec=np.full(len(chunks), CODEC_RAW, dtype=np.uint8),
        flags=np.array([chunk.flags for chunk in chunks], dtype=np.uint8),
        address=offsets + data.ctypes.data,
        count=np.array([len(chunk.times) for chunk in chunks], dtype=np.int64),
        min_time=np.array([chunk.times[0] for chunk in chunks], dtype=np.int64),
        max_time=np.array([chunk.times[-1] for chunk in chunks], dtype=np.int64),
        owners=(data,),
    )


def read_chunk(view: ChunkView, chunk: int) -> list[Sample]:
    """Return the samples of one chunk."""
    if view.kind[chunk] == KIND_HISTOGRAM:
        return _read_histograms(view, chunk)
    # Numba loads slowly, and not every user of this module decodes.
    from bongsu.kernels.chunks import ENTRY_AT, ENTRY_MAX_TIME, ENTRY_MIN_TIME, ENTRY_SHAPE, decode_chunks

    length = int(view.count[chunk])
    times, starts = np.empty(length, dtype=np.int64), np.empty(length, dtype=np.int64)
    values = np.empty(length, dtype=np.float64)
    entry = np.zeros((1, 8), dtype=np.int64)
    entry[0, ENTRY_AT] = view.address[chunk]
    entry[0, ENTRY_SHAPE] = int(view.codec[chunk]) | int(view.flags[chunk]) << 8
    entry[0, ENTRY_MIN_TIME] = view.min_time[chunk]
    entry[0, ENTRY_MAX_TIME] = view.max_time[chunk]
    decode_chunks(entry, view.count[chunk : chunk + 1], times, values, starts)
    return [Sample(*row) for row in zip(times.tolist(), values.tolist(), starts.tolist(), strict=True)]


def read_row(view: ChunkView, row: int, start_ms: int, end_ms: int) -> list[Sample]:
    """Return the samples of one row in the range, in order of time."""
    return [
        sample
        for chunk in range(int(view.first_chunk[row]), int(view.first_chunk[row + 1]))
        for sample in read_chunk(view, chunk)
        if start_ms <= sample.timestamp <= end_ms
    ]


def read_selection(selection: Selection, start_ms: int, end_ms: int) -> Iterator[list[Sample]]:
    """Yield the samples of every series of a selection, in the order of its rows."""
    for row in range(len(selection.labels)):
        yield read_row(selection.chunks(row, row + 1), 0, start_ms, end_ms)


def _read_histograms(view: ChunkView, chunk: int) -> list[Sample]:
    if view.codec[chunk] != CODEC_RAW:
        raise AssertionError(f"BUG: histogram chunk with codec {view.codec[chunk]}; only raw ones exist")
    length = int(view.count[chunk])
    with_starts = bool(view.flags[chunk] & FLAG_STARTS)
    head = 8 * length * (1 + with_starts) + 4 * (length + 1)
    fixed = view.chunk_bytes(chunk, head)
    times = fixed[: 8 * length].view(np.int64).tolist()
    starts = fixed[8 * length : 16 * length].view(np.int64).tolist() if with_starts else [0] * length
    ends = fixed[head - 4 * (length + 1) :].view(np.uint32).tolist()
    encoded = view.chunk_bytes(chunk, head + ends[-1])[head:].tobytes()
    return [Sample(times[i], encoded[ends[i] : ends[i + 1]], starts[i]) for i in range(length)]
