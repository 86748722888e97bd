"""
Remote write 1.0 requests of known series and nothing but samples, which is what nearly all requests are: from the bytes to references,
times and values in one pass. Those of 2.0 are in `bongsu.kernels.known_writes_2`.

Whatever is not as plain as that ends the pass; `bongsu.kernels.remote_write` reads such a request from its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.remote_write import (
    VALUE_AT,
    end_of_labels,
    end_of_plain_sample,
    hash_piece,
    read_field,
    read_sample,
    read_varint,
    whole_word,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = int | np.int64

_SERIES_TAG = 0x0A
"""First byte of a series in a request: field 1, length-delimited."""

REFS, TIMES, VALUES, STARTS = 0, 1, 2, 3
"""Rows of the output."""

_SAMPLE, _BYTES = 2, 2
"""Number and wire type of a sample in a series."""

_TIME, START, _VALUE = 1, 2, 3
"""Where `read_sample` puts what it reads."""


@inner_kernel
def take_sample(
    data: NDArray[np.uint8], at: Int, stop: Int, row: NDArray[np.int64], sample: NDArray[np.int64]
) -> Int:
    """Read the sample at `at` into time and value of an output's column, its start into `sample`; return its end, -1 for any other field."""
    end, time = end_of_plain_sample(data, at, stop)
    sample[START] = 0
    if end >= 0:
        row[TIMES] = time
        row[VALUES] = np.int64(whole_word(data, at + VALUE_AT))
        return end
    # A zero is left out by most senders, a value as well as a time; only some senders know a start.
    number, wire, value, end = read_field(data, at, stop)
    sample[:] = 0
    if end < 0 or number != _SAMPLE or wire != _BYTES or read_sample(data, value, end, sample) >= 0:
        return -1
    row[TIMES] = sample[_TIME]
    row[VALUES] = sample[_VALUE]
    return end


@inner_kernel
def find_slot(table: NDArray[np.uint64], first: np.uint64, second: np.uint64) -> Int:
    """Return the slot of a hash in a table as that of `find_series`, -1 where it is not known."""
    mask = np.uint64(len(table) - 1)
    slot = first & mask
    while table[slot, 0] != first or table[slot, 1] != second:
        if table[slot, 0] == 0 and table[slot, 1] == 0:
            return -1
        slot = (slot + np.uint64(1)) & mask
    return np.int64(slot)


@inner_kernel
def _put_refs(
    table: NDArray[np.uint64], table_refs: NDArray[np.int64], samples: NDArray[np.int64], count: Int
) -> Int:
    """Put references where the hashes of the samples' series stand; return `count`, -1 if one is not known."""
    for i in range(count):
        slot = find_slot(table, np.uint64(samples[REFS, i]), np.uint64(samples[STARTS, i]))
        if slot < 0:
            return -1
        samples[REFS, i] = table_refs[slot]
        samples[STARTS, i] = 0
    return count


@kernel
def read_known(
    data: NDArray[np.uint8],
    seeds: NDArray[np.uint64],
    table: NDArray[np.uint64],
    table_refs: NDArray[np.int64],
    samples: NDArray[np.int64],
) -> Int:
    """
    Read a request if all of its series are in the table and have labels and samples only.

    Parameters
    ----------
    data : ndarray of uint8
    seeds : ndarray of uint64, shape (2,)
        As for `hash_bytes`.
    table, table_refs
        As for `find_series`.
    samples : ndarray of int64, shape (4, n_samples)
        Output: reference, Unix milliseconds, the bits of the value, and 0 for no start of each sample.

    Returns
    -------
    int
        Samples that were read; -1 for any other request, and for one with more samples than there is room for.
    """
    sample = np.zeros(4, dtype=np.int64)
    count = 0
    at: Int = 0
    stop = len(data)
    while at < stop:
        if data[at] != _SERIES_TAG:
            return -1
        size, begin = read_varint(data, at + 1, stop)
        if begin < 0 or size < 0 or size > stop - begin:
            return -1
        end = begin + size
        at = end_of_labels(data, begin, end)
        if at == begin:
            return -1
        first, second = hash_piece(data, begin, at, seeds)
        samples_before = count
        while at < end:
            if count >= samples.shape[1]:
                return -1
            sample_end = take_sample(data, at, end, samples[:, count], sample)
            if sample_end < 0 or sample[START]:
                return -1
            # They are looked up all together at the end: the processor then waits for several slots at a time.
            samples[REFS, count] = np.int64(first)
            samples[STARTS, count] = np.int64(second)
            count += 1
            at = sample_end
        if count == samples_before and find_slot(table, first, second) < 0:
            return -1
    return _put_refs(table, table_refs, samples, count)


def warm() -> None:
    """Compile the kernel for the types that it is called with: read-only bytes."""
    data = np.frombuffer(b"\0", dtype=np.uint8)
    words, refs = np.zeros((4, 2), dtype=np.uint64), np.zeros(4, dtype=np.int64)
    read_known(data, np.zeros(2, dtype=np.uint64), words, refs, np.zeros((4, 4), dtype=np.int64))
