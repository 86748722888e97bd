"""One pass from chunks to windows and groups gives what the kernels give one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    chunk_room,
    decode_chunks,
    encode_runs,
)
from bongsu.kernels.fused import aggregate_rows, compute_rows
from bongsu.kernels.groups import GroupOp, accumulate
from bongsu.kernels.rows import read_rows
from bongsu.kernels.shared_times import new_table
from bongsu.kernels.window_ops import NEWEST, WindowOp
from bongsu.kernels.windows import latest, windows
from bongsu.model.samples import KIND_FLOAT, STALE_BITS, STALE_NAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.kernels.rows import Directory

START = 1_700_000_000_000
SPAN = 120_000
NO_STARTS = np.empty(0, dtype=np.int64)
Samples = tuple["NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.int64]"]


class Stored:
    """
    Rows of up to three chunks, in a shuffled order; series of the same target share their times.

    Targets have gaps, so that chunks of the same place in a row have other lengths, and some series lack their first chunk.
    """

    def __init__(self, seed: int, *, targets: int = 4, series: int = 5) -> None:
        random = np.random.default_rng(seed)
        runs: list[tuple[int, NDArray[np.int64], NDArray[np.float64]]] = []
        for target in range(targets):
            times = START + 15_000 * np.arange(240) + random.integers(-5, 6, 240) + 1_000 * target
            cuts = [0, int(random.integers(60, 100)), int(random.integers(120, 180)), 240]
            for number in range(series):
                values = np.cumsum(random.integers(0, 9, 240)).astype(np.float64)
                values[int(random.integers(240)) :] -= values[0]
                if random.random() < 0.4:
                    values[random.integers(0, 240, 3)] = STALE_NAN
                row = target * series + number
                for part in range(int(random.random() < 0.2), 3):
                    chosen = slice(cuts[part], cuts[part + 1])
                    runs.append((row, times[chosen], values[chosen]))
        order = random.permutation(targets * series)
        runs.sort(key=lambda run: (int(order[run[0]]), int(run[1][0])))
        self.times = np.concatenate([run[1] for run in runs])
        self.values = np.concatenate([run[2] for run in runs])
        rows = np.array([order[run[0]] for run in runs])
        lengths = np.array([len(run[1]) for run in runs])
        self.ends = np.cumsum(lengths)
        self.out = np.zeros(24 * len(self.times) + chunk_room(240), dtype=np.uint8)
        self.chunks = np.zeros((len(runs), 8), dtype=np.int64)
        begins = self.ends - lengths
        bits = self.values.view(np.int64)
        encode_runs(
            self.times, NO_STARTS, bits, begins, self.ends, True, new_table(64), 0, self.out, self.chunks
        )
        self.chunks[:, ENTRY_AT] += self.out.ctypes.data
        self.first = np.searchsorted(rows, np.arange(targets * series + 1)).astype(np.int64)

    def directory(self) -> Directory:
        """The arrays of a chunk view."""
        shape = self.chunks[:, ENTRY_SHAPE]
        columns = (ENTRY_AT, ENTRY_SAMPLES, ENTRY_MIN_TIME, ENTRY_MAX_TIME)
        kind = np.full(len(shape), KIND_FLOAT, dtype=np.uint8)
        address, count, low, high = (np.ascontiguousarray(self.chunks[:, column]) for column in columns)
        flags = (shape >> 8).astype(np.uint8)
        return self.first, kind, shape.astype(np.uint8), flags, address, count, low, high

    def samples(self, start_ms: int, end_ms: int, *, keep_stale: bool) -> Samples:
        """What `read_rows` gives."""
        rows, n = len(self.first) - 1, len(self.times)
        times, values = np.empty(n, dtype=np.int64), np.empty(n)
        offsets = np.empty(rows + 1, dtype=np.int64)
        read_rows(
            self.directory(),
            start_ms,
            end_ms,
            STALE_BITS,
            keep_stale=keep_stale,
            times=times,
            values=values,
            starts=NO_STARTS,
            offsets=offsets,
        )
        return times[: offsets[-1]], values[: offsets[-1]], offsets


RANGES = [(START - 10_000, START + 4_000_000), (START + 400_000, START + 3_000_000)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("limits", RANGES)
@pytest.mark.parametrize("keep_stale", [False, True])
def test_times_that_are_taken_from_another_row_are_those_of_the_chunk(
    seed: int, limits: tuple[int, int], keep_stale: bool
) -> None:
    stored = Stored(seed)
    times, starts = np.empty((2, len(stored.times)), dtype=np.int64)
    values = np.empty(len(stored.times))
    decode_chunks(stored.chunks, stored.ends, times, values, starts)
    assert stored.times.tolist() == times.tolist()

    found, numbers, offsets = stored.samples(*limits, keep_stale=keep_stale)

    inside = (times >= limits[0]) & (times <= limits[1])
    if not keep_stale:
        inside &= values.view(np.int64) != STALE_BITS
    sums = np.concatenate(([0], np.cumsum(inside)))[np.concatenate(([0], stored.ends))]
    assert times[inside].tolist() == found.tolist()
    assert values.view(np.int64)[inside].tolist() == numbers.view(np.int64).tolist()
    assert sums[stored.first].tolist() == offsets.tolist()


@pytest.mark.parametrize("limits", RANGES)
@pytest.mark.parametrize("op", [*WindowOp, NEWEST])
def test_one_pass_gives_the_windows_of_samples_that_were_read_first(op: int, limits: tuple[int, int]) -> None:
    stored = Stored(op)
    ends = np.arange(limits[0] + SPAN - 1, limits[1] + 1, 50_000, dtype=np.int64)
    params = np.vstack((np.full(len(ends), 0.3), np.full(len(ends), 0.7)))
    samples = stored.samples(*limits, keep_stale=op == NEWEST)
    shape = (len(stored.first) - 1, len(ends))
    expected, kinds = np.zeros(shape), np.zeros(shape, dtype=np.uint8)
    if op == NEWEST:
        picks = np.empty(shape, dtype=np.int64)
        latest(samples, ends, SPAN, STALE_BITS, picks)
        kinds[:] = picks >= 0
        expected[:] = samples[1][picks]
    else:
        windows(WindowOp(op), samples, ends, SPAN, params, expected, kinds)

    out, found = np.zeros(shape), np.empty(shape, dtype=np.uint8)
    read = compute_rows(op, stored.directory(), (*limits, SPAN, STALE_BITS), ends, params, out, found)

    assert len(samples[0]) == read
    assert kinds.tolist() == found.tolist()
    np.testing.assert_array_equal(np.where(kinds, expected, 0.0), np.where(kinds, out, 0.0))


@pytest.mark.parametrize("group_op", list(GroupOp))
def test_one_pass_adds_to_groups_what_was_computed_first(group_op: GroupOp) -> None:
    stored = Stored(7)
    ends = START + np.arange(0, 3_600_000, 60_000, dtype=np.int64)
    params = np.zeros((2, len(ends)))
    rows = len(stored.first) - 1
    groups = np.arange(rows, dtype=np.int64) % 3
    limits = int(ends[0]) - SPAN + 1, int(ends[-1]), SPAN, STALE_BITS
    out, kinds = np.zeros((rows, len(ends))), np.empty((rows, len(ends)), dtype=np.uint8)
    compute_rows(WindowOp.RATE, stored.directory(), limits, ends, params, out, kinds)
    expected, planes = np.zeros((2, 3, 3, len(ends)))
    accumulate(group_op, out, kinds, groups, expected)

    aggregate_rows(WindowOp.RATE, stored.directory(), limits, ends, params, group_op, groups, planes)

    # Rows come in another order.
    np.testing.assert_allclose(planes, expected, rtol=1e-9, atol=1e-12)
