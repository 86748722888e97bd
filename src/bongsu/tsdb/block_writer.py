"""Writing a block from a selection: of the head, or of other blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import orjson

from bongsu.kernels.chunks import ENTRY_MAX_TIME, ENTRY_MIN_TIME, ENTRY_SAMPLES, ENTRY_SHAPE, ENTRY_SIZE
from bongsu.model.label_columns import ABSENT, LabelColumn, LabelColumns
from bongsu.tsdb.block import BlockMeta
from bongsu.tsdb.pieces import PieceSums
from bongsu.tsdb.recoding import BlockForm, recode
from bongsu.tsdb.sections import SectionWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from bongsu.tsdb.selection import TsdbSelection

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
        first, table, sums = _write_chunks(writer, source, bounds, BlockForm.of_level(level))
        writer.end("chunks")
        if not len(table):
            return None
        writer.write("chunk_sums", sums)
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
    writer: SectionWriter, source: BlockSource, bounds: tuple[int, int], form: BlockForm
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    sums = PieceSums()
    counts, tables = [np.empty(0, dtype=np.int64)], [np.empty((0, 8), dtype=np.int64)]
    for selection in source.slices():
        for low, high in batches(selection.weights()):
            rows, data, chunks = recode(selection.chunks(low, high), bounds, form)
            form.written += len(data)
            writer.extend(data)
            sums.extend(data)
            counts.append(np.bincount(rows, minlength=high - low))
            tables.append(chunks)
    first = np.concatenate(([0], np.cumsum(np.concatenate(counts))))
    return first, np.concatenate(tables), sums.finish()


def batches(weights: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return ranges of rows with about a million floats each, or fewer histograms, at least one row."""
    ends = np.cumsum(weights)
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
