"""Writing a block from a selection: of the head, or of other blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import orjson

from bongsu.kernels.blocks import copy_words, histogram_sizes
from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    ENTRY_SIZE,
    decode_chunks,
)
from bongsu.model.label_columns import ABSENT, LabelColumn, LabelColumns
from bongsu.model.samples import KIND_FLOAT
from bongsu.tsdb.block import BlockMeta
from bongsu.tsdb.head import encoded_runs
from bongsu.tsdb.parts import KIND_SHIFT
from bongsu.tsdb.sections import SectionWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from bongsu.storage.contract import ChunkView
    from bongsu.tsdb.selection import TsdbSelection

BLOCK_SAMPLES = 480
"""Samples of a chunk at most in a block from the head: two hours at 15 s, so that it has one chunk a series."""

MERGED_SAMPLES = 1440
"""
Samples of a chunk at most in a merged block: six hours at 15 s.

That takes 6% fewer bytes than 480, longer ones hardly less; and a query of old data mostly wants hours of it.
"""

_BATCH_SAMPLES = 1_000_000
"""Samples recoded at a time: 24 MB of scratch at most."""


class BlockSource(Protocol):
    """The series that a block is written from, and their samples."""

    labels: LabelColumns
    identity: NDArray[np.int64]

    def slices(self) -> Iterator[TsdbSelection]:
        """Yield the samples of the series, some rows at a time, in the order of the labels."""
        ...


class Merged:
    """A selection as a whole: the source of a merged block."""

    def __init__(self, selection: TsdbSelection) -> None:
        self._selection = selection
        self.labels = selection.labels
        self.identity = selection.identity

    def slices(self) -> Iterator[TsdbSelection]:
        """Yield the selection."""
        yield self._selection


def write_block(
    path: Path,
    source: BlockSource,
    bounds: tuple[int, int],
    *,
    number: int,
    level: int,
    rank: int,
    sequence: int,
    sources: tuple[int, ...] = (),
) -> BlockMeta | None:
    """Write the samples of a source that lie in the closed bounds; None, and no file, if there are none."""
    writer = SectionWriter(path)
    try:
        writer.begin()
        first, table = _write_chunks(writer, source, bounds, MERGED_SAMPLES if level else BLOCK_SAMPLES)
        writer.end("chunks")
        if not len(table):
            return None
        meta = BlockMeta(
            number=number,
            level=level,
            rank=rank,
            min_time=int(table[:, ENTRY_MIN_TIME].min()),
            max_time=int(table[:, ENTRY_MAX_TIME].max()),
            sequence=sequence,
            series=len(first) - 1,
            samples=int(table[:, ENTRY_SAMPLES].sum()),
            chunks=len(table),
            sources=sources,
        )
        writer.write("offsets", np.concatenate(([0], np.cumsum(table[:, ENTRY_SIZE]))))
        writer.write("min_times", table[:, ENTRY_MIN_TIME])
        writer.write("max_times", table[:, ENTRY_MAX_TIME])
        writer.write("samples", table[:, ENTRY_SAMPLES].astype(np.int32))
        writer.write("shapes", table[:, ENTRY_SHAPE].astype(np.int32))
        writer.write("first", first)
        writer.write("identity", source.identity)
        _write_labels(writer, source.labels)
        writer.write("meta", orjson.dumps(meta.as_json()))
        writer.finish()
        return meta
    finally:
        writer.abort()


def _write_chunks(
    writer: SectionWriter, source: BlockSource, bounds: tuple[int, int], longest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    counts, tables = [np.empty(0, dtype=np.int64)], [np.empty((0, 8), dtype=np.int64)]
    for selection in source.slices():
        for low, high in batches(selection.sample_counts):
            rows, data, chunks = _recode(selection.chunks(low, high), bounds, longest)
            writer.extend(data)
            counts.append(np.bincount(rows, minlength=high - low))
            tables.append(chunks)
    first = np.concatenate(([0], np.cumsum(np.concatenate(counts))))
    return first, np.concatenate(tables)


def _recode(
    view: ChunkView, bounds: tuple[int, int], longest: int
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
    """Return, for a view, longer chunks of the samples in the bounds: their rows, their bytes, their table, ordered by row and time."""
    view_rows = np.repeat(np.arange(len(view.first_chunk) - 1), np.diff(view.first_chunk))
    is_float = view.kind == KIND_FLOAT
    floats, histograms = np.flatnonzero(is_float), np.flatnonzero(~is_float)
    times, starts, values, ends = _decode(view, floats)
    # A run goes on while the row is the same and no histogram chunk comes between.
    groups = np.cumsum(~is_float)[floats] + (view_rows[floats] << 32)
    begins, stops, run_chunks = _runs(times, ends, groups, bounds, longest)
    data, chunks = encoded_runs(times, starts, values.view(np.int64), begins, stops)
    sizes = np.empty(len(histograms), dtype=np.int64)
    histogram_sizes(histograms, view.flags, view.address, view.count, sizes)
    copied = np.zeros((len(histograms), 8), dtype=np.int64)
    copied[:, ENTRY_AT] = len(data) + np.cumsum(sizes) - sizes
    copied[:, ENTRY_SIZE] = sizes
    copied[:, ENTRY_SHAPE] = 1 << KIND_SHIFT | view.flags[histograms].astype(np.int64) << 8
    copied[:, ENTRY_SAMPLES] = view.count[histograms]
    copied[:, ENTRY_MIN_TIME] = view.min_time[histograms]
    copied[:, ENTRY_MAX_TIME] = view.max_time[histograms]
    both = np.empty(len(data) + int(sizes.sum()), dtype=np.uint8)
    both[: len(data)] = data
    copy_words(view.address[histograms], sizes, both.view(np.uint64), copied[:, ENTRY_AT])
    rows = np.concatenate((view_rows[floats][run_chunks], view_rows[histograms]))
    table = np.concatenate((chunks, copied))
    order = np.lexsort((table[:, ENTRY_MIN_TIME], rows))
    if not len(histograms):
        return rows[order], both, table[order]  # in order already: the bytes are too
    table, rows = table[order], rows[order]
    moved = np.cumsum(table[:, ENTRY_SIZE]) - table[:, ENTRY_SIZE]
    out = np.empty(len(both), dtype=np.uint8)
    copy_words(table[:, ENTRY_AT] + both.ctypes.data, table[:, ENTRY_SIZE], out.view(np.uint64), moved)
    return rows, out, table


def _decode(
    view: ChunkView, chunks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return times, start timestamps and values of float chunks, and where each ends."""
    table = np.zeros((len(chunks), 8), dtype=np.int64)
    table[:, ENTRY_AT] = view.address[chunks]
    table[:, ENTRY_SHAPE] = view.codec[chunks].astype(np.int64) | view.flags[chunks].astype(np.int64) << 8
    table[:, ENTRY_MIN_TIME] = view.min_time[chunks]
    table[:, ENTRY_MAX_TIME] = view.max_time[chunks]
    ends = np.cumsum(view.count[chunks])
    n = int(ends[-1]) if len(ends) else 0
    times, starts = np.empty((2, n), dtype=np.int64)
    values = np.empty(n, dtype=np.float64)
    decode_chunks(table, ends, times, values, starts)
    return times, starts, values, ends


def _runs(
    times: NDArray[np.int64],
    ends: NDArray[np.int64],
    groups: NDArray[np.int64],
    bounds: tuple[int, int],
    longest: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """
    Cut groups of neighbouring chunks into runs of at most so many samples, without the samples outside the bounds.

    Returns begin and end of each run among the samples, and a chunk that it comes from.
    """
    last = (
        np.flatnonzero(np.append(groups[1:] != groups[:-1], True))
        if len(groups)
        else np.empty(0, dtype=np.int64)
    )
    group_ends = ends[last]
    group_begins = np.concatenate(([0], group_ends[:-1])) if len(last) else group_ends
    before = np.concatenate(([0], np.cumsum(times < bounds[0])))
    after = np.concatenate(([0], np.cumsum(times > bounds[1])))
    begins = group_begins + before[group_ends] - before[group_begins]
    stops = group_ends - (after[group_ends] - after[group_begins])
    pieces = np.maximum(-(-(stops - begins) // longest), 0)
    number = np.arange(int(pieces.sum())) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    run_begins = np.repeat(begins, pieces) + number * longest
    run_stops = np.minimum(run_begins + longest, np.repeat(stops, pieces))
    return run_begins, run_stops, np.repeat(last, pieces)


def batches(sample_counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return ranges of rows with about a million samples each, at least one row."""
    ends = np.cumsum(sample_counts)
    ranges, low = [], 0
    while low < len(ends):
        before = int(ends[low - 1]) if low else 0
        high = max(int(np.searchsorted(ends, before + _BATCH_SAMPLES, side="right")), low + 1)
        ranges.append((low, high))
        low = high
    return ranges


def _write_labels(writer: SectionWriter, labels: LabelColumns) -> None:
    """Write dictionaries sorted by bytes, and the codes by group of series that share their label names."""
    sorted_columns = {name: _sorted_column(labels, name) for name in labels.names}
    names, bounds, texts = [], [np.zeros(1, dtype=np.int64)], []
    n_values = n_bytes = 0
    for name, (values, _) in sorted_columns.items():
        # Names share one list of bounds: the last bound of one is the first of the next.
        names.append((name, n_values, len(values)))
        bounds.append(n_bytes + np.cumsum([len(value) for value in values], dtype=np.int64))
        texts += values
        n_values += len(values)
        n_bytes = int(bounds[-1][-1]) if values else n_bytes
    group_of_row, _ = LabelColumns(
        len(labels), {name: _presence(codes) for name, (_, codes) in sorted_columns.items()}
    ).group_ids()
    order = np.argsort(group_of_row, kind="stable")
    groups, codes_by_group = [], []
    starts = np.searchsorted(group_of_row[order], np.arange(int(group_of_row.max(initial=-1)) + 2))
    for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        rows = order[low:high]
        present = [name for name, (_, codes) in sorted_columns.items() if codes[rows[0]] != ABSENT]
        groups.append((present, high - low))
        codes_by_group += [sorted_columns[name][1][rows] for name in present]
    writer.write("labels", orjson.dumps({"names": names, "groups": groups}))
    writer.write("codes", np.concatenate([np.empty(0, dtype=np.int32), *codes_by_group]))
    writer.write("members", order.astype(np.int64))
    writer.write("value_bounds", np.concatenate(bounds))
    writer.write("values", b"".join(texts))


def _sorted_column(labels: LabelColumns, name: str) -> tuple[list[bytes], NDArray[np.int32]]:
    column = labels.get(name)
    if column is None:
        raise AssertionError(f"BUG: no column of {name!r} among {labels.names}")
    column = column.compacted()
    encoded = [value.encode() for value in column.values.tolist()]
    order = sorted(range(len(encoded)), key=encoded.__getitem__)
    renumber = np.full(len(encoded) + 1, ABSENT, dtype=np.int32)
    renumber[order] = np.arange(len(order), dtype=np.int32)
    return [encoded[i] for i in order], renumber[column.codes]


def _presence(codes: NDArray[np.int32]) -> LabelColumn:
    present = np.empty(1, dtype=object)
    present[0] = "present"
    return LabelColumn(np.where(codes == ABSENT, ABSENT, 0).astype(np.int32), present)
