"""Chunks of a selection encoded anew: longer ones, without what lies outside some bounds, for a block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels.blocks import copy_words
from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    ENTRY_SIZE,
    decode_chunks,
)
from bongsu.kernels.histogram_chunks import encode_histograms, histogram_room
from bongsu.kernels.merge import SIZE, read_chunks
from bongsu.kernels.shared_times import new_table
from bongsu.model.samples import KIND_FLOAT
from bongsu.tsdb.parts import KIND_SHIFT
from bongsu.tsdb.runs import encoded_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.storage.contract import ChunkView


BLOCK_SAMPLES = 480
"""Samples of a chunk at most in a block from the head: two hours at 15 s, so that it has one chunk a series."""

MERGED_SAMPLES = 1440
"""
Samples of a chunk at most in a merged block: six hours at 15 s.

That takes 6% fewer bytes than 480, longer ones hardly less; and a query of old data mostly wants hours of it.
"""


@dataclass(slots=True)
class BlockForm:
    """
    How the chunks of one block are written.

    Attributes
    ----------
    longest
        Samples of a chunk at most.
    written
        Bytes of chunks so far.
    shared
        Times that stand in them, see `bongsu.kernels.shared_times`.
    """

    longest: int
    written: int = 0
    shared: NDArray[np.int64] = field(default_factory=new_table)

    @classmethod
    def of_level(cls, level: int) -> BlockForm:
        """Return the form of a block from the head (level 0), or of a merged one, which has longer chunks."""
        return cls(MERGED_SAMPLES if level else BLOCK_SAMPLES)


class Recoded(NamedTuple):
    """Chunks by row and time: their rows, their bytes one after another, their table with places in these bytes."""

    rows: NDArray[np.int64]
    data: NDArray[np.uint8]
    table: NDArray[np.int64]


def recode(view: ChunkView, bounds: tuple[int, int], form: BlockForm) -> Recoded:
    """Return the samples of a view that lie in the closed bounds, in chunks of a block's form."""
    rows = np.repeat(np.arange(len(view.first_chunk) - 1), np.diff(view.first_chunk))
    is_float = view.kind == KIND_FLOAT
    # A run goes on while the row is the same and the kind does not change over.
    changes = np.cumsum(np.diff(is_float.astype(np.int8), prepend=0) != 0)
    runs = changes + (rows << 32)
    floats, histograms = np.flatnonzero(is_float), np.flatnonzero(~is_float)
    # Chunks that make way for histograms would lose what they point at.
    shared = None if len(histograms) else form.shared
    of_floats = _recode_floats(view, floats, runs[floats], bounds, form, shared)
    if not len(histograms):
        return of_floats._replace(rows=rows[of_floats.rows])
    of_histograms = _recode_histograms(view, histograms, runs[histograms], form.longest)
    return _joined(
        of_floats._replace(rows=rows[of_floats.rows]),
        of_histograms._replace(rows=rows[of_histograms.rows]),
    )


def _joined(floats: Recoded, histograms: Recoded) -> Recoded:
    rows = np.concatenate((floats.rows, histograms.rows))
    table = np.concatenate((floats.table, histograms.table))
    bases = np.repeat(
        [floats.data.ctypes.data, histograms.data.ctypes.data], [len(floats.rows), len(histograms.rows)]
    )
    order = np.lexsort((table[:, ENTRY_MIN_TIME], rows))
    addresses = (table[:, ENTRY_AT] + bases)[order]
    table = table[order]
    table[:, ENTRY_AT] = np.cumsum(table[:, ENTRY_SIZE]) - table[:, ENTRY_SIZE]
    data = np.empty(len(floats.data) + len(histograms.data), dtype=np.uint8)
    sizes, places = (np.ascontiguousarray(table[:, column]) for column in (ENTRY_SIZE, ENTRY_AT))
    copy_words(addresses, sizes, data.view(np.uint64), places)
    return Recoded(rows[order], data, table)


def _recode_floats(
    view: ChunkView,
    chunks: NDArray[np.int64],
    runs: NDArray[np.int64],
    bounds: tuple[int, int],
    form: BlockForm,
    shared: NDArray[np.int64] | None,
) -> Recoded:
    """Return float chunks; `rows` are chunks of the view that they come from."""
    table = _table(view, chunks)
    ends = np.cumsum(table[:, ENTRY_SAMPLES])
    n = int(ends[-1]) if len(ends) else 0
    times, starts = np.empty((2, n), dtype=np.int64)
    values = np.empty(n, dtype=np.float64)
    decode_chunks(table, ends, times, values, starts)
    run_begins, run_ends, last = _run_bounds(ends, runs)
    before = np.concatenate(([0], np.cumsum(times < bounds[0])))
    after = np.concatenate(([0], np.cumsum(times > bounds[1])))
    begins, stops, pieces = _cut(
        run_begins + before[run_ends] - before[run_begins],
        run_ends - (after[run_ends] - after[run_begins]),
        form.longest,
    )
    data, out = encoded_runs(
        times,
        starts,
        values.view(np.int64),
        begins,
        stops,
        # The newest hours, which are asked for most, are in the head.
        tight=True,
        shared=shared,
        position=form.written,
    )
    return Recoded(np.repeat(chunks[last], pieces), data, out)


def _recode_histograms(
    view: ChunkView, chunks: NDArray[np.int64], runs: NDArray[np.int64], longest: int
) -> Recoded:
    """Return packed histogram chunks; the selection has trimmed and unpacked those of the view."""
    table = _table(view, chunks)
    ends = np.cumsum(table[:, ENTRY_SAMPLES])
    samples = np.empty((4, int(ends[-1])), dtype=np.int64)
    read_chunks(table, samples)
    # A chunk is a table of samples of one size: a new one begins where the size changes.
    of_sample = np.repeat(np.arange(len(chunks)), table[:, ENTRY_SAMPLES])
    changes = np.cumsum(np.diff(samples[SIZE], prepend=0) != 0)
    begins_anew = np.append(
        True, (changes[1:] != changes[:-1]) | (runs[of_sample][1:] != runs[of_sample][:-1])
    )
    run_begins = np.flatnonzero(begins_anew)
    begins, stops, pieces = _cut(run_begins, np.append(run_begins[1:], len(changes)), longest)
    room = histogram_room(len(changes), int(samples[SIZE].max()) >> 3, len(begins))
    data = np.empty(room, dtype=np.uint8)
    out = np.zeros((len(begins), 8), dtype=np.int64)
    size = encode_histograms(samples, begins, stops, data, out)
    return Recoded(np.repeat(chunks[of_sample[run_begins]], pieces), data[:size].copy(), out)


def _table(view: ChunkView, chunks: NDArray[np.int64]) -> NDArray[np.int64]:
    table = np.zeros((len(chunks), 8), dtype=np.int64)
    table[:, ENTRY_AT] = view.address[chunks]
    table[:, ENTRY_SHAPE] = view.codec[chunks].astype(np.int64) | view.flags[chunks].astype(np.int64) << 8
    table[:, ENTRY_SHAPE] |= (view.kind[chunks] != KIND_FLOAT).astype(np.int64) << KIND_SHIFT
    table[:, ENTRY_SAMPLES] = view.count[chunks]
    table[:, ENTRY_MIN_TIME] = view.min_time[chunks]
    table[:, ENTRY_MAX_TIME] = view.max_time[chunks]
    return table


def _run_bounds(
    ends: NDArray[np.int64], runs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return where the samples of each run of neighbouring chunks begin and end, and its last chunk."""
    if not len(runs):
        return ends, ends, ends
    last = np.flatnonzero(np.append(runs[1:] != runs[:-1], True))
    return np.append(0, ends[last][:-1]), ends[last], last


def _cut(
    begins: NDArray[np.int64], stops: NDArray[np.int64], longest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Cut runs of samples into pieces of at most `longest`; return their bounds, and how many each run gives."""
    pieces = np.maximum(-(-(stops - begins) // longest), 0)
    number = np.arange(int(pieces.sum())) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    piece_begins = np.repeat(begins, pieces) + number * longest
    return piece_begins, np.minimum(piece_begins + longest, np.repeat(stops, pieces)), pieces
