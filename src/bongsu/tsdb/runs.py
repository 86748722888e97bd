"""Runs of samples in flat arrays, to and from chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.chunks import ENTRY_AT, ENTRY_SAMPLES, chunk_room, decode_chunks, encode_runs
from bongsu.kernels.head import widen_entries
from bongsu.kernels.shared_times import new_table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def encoded_runs(
    times: NDArray[np.int64],
    starts: NDArray[np.int64],
    bits: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    *,
    tight: bool = False,
    shared: NDArray[np.int64] | None = None,
    position: int = 0,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes and the table of one chunk for each run of samples, as `bongsu.kernels.chunks.encode_runs` writes them."""
    lengths = ends - begins
    out = np.empty(24 * int(lengths.sum()) + chunk_room(int(lengths.max(initial=0))), dtype=np.uint8)
    chunks = np.zeros((len(begins), 8), dtype=np.int64)
    table = new_table(0) if shared is None else shared
    size = encode_runs(times, starts, bits, begins, ends, tight, table, position, out, chunks)
    return out[:size], chunks


def cut_chunks(
    arena: NDArray[np.uint8], chunks: NDArray[np.int64], floor_ms: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return chunks anew without their samples before a time, which runs through each of them."""
    table = np.zeros((len(chunks), 8), dtype=np.int64)
    widen_entries(chunks, table)
    table[:, ENTRY_AT] += arena.ctypes.data
    ends = np.cumsum(table[:, ENTRY_SAMPLES])
    n = int(ends[-1]) if len(ends) else 0
    times, starts = np.empty((2, n), dtype=np.int64)
    values = np.empty(n, dtype=np.float64)
    decode_chunks(table, ends, times, values, starts)
    dropped = np.concatenate(([0], np.cumsum(times < floor_ms)))
    begins = ends - table[:, ENTRY_SAMPLES]
    begins = begins + dropped[ends] - dropped[begins]
    return encoded_runs(times, starts, values.view(np.int64), begins, ends)
