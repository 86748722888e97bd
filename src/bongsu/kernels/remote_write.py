"""
Remote write requests, versions 1.0 and 2.0, read from their protobuf bytes; and the table that finds known series again.

The walk fills arrays with numbers and offsets; texts stay in the request. A series is found by a 128-bit hash of its label
bytes as they were sent, under seeds that are drawn per process, so that no sender can make two series meet on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.kernels import _words
from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = int | np.int64

N_SERIES, N_SAMPLES, N_PARTS, N_SYMBOLS = 0, 1, 2, 3
"""Positions in `counts`."""

BEGIN, END, LABELS_BEGIN, LABELS_END, PLAIN, META_BEGIN, META_END, N_VALUES = 0, 1, 2, 3, 4, 5, 6, 7
SERIES_COLUMNS = 8
"""Columns of `series`: the message, its labels in one piece, whether they are in one piece, its metadata (2.0), its samples and histograms."""

PART_EXEMPLAR, PART_HISTOGRAM, PART_METADATA = 1, 2, 3
"""Kinds of `parts`, whose columns are kind, series, begin, end."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_TAG = (1 << 32) - 1  # a tag is 32 bits on the wire

_MULTIPLIER_1 = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER_2 = np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd constants with well mixed bits: the golden ratio, and one of xxHash's primes (Yann Collet, BSD-2)."""

_multiply: Any = _words.multiply
_SHIFT = np.uint64(29)
_BYTE = np.uint64(8)

_LABEL_TAG, _SAMPLE_TAG, _VALUE_TAG, _TIME_TAG = 0x0A, 0x12, 0x09, 0x10
"""First bytes of a label and a sample in a series (1.0 names them so, 2.0 the sample only), and of a sample's value and time."""

VALUE_AT, _TIME_AT = 3, 12
"""Where value and time begin in a sample as senders write it: two bytes of head, the value's tag and eight bytes, the time's tag."""


@inner_kernel
def read_varint(data: NDArray[np.uint8], at: Int, stop: Int) -> tuple[np.int64, Int]:
    """Return a varint as a signed 64-bit integer and where it ends, -1 when it does not."""
    if at < stop and data[at] < 128:  # most are lengths and tags of one byte
        return np.int64(data[at]), at + 1
    value = np.uint64(0)
    shift = np.uint64(0)
    for _ in range(10):
        if at >= stop:
            break
        byte = data[at]
        at += 1
        value |= np.uint64(byte & 127) << shift
        if byte < 128:
            return np.int64(value), at
        shift += np.uint64(7)
    return np.int64(0), -1


@inner_kernel
def read_field(data: NDArray[np.uint8], at: Int, stop: Int) -> tuple[Int, Int, np.int64, Int]:
    """Return number, wire type, payload begin (or the varint's value) and end of the next field; end is -1 when it is broken."""
    tag, at = read_varint(data, at, stop)
    if at < 0 or tag < 8 or tag > _MAX_TAG:
        return 0, 0, np.int64(0), -1
    number, wire = tag >> 3, tag & 7
    if wire == _VARINT:
        value, at = read_varint(data, at, stop)
        return number, wire, value, at
    size = np.int64(-1)
    if wire == _BYTES:
        size, at = read_varint(data, at, stop)
        if at < 0:
            return 0, 0, np.int64(0), -1
    elif wire == _FIXED64:
        size = np.int64(8)
    elif wire == _FIXED32:
        size = np.int64(4)
    if size < 0 or size > stop - at:
        return 0, 0, np.int64(0), -1
    return number, wire, np.int64(at), at + size


@inner_kernel
def _word(data: NDArray[np.uint8], at: Int, size: Int) -> np.uint64:
    """Return up to eight bytes as a little-endian integer."""
    word = np.uint64(0)
    for i in range(size):
        word |= np.uint64(data[at + i]) << (_BYTE * np.uint64(i))
    return word


@inner_kernel
def whole_word(data: NDArray[np.uint8], at: Int) -> np.uint64:
    """Return eight bytes as a little-endian integer; written out, and unsigned, it becomes one load."""
    i = np.uint64(at)
    return (
        np.uint64(data[i])
        | np.uint64(data[i + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[i + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[i + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[i + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[i + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[i + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[i + np.uint64(7)]) << np.uint64(56)
    )


@inner_kernel
def end_of_labels(data: NDArray[np.uint8], at: Int, stop: Int) -> Int:
    """Return where a run of whole label messages ends; `at` when there is none."""
    while at + 1 < stop and data[np.uint64(at)] == _LABEL_TAG:
        short = data[np.uint64(at + 1)]
        if short < 128:  # most: nothing but the next label waits for this one's length
            size, begin = np.int64(short), at + 2
        else:
            size, begin = read_varint(data, at + 1, stop)
            if begin < 0 or size < 0:
                break
        if size > stop - begin:
            break
        at = begin + size
    return at


@inner_kernel
def end_of_plain_sample(data: NDArray[np.uint8], at: Int, stop: Int) -> tuple[Int, np.int64]:
    """Return where a sample ends that has a value, a time and nothing else, and the time; the end is -1 for every other field."""
    if stop - at <= _TIME_AT or data[at] != _SAMPLE_TAG or data[at + 1] >= 128:
        return -1, np.int64(0)
    end = at + 2 + np.int64(data[at + 1])
    if end > stop or data[at + 2] != _VALUE_TAG or data[at + _TIME_AT - 1] != _TIME_TAG:
        return -1, np.int64(0)
    time, time_end = read_varint(data, at + _TIME_AT, end)
    return (end if time_end == end else -1), time


@kernel
def read_sample(data: NDArray[np.uint8], at: Int, stop: Int, sample: NDArray[np.int64]) -> Int:
    """Read a Sample message into (series, timestamp, start, bits of the value); return -1 or where it is broken."""
    while at < stop:
        number, wire, value, end = read_field(data, at, stop)
        if end < 0:
            return at
        if number == 1:
            if wire != _FIXED64:
                return at
            sample[3] = np.int64(whole_word(data, value))
        elif number == 2 or number == 3:
            if wire != _VARINT:
                return at
            sample[number - 1] = value
        at = end
    return -1


@inner_kernel
def _read_series(
    data: NDArray[np.uint8],
    at: Int,
    stop: Int,
    version: Int,
    counts: NDArray[np.int64],
    series: NDArray[np.int64],
    samples: NDArray[np.int64],
    parts: NDArray[np.int64],
) -> Int:
    """Read a TimeSeries message; return -1 or where it is broken. Its samples and labels mostly look alike, and have a short way."""
    row = counts[N_SERIES]
    labels_begin, labels_end, plain = at, at, 1
    meta_begin: Int = 0
    meta_end: Int = 0
    values = 0
    begin = at
    while at < stop:
        run = end_of_labels(data, at, stop) if version == 1 else at
        if run > at:
            if labels_end == labels_begin:
                labels_begin = at
            elif at != labels_end:
                plain = 0
            labels_end = at = run
            continue
        sample_end, time = end_of_plain_sample(data, at, stop)
        if sample_end >= 0:
            sample = counts[N_SAMPLES]
            if sample < len(samples):
                samples[sample, 0] = row
                samples[sample, 1] = time
                samples[sample, 2] = 0
                samples[sample, 3] = np.int64(whole_word(data, at + VALUE_AT))
            counts[N_SAMPLES] += 1
            values += 1
            at = sample_end
            continue
        number, wire, value, end = read_field(data, at, stop)
        if end < 0:
            return at
        # In version 2.0 exemplars and histograms have each other's numbers.
        part = 0
        if version == 1:
            part = PART_EXEMPLAR if number == 3 else PART_HISTOGRAM if number == 4 else 0
        else:
            part = PART_HISTOGRAM if number == 3 else PART_EXEMPLAR if number == 4 else 0
        known = number <= 4 or (version == 2 and number == 5)
        if known and wire != _BYTES and not (version == 2 and number == 1 and wire == _VARINT):
            return at
        if number == 1:
            # One piece: the run of label messages (1.0), or the only packed list of references (2.0).
            piece = at if version == 1 else value
            if labels_end == labels_begin:
                labels_begin = piece
            elif version == 2 or at != labels_end:
                plain = 0
            if wire == _VARINT:
                plain = 0
            labels_end = end
        elif number == 2:
            if counts[N_SAMPLES] < len(samples):
                sample = counts[N_SAMPLES]
                samples[sample, 0] = row
                samples[sample, 1:] = 0
                broken = read_sample(data, value, end, samples[sample])
                if broken >= 0:
                    return broken
            counts[N_SAMPLES] += 1
            values += 1
        elif part:
            if counts[N_PARTS] < len(parts):
                parts[counts[N_PARTS], 0] = part
                parts[counts[N_PARTS], 1] = row
                parts[counts[N_PARTS], 2] = value
                parts[counts[N_PARTS], 3] = end
            counts[N_PARTS] += 1
            values += part == PART_HISTOGRAM
        elif number == 5 and version == 2:
            meta_begin, meta_end = value, end
        at = end
    if row < len(series):
        series[row, BEGIN] = begin
        series[row, END] = stop
        series[row, LABELS_BEGIN] = labels_begin
        series[row, LABELS_END] = labels_end
        series[row, PLAIN] = plain
        series[row, META_BEGIN] = meta_begin
        series[row, META_END] = meta_end
        series[row, N_VALUES] = values
    counts[N_SERIES] += 1
    return -1


@kernel
def read_request(
    data: NDArray[np.uint8],
    version: Int,
    counts: NDArray[np.int64],
    series: NDArray[np.int64],
    samples: NDArray[np.int64],
    parts: NDArray[np.int64],
    symbols: NDArray[np.int64],
) -> Int:
    """
    Walk a request. Where an array is too short for what there is, the rest is only counted: call it again with longer ones.

    Parameters
    ----------
    data : ndarray of uint8
    version : int
        1 for ``prometheus.WriteRequest``, 2 for ``io.prometheus.write.v2.Request``.
    counts : ndarray of int64, shape (4,)
        Zeros; output.
    series : ndarray of int64, shape (n_series, SERIES_COLUMNS)
        Output, offsets into `data`.
    samples : ndarray of int64, shape (n_samples, 4)
        Output: series, timestamp and start timestamp in Unix milliseconds, bits of the value.
    parts : ndarray of int64, shape (n_parts, 4)
        Output: kind, series, begin, end of exemplars, histograms and (1.0) metadata.
    symbols : ndarray of int64, shape (n_symbols, 2)
        Output: begin and end of each symbol (2.0).

    Returns
    -------
    int
        -1, or the offset of the field that is broken.
    """
    at: Int = 0
    stop = len(data)
    while at < stop:
        number, wire, value, end = read_field(data, at, stop)
        if end < 0:
            return at
        is_series = number == (1 if version == 1 else 5)
        is_metadata = version == 1 and number == 3
        is_symbol = version == 2 and number == 4
        if (is_series or is_metadata or is_symbol) and wire != _BYTES:
            return at
        if is_series:
            broken = _read_series(data, value, end, version, counts, series, samples, parts)
            if broken >= 0:
                return broken
        elif is_metadata:
            if counts[N_PARTS] < len(parts):
                parts[counts[N_PARTS], 0] = PART_METADATA
                parts[counts[N_PARTS], 1] = -1
                parts[counts[N_PARTS], 2] = value
                parts[counts[N_PARTS], 3] = end
            counts[N_PARTS] += 1
        elif is_symbol:
            if counts[N_SYMBOLS] < len(symbols):
                symbols[counts[N_SYMBOLS], 0] = value
                symbols[counts[N_SYMBOLS], 1] = end
            counts[N_SYMBOLS] += 1
        at = end
    return -1


@inner_kernel
def _mix(state: np.uint64, word: np.uint64, multiplier: np.uint64) -> np.uint64:
    state = (state ^ word) * multiplier
    return state ^ (state >> _SHIFT)


@inner_kernel
def _fold(first: np.uint64, second: np.uint64) -> np.uint64:
    """Return a product of 128 bits with its halves laid over each other."""
    high, low = _multiply(first, second)
    folded: np.uint64 = high ^ low
    return folded


@inner_kernel
def hash_piece(
    data: NDArray[np.uint8], at: Int, stop: Int, seeds: NDArray[np.uint64]
) -> tuple[np.uint64, np.uint64]:
    """
    Return the hash of the bytes from `at` to `stop`, sixteen of them at a time.

    The last ones are read together with some before them: their number is in the hash. Source: the folded product of Wang Yi's
    wyhash (public domain); its keys are the seeds here, which nobody outside knows, since a word equal to its key takes the other with it.
    """
    size = stop - at
    first = seeds[0] ^ np.uint64(size) * _MULTIPLIER_1
    second = seeds[1] ^ np.uint64(size) * _MULTIPLIER_2
    while stop - at >= 16:
        word, next_word = whole_word(data, at), whole_word(data, at + 8)
        first = _fold(word ^ seeds[0], next_word ^ first)
        second = _fold(word ^ seeds[1], next_word ^ second)
        at += 16
    if at == stop and size > 0:
        return first, second
    if size >= 16:
        word, next_word = whole_word(data, stop - 16), whole_word(data, stop - 8)
    elif size >= 8:
        word, next_word = whole_word(data, at), whole_word(data, stop - 8)
    else:
        word, next_word = _word(data, at, size), np.uint64(0)
    return _fold(word ^ seeds[0], next_word ^ first), _fold(word ^ seeds[1], next_word ^ second)


@kernel
def hash_bytes(
    data: NDArray[np.uint8],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    seeds: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
) -> None:
    """
    Hash pieces of `data`.

    Parameters
    ----------
    begins, ends : ndarray of int64, shape (n,)
    seeds : ndarray of uint64, shape (2,)
    hashes : ndarray of uint64, shape (n, 2)
        Output.
    """
    for i in range(len(begins)):
        hashes[i, 0], hashes[i, 1] = hash_piece(data, begins[i], ends[i], seeds)


@inner_kernel
def hash_labels(
    data: NDArray[np.uint8], at: Int, stop: Int, symbol_hashes: NDArray[np.uint64], seeds: NDArray[np.uint64]
) -> tuple[np.uint64, np.uint64, bool]:
    """Return the hash of the symbols that a packed list refers to, and whether all of its references are good."""
    first, second = seeds[0], seeds[1]
    while at < stop:
        reference, at = read_varint(data, at, stop)
        if at < 0 or reference < 0 or reference >= len(symbol_hashes):
            return first, second, False
        first = _mix(first, symbol_hashes[reference, 0], _MULTIPLIER_1)
        second = _mix(second, symbol_hashes[reference, 1], _MULTIPLIER_2)
    return first, second, True


@inner_kernel
def hash_metadata(
    data: NDArray[np.uint8], at: Int, stop: Int, symbol_hashes: NDArray[np.uint64]
) -> np.uint64:
    """Return the hash of type, help and unit of a 2.0 series; 0 for none, and for broken ones."""
    state = np.uint64(0)
    while at < stop:
        number, wire, value, end = read_field(data, at, stop)
        if end < 0 or (number <= 4 and wire != _VARINT):
            return np.uint64(0)
        if number == 1:
            state = _mix(state, np.uint64(value + 1), _MULTIPLIER_1)
        elif number == 3 or number == 4:
            if value < 0 or value >= len(symbol_hashes):
                return np.uint64(0)
            state = _mix(state, symbol_hashes[value, 0] + np.uint64(number), _MULTIPLIER_2)
        at = end
    return state


@kernel
def hash_references(
    data: NDArray[np.uint8],
    series: NDArray[np.int64],
    symbol_hashes: NDArray[np.uint64],
    seeds: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    metadata: NDArray[np.uint64],
) -> None:
    """
    Hash the labels, and the metadata, of the series of a 2.0 request by the symbols that they refer to.

    Parameters
    ----------
    series : ndarray of int64, shape (n_series, SERIES_COLUMNS)
        In/out: `PLAIN` becomes 0 where a reference is broken or out of range.
    symbol_hashes : ndarray of uint64, shape (n_symbols, 2)
    hashes : ndarray of uint64, shape (n_series, 2)
        Output.
    metadata : ndarray of uint64, shape (n_series,)
        Output: hash of type, help and unit; 0 where a series has no metadata, or broken one.
    """
    for i in range(len(series)):
        begin, end = series[i, LABELS_BEGIN], series[i, LABELS_END]
        hashes[i, 0], hashes[i, 1], good = hash_labels(data, begin, end, symbol_hashes, seeds)
        series[i, PLAIN] &= good
        metadata[i] = hash_metadata(data, series[i, META_BEGIN], series[i, META_END], symbol_hashes)


@kernel
def find_series(hashes: NDArray[np.uint64], table: NDArray[np.uint64], slots: NDArray[np.int64]) -> None:
    """
    Find hashes in an open-addressed table.

    Parameters
    ----------
    hashes : ndarray of uint64, shape (n, 2)
    table : ndarray of uint64, shape (capacity, 2)
        Capacity is a power of two, at least one slot is free (both words 0).
    slots : ndarray of int64, shape (n,)
        Output: the slot of each hash; where it is not known, the free slot as ``-1 - slot``.
    """
    mask = np.uint64(len(table) - 1)
    for i in range(len(hashes)):
        slot = hashes[i, 0] & mask
        while True:
            first, second = table[slot, 0], table[slot, 1]
            if first == hashes[i, 0] and second == hashes[i, 1]:
                slots[i] = np.int64(slot)
                break
            if first == 0 and second == 0:
                slots[i] = -1 - np.int64(slot)
                break
            slot = (slot + np.uint64(1)) & mask


@kernel
def insert_series(
    hashes: NDArray[np.uint64],
    refs: NDArray[np.int64],
    table: NDArray[np.uint64],
    table_refs: NDArray[np.int64],
    slots: NDArray[np.int64],
) -> Int:
    """
    Put hashes and their references into the table of `find_series`, which has room; a known one gets the new reference.

    Parameters
    ----------
    slots : ndarray of int64, shape (n,)
        Output: the slot of each.

    Returns
    -------
    int
        How many were new.
    """
    mask = np.uint64(len(table) - 1)
    added = 0
    for i in range(len(hashes)):
        slot = hashes[i, 0] & mask
        while not (table[slot, 0] == hashes[i, 0] and table[slot, 1] == hashes[i, 1]):
            if table[slot, 0] == 0 and table[slot, 1] == 0:
                table[slot, 0] = hashes[i, 0]
                table[slot, 1] = hashes[i, 1]
                added += 1
                break
            slot = (slot + np.uint64(1)) & mask
        table_refs[slot] = refs[i]
        slots[i] = np.int64(slot)
    return added


def warm() -> None:
    """Compile the kernels for the types that they are called with: read-only bytes, columns of tables."""
    data = np.frombuffer(b"\0", dtype=np.uint8)
    counts, tables = np.zeros(4, dtype=np.int64), np.zeros((2, SERIES_COLUMNS), dtype=np.int64)
    read_request(data, 1, counts, tables, tables, tables, tables)
    words, seeds = np.zeros((2, 2), dtype=np.uint64), np.zeros(2, dtype=np.uint64)
    hash_bytes(data, tables[:, LABELS_BEGIN], tables[:, LABELS_END], seeds, words)
    hash_references(data, tables, words, seeds, words, seeds)
    slots = np.zeros(2, dtype=np.int64)
    table, refs = np.zeros((4, 2), dtype=np.uint64), np.zeros(4, dtype=np.int64)
    find_series(words, table, slots)
    insert_series(words, slots, table, refs, slots)
