"""Division of series into blocks that fit the processor's cache, and their spread over threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bongsu.promql.execute.context import QueryScope

_BLOCK_CELLS = 262_144
"""Samples and cells of one block, two megabytes of each kind of array: measured best between calls too many and caches too small."""

_STRETCH_CELLS = 2_097_152
"""Samples and cells of a stretch, which takes no memory by itself: some ten milliseconds, after which the query's deadline is looked at."""

STEPS_TOGETHER = 8
"""Steps whose cells lie in one line of the processor's cache: threads that look at steps must not share such lines."""

_THREAD_CELLS = 500_000
"""Below this much work a second thread costs more to wake than it saves (about a millisecond of decoding)."""


def run_blocks(
    query: QueryScope,
    sample_counts: NDArray[np.int64],
    n_steps: int,
    work: Callable[[int, int, int], None],
    fused: Callable[[int, int, int], bool] | None = None,
) -> None:
    """
    Call ``work(part, start_row, stop_row)`` for all rows, block by block.

    Parts are contiguous ranges of rows, numbered from 0 in their order, and each runs in one thread. Between blocks the
    query's deadline is checked.

    Parameters
    ----------
    fused
        Called as `work` is, for long stretches of rows that it needs no arrays for; where it returns False, their blocks are worked on.
    """
    weights = sample_counts + n_steps
    if not len(weights):
        return

    def run_stretch(part: int, first: int, last: int) -> None:
        query.deadline.check()
        if fused is not None and fused(part, first, last):
            return
        for start, stop in _block_bounds(weights, first, last, _BLOCK_CELLS):
            query.deadline.check()
            work(part, start, stop)

    if int(weights.sum()) <= _BLOCK_CELLS:
        run_stretch(0, 0, len(weights))
        return
    parts = part_bounds(query, weights)

    def run_part(part: int) -> None:
        for first, last in _block_bounds(weights, parts[part], parts[part + 1], _STRETCH_CELLS):
            run_stretch(part, first, last)

    _run_parts(query, len(parts) - 1, run_part)


def run_steps(query: QueryScope, n_rows: int, n_steps: int, work: Callable[[int, int], None]) -> None:
    """
    Call ``work(first_step, stop_step)`` for all steps, by as many threads as that is worth.

    For what looks at all series of a step; stretches of steps begin at multiples of `STEPS_TOGETHER`.
    """
    tiles = np.full(-(-n_steps // STEPS_TOGETHER), n_rows * STEPS_TOGETHER, dtype=np.int64)
    parts = part_bounds(query, tiles)

    def run_part(part: int) -> None:
        query.deadline.check()
        work(parts[part] * STEPS_TOGETHER, min(parts[part + 1] * STEPS_TOGETHER, n_steps))

    _run_parts(query, len(parts) - 1, run_part)


def _run_parts(query: QueryScope, parts: int, run_part: Callable[[int], None]) -> None:
    """Call ``run_part(part)`` for each part, in a thread each, the first in this one."""
    if parts == 1 or query.executor is None:
        for part in range(parts):
            run_part(part)
        return
    futures = [query.executor.submit(run_part, part) for part in range(1, parts)]
    try:
        run_part(0)
    finally:
        # Nobody may touch the selection after this returns, not even when the first part failed.
        errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error


def part_bounds(query: QueryScope, weights: NDArray[np.int64]) -> list[int]:
    """Return where each thread's rows begin, and the end; parts have about equal weights."""
    total = int(weights.sum())
    parts = min(
        query.threads if query.executor is not None else 1, max(1, total // _THREAD_CELLS), len(weights) or 1
    )
    ends = np.searchsorted(np.cumsum(weights), [total * part // parts for part in range(1, parts)])
    return [0, *(int(end) for end in ends), len(weights)]


def _block_bounds(weights: NDArray[np.int64], start: int, stop: int, cells: int) -> Iterator[tuple[int, int]]:
    """Cut ``start:stop`` into blocks of about so many cells, at least one row each."""
    sums = np.cumsum(weights[start:stop])
    first, done = 0, 0
    while first < stop - start:
        last = max(int(np.searchsorted(sums, done + cells, side="right")), first + 1)
        yield start + first, start + last
        done, first = int(sums[last - 1]), last
