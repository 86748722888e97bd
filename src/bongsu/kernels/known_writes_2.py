"""
Remote write 2.0 requests of known series with samples, and metadata that is known too, which senders repeat with every series: from the
bytes to references, times, values and start times.

Symbols are hashed first, wherever they stand. Whatever is not as plain as that ends the pass; `bongsu.kernels.remote_write` reads such
a request from its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.known_writes import REFS, START, STARTS, find_slot, take_sample
from bongsu.kernels.remote_write import hash_labels, hash_metadata, hash_piece, read_field, read_varint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = int | np.int64

_SYMBOL, _SERIES, _BYTES = 4, 5, 2
"""Numbers of the fields of a request, and their wire type."""

_LABELS_TAG, _METADATA_TAG = 0x0A, 0x2A
"""First bytes of labels and metadata in a series: fields 1 and 5, length-delimited."""


@inner_kernel
def _hash_symbols(data: NDArray[np.uint8], seeds: NDArray[np.uint64], symbols: NDArray[np.uint64]) -> Int:
    """Hash the symbols of a request; return how many there are, -1 for anything but symbols and series, or too many of them."""
    count = 0
    at: Int = 0
    stop = len(data)
    while at < stop:
        number, wire, value, end = read_field(data, at, stop)
        if end < 0 or wire != _BYTES or (number != _SYMBOL and number != _SERIES):
            return -1
        if number == _SYMBOL:
            # The first one is the empty string, or the request is refused.
            if count >= len(symbols) or (count == 0 and end > value):
                return -1
            symbols[count, 0], symbols[count, 1] = hash_piece(data, value, end, seeds)
            count += 1
        at = end
    return count


@kernel
def read_known_2(
    data: NDArray[np.uint8],
    seeds: NDArray[np.uint64],
    table: NDArray[np.uint64],
    table_refs: NDArray[np.int64],
    table_metadata: NDArray[np.uint64],
    symbols: NDArray[np.uint64],
    samples: NDArray[np.int64],
) -> Int:
    """
    Read a request if all of its series are in the table, with the metadata that they have there, and have samples beside it only.

    Parameters
    ----------
    data : ndarray of uint8
    seeds : ndarray of uint64, shape (2,)
        As for `hash_references`.
    table, table_refs
        As for `find_series`.
    table_metadata : ndarray of uint64, shape (capacity,)
        Hash of the newest metadata of each series.
    symbols : ndarray of uint64, shape (n_symbols, 2)
        Room for hashes; the longest request has as many symbols as this has rows.
    samples : ndarray of int64, shape (4, n_samples)
        Output: reference, Unix milliseconds, the bits of the value and start in Unix milliseconds (0 for none) of each sample.

    Returns
    -------
    int
        Samples that were read; -1 for any other request, and for one with more symbols or samples than there is room for.
    """
    n_symbols = _hash_symbols(data, seeds, symbols)
    if n_symbols <= 0:
        return -1
    known = symbols[:n_symbols]
    sample = np.zeros(4, dtype=np.int64)
    count = 0
    end: Int = 0
    while end < len(data):
        number, _, series, end = read_field(data, end, len(data))
        if number != _SERIES:
            continue
        at: Int = series
        if at >= end or data[at] != _LABELS_TAG:
            return -1
        size, begin = read_varint(data, at + 1, end)
        if begin < 0 or size < 0 or size > end - begin:
            return -1
        at = begin + size
        first, second, good = hash_labels(data, begin, at, known, seeds)
        slot = find_slot(table, first, second) if good else -1
        if slot < 0:
            return -1
        told = False
        while at < end:
            if data[at] == _METADATA_TAG and not told:
                told = True
                size, begin = read_varint(data, at + 1, end)
                if begin < 0 or size < 0 or size > end - begin:
                    return -1
                at = begin + size
                metadata = hash_metadata(data, begin, at, known)
                if metadata != 0 and metadata != table_metadata[slot]:
                    return -1
                continue
            if count >= samples.shape[1]:
                return -1
            at = take_sample(data, at, end, samples[:, count], sample)
            if at < 0:
                return -1
            samples[REFS, count] = table_refs[slot]
            samples[STARTS, count] = sample[START]
            count += 1
    return count


def warm() -> None:
    """Compile the kernel for the types that it is called with: read-only bytes."""
    data = np.frombuffer(b"\0", dtype=np.uint8)
    words, refs = np.zeros((4, 2), dtype=np.uint64), np.zeros(4, dtype=np.int64)
    seeds, metadata = np.zeros(2, dtype=np.uint64), np.zeros(4, dtype=np.uint64)
    read_known_2(data, seeds, words, refs, metadata, words, np.zeros((4, 4), dtype=np.int64))
