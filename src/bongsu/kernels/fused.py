"""
From the chunks of series to the cells of their windows, and on into groups, one series after the other.

What is decoded of a series stays in the processor's nearest cache until its windows are computed and added; no array of all samples or of all
cells is made on the way. Series whose times are encoded once for all of them are taken one after another: their times are decoded
once, and the bounds of their windows are found once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._arrays import plain, read_only
from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.chunks import KNOWN_COLUMNS, decode_row, times_address
from bongsu.kernels.groups import add_row
from bongsu.kernels.rows import KNOWN_CHUNKS, find_stale, leave_out
from bongsu.kernels.window_ops import NEWEST
from bongsu.kernels.windows import make_room, window_row

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.kernels.groups import GroupOp
    from bongsu.kernels.rows import Directory

_NO_PLANES = np.empty((3, 0, 0))
_NO_GROUPS = np.empty(0, dtype=np.int64)


@kernel
def _times_of_rows(directory: Directory, out: NDArray[np.int64]) -> None:
    """Write for each row where the times of its longest chunk are encoded; 0 for a row without chunks."""
    first_chunk, codec, address, count = directory[0], directory[2], directory[4], directory[5]
    for row in range(len(out)):
        out[row] = longest = 0
        for c in range(first_chunk[row], first_chunk[row + 1]):
            if count[c] > longest:
                longest = count[c]
                out[row] = times_address(codec[c], address[c])


@inner_kernel
def _longest_row(directory: Directory) -> int:
    first_chunk, count = directory[0], directory[5]
    longest = 0
    for row in range(len(first_chunk) - 1):
        longest = max(longest, count[first_chunk[row] : first_chunk[row + 1]].sum())
    return longest


@kernel
def _fused(
    op: int,
    directory: Directory,
    order: NDArray[np.int64],
    limits: tuple[int, int, int, int],
    ends: NDArray[np.int64],
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    group_op: int,
    groups: NDArray[np.int64],
    planes: NDArray[np.float64],
) -> int:
    first_chunk, kind, codec, flags, address, count, min_time, max_time = directory
    start_ms, end_ms, span, stale = limits
    longest = _longest_row(directory)
    times = np.empty(longest, dtype=np.int64)
    values = np.empty(longest, dtype=np.float64)
    no_starts = np.empty(0, dtype=np.int64)
    known = np.zeros((KNOWN_CHUNKS, KNOWN_COLUMNS), dtype=np.int64)
    room = make_room(len(ends), longest)
    read = 0
    before = -1
    for row in order:
        stop, fresh = decode_row(
            first_chunk, kind, codec, flags, address, count, min_time, max_time,
            row, start_ms, end_ms, 0, times, values, no_starts, known,
        )  # fmt: skip
        fresh = fresh or stop != before
        before = stop
        if op != NEWEST and find_stale(stale, values[:stop]):
            stop = leave_out(stale, 0, stop, times, values, no_starts)
            known[:] = 0
            fresh = True
        read += stop
        place = row if len(groups) == 0 else 0
        window_row(op, times[:stop], values[:stop], ends, span, params, room, fresh, out[place], kinds[place])
        if len(groups) > 0:
            add_row(group_op, out[0], kinds[0], groups[row], planes)
    return read


def compute_rows(
    op: int,
    directory: Directory,
    limits: tuple[int, int, int, int],
    ends: NDArray[np.int64],
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> int:
    """
    Compute a range function, or `NEWEST`, for every window of every row; return the samples read.

    Parameters
    ----------
    op, ends, params, out, kinds
        As for `bongsu.kernels.windows.windows`.
    directory
        Of a `ChunkView` without histograms.
    limits
        First and last time that is read, and length of the windows, in milliseconds; bit pattern of the stale marker.
    """
    return _run(op, directory, limits, ends, params, out, kinds, 0, _NO_GROUPS, _NO_PLANES)


def aggregate_rows(
    op: int,
    directory: Directory,
    limits: tuple[int, int, int, int],
    ends: NDArray[np.int64],
    params: NDArray[np.float64],
    group_op: GroupOp,
    groups: NDArray[np.int64],
    planes: NDArray[np.float64],
) -> int:
    """
    Compute as `compute_rows` and add the cells to the accumulators of their groups; return the samples read.

    Parameters
    ----------
    group_op, groups, planes
        As for `bongsu.kernels.groups.accumulate`.
    """
    out, kinds = np.empty((1, len(ends))), np.empty((1, len(ends)), dtype=np.uint8)
    return _run(op, directory, limits, ends, params, out, kinds, int(group_op), plain(groups), planes)


def _in_order_of_times(directory: Directory) -> NDArray[np.int64]:
    """Return the rows so that those whose times are encoded once for all follow one another."""
    n_rows = len(directory[0]) - 1
    if n_rows < 2:
        return np.zeros(n_rows, dtype=np.int64)
    sources = np.empty(n_rows, dtype=np.int64)
    _times_of_rows(directory, sources)
    return np.argsort(sources, kind="stable")


def _run(
    op: int,
    directory: Directory,
    limits: tuple[int, int, int, int],
    ends: NDArray[np.int64],
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
    group_op: int,
    groups: NDArray[np.int64],
    planes: NDArray[np.float64],
) -> int:
    frozen: Directory = tuple(map(read_only, directory))  # type: ignore[assignment, arg-type]
    read: int = _fused(
        int(op),
        frozen,
        _in_order_of_times(frozen),
        limits,
        ends,
        params,
        out,
        kinds,
        group_op,
        groups,
        planes,
    )
    return read


def warm() -> None:
    """Compile for the types that are called with; one row alone is not put in order."""
    numbers, small = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint8)
    directory = (np.zeros(3, dtype=np.int64), small, small, small, *(numbers,) * 4)
    out, kinds = np.zeros((2, 1)), np.zeros((2, 1), dtype=np.uint8)
    compute_rows(NEWEST, directory, (0, 0, 1, 0), np.zeros(1, dtype=np.int64), np.zeros((2, 1)), out, kinds)
