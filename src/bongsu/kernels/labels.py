"""
Labels as numbers: kernels that cut series keys into names and values and give every distinct text a code.

A `Texts` table holds distinct texts, each owned by a number: label names are owned by 0, values by the number of their name. Codes
count up from 0 within an owner, are given once, and stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels.identity import EMPTY, _murmur

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEXT_HASH, TEXT_AT, TEXT_SIZE, TEXT_PLACE = range(4)
"""Columns of `Texts.entries`: hash, place and size of the bytes, ``owner << 32 | code``."""

GROUP_HASH, GROUP_AT, GROUP_SIZE = range(3)
"""Columns of `NameSets.entries`: hash, and where in `NameSets.names` the numbers of its names are."""

N_ENTRIES, USED = 0, 1
"""Entries of a cursor: how many entries there are, and how much of the arena behind them is used."""

_SEPARATOR = 0xFF  # bongsu.model.labels.SEPARATOR


class Texts(NamedTuple):
    """
    Distinct texts by owner.

    Attributes
    ----------
    table : ndarray of int32
        Open addressing, a power of two long: number of the entry, or `EMPTY`.
    entries : ndarray of int64, shape (capacity, 4)
    data : ndarray of uint8
    counts : ndarray of int64, shape (owners,)
        Codes given to each owner.
    cursor : ndarray of int64, shape (2,)
    """

    table: NDArray[np.int32]
    entries: NDArray[np.int64]
    data: NDArray[np.uint8]
    counts: NDArray[np.int64]
    cursor: NDArray[np.int64]


class NameSets(NamedTuple):
    """Distinct sequences of names: `names` holds the numbers of names, of one set after another; the rest is as in `Texts`."""

    table: NDArray[np.int32]
    entries: NDArray[np.int64]
    names: NDArray[np.int32]
    cursor: NDArray[np.int64]


@kernel
def find_text(texts: Texts, owner: int, data: NDArray[np.uint8], begin: int, end: int, hashed: int) -> int:
    """Return the entry of a text, or `EMPTY`."""
    mask = len(texts.table) - 1
    at = hashed & mask
    while texts.table[at] != EMPTY:
        number = texts.table[at]
        entry = texts.entries[number]
        if (
            entry[TEXT_HASH] == hashed
            and entry[TEXT_SIZE] == end - begin
            and entry[TEXT_PLACE] >> 32 == owner
        ):
            same = True
            start = entry[TEXT_AT]
            for i in range(end - begin):
                same = same and texts.data[start + i] == data[begin + i]
            if same:
                return int(number)
        at = (at + 1) & mask
    return EMPTY


@kernel
def hash_text(owner: int, data: NDArray[np.uint8], begin: int, end: int) -> int:
    """Return the hash of a text of an owner."""
    low, _ = _murmur(data, begin, end)
    mixed = (low ^ np.uint64(owner)) * np.uint64(0x9E3779B97F4A7C15)
    return int(np.int64(mixed ^ (mixed >> np.uint64(32))))


@inner_kernel
def _intern(texts: Texts, owner: int, data: NDArray[np.uint8], begin: int, end: int) -> int:
    """Return the entry of a text, a new one when it is new; there is room for it."""
    hashed = hash_text(owner, data, begin, end)
    found = find_text(texts, owner, data, begin, end, hashed)
    if found != EMPTY:
        return found
    number = texts.cursor[N_ENTRIES]
    entry = texts.entries[number]
    entry[TEXT_HASH] = hashed
    entry[TEXT_AT] = texts.cursor[USED]
    entry[TEXT_SIZE] = end - begin
    entry[TEXT_PLACE] = owner << 32 | texts.counts[owner]
    texts.counts[owner] += 1
    for i in range(end - begin):
        texts.data[texts.cursor[USED] + i] = data[begin + i]
    texts.cursor[N_ENTRIES] += 1
    texts.cursor[USED] += end - begin
    _enter(texts.table, hashed, number)
    return int(number)


@inner_kernel
def _enter(table: NDArray[np.int32], hashed: int, number: int) -> None:
    mask = len(table) - 1
    at = hashed & mask
    while table[at] != EMPTY:
        at = (at + 1) & mask
    table[at] = number


@kernel
def enter_all(table: NDArray[np.int32], entries: NDArray[np.int64], count: int) -> None:
    """Fill an empty table with entries whose hash is in their first column."""
    for number in range(count):
        _enter(table, entries[number, 0], number)


@inner_kernel
def _number_set(sets: NameSets, names: NDArray[np.int32], n: int) -> int:
    """Return the number of a sequence of names, a new one when it is new; there is room for it."""
    mixed = np.uint64(n)
    for i in range(n):
        mixed = (mixed ^ np.uint64(names[i])) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    hashed = np.int64(mixed)
    mask = len(sets.table) - 1
    at = hashed & mask
    while sets.table[at] != EMPTY:
        entry = sets.entries[sets.table[at]]
        if entry[GROUP_HASH] == hashed and entry[GROUP_SIZE] == n:
            same = True
            for i in range(n):
                same = same and sets.names[entry[GROUP_AT] + i] == names[i]
            if same:
                return int(sets.table[at])
        at = (at + 1) & mask
    number = sets.cursor[N_ENTRIES]
    entry = sets.entries[number]
    entry[GROUP_HASH] = hashed
    entry[GROUP_AT] = sets.cursor[USED]
    entry[GROUP_SIZE] = n
    for i in range(n):
        sets.names[sets.cursor[USED] + i] = names[i]
    sets.cursor[N_ENTRIES] += 1
    sets.cursor[USED] += n
    sets.table[at] = number
    return int(number)


@inner_kernel
def has_room(names: Texts, values: Texts, sets: NameSets, labels: int, size: int) -> bool:
    """Tell whether a key of so many labels and bytes fits, whatever is new in it; tables stay at most half full."""
    for texts in (names, values):
        entries = texts.cursor[N_ENTRIES] + labels
        if entries > len(texts.entries) or 2 * entries > len(texts.table):
            return False
        if texts.cursor[USED] + size > len(texts.data):
            return False
    if names.cursor[N_ENTRIES] + labels > len(values.counts):
        return False
    groups = sets.cursor[N_ENTRIES] + 1
    if groups > len(sets.entries) or 2 * groups > len(sets.table):
        return False
    return bool(sets.cursor[USED] + labels <= len(sets.names))


@kernel
def encode_keys(
    keys: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    row: int,
    names: Texts,
    values: Texts,
    sets: NameSets,
    out_groups: NDArray[np.int32],
    out_first: NDArray[np.int64],
    out_codes: NDArray[np.int32],
) -> int:
    """
    Write the group and the codes of each key from `row` on.

    Returns the row that must come again after the tables have grown, or the number of keys.

    Parameters
    ----------
    out_first : ndarray of int64, shape (n_keys + 1,)
        Key *i* owns ``out_codes[out_first[i]:out_first[i + 1]]``, in the order of its group's names. ``out_first[row]`` is set.
    """
    found = np.empty(64, dtype=np.int32)
    while row < len(bounds) - 1:
        labels = 0
        for i in range(bounds[row], bounds[row + 1]):
            labels += keys[i] == _SEPARATOR
        labels //= 2
        if labels > len(found):
            found = np.empty(2 * labels, dtype=np.int32)
        if not has_room(names, values, sets, labels, bounds[row + 1] - bounds[row]):
            return row
        at = bounds[row]
        for label in range(labels):
            end = at
            while keys[end] != _SEPARATOR:
                end += 1
            name = _intern(names, 0, keys, at, end)
            at = end + 1
            end = at
            while keys[end] != _SEPARATOR:
                end += 1
            value = _intern(values, name, keys, at, end)
            at = end + 1
            found[label] = name
            out_codes[out_first[row] + label] = values.entries[value, TEXT_PLACE] & 0xFFFFFFFF
        out_groups[row] = _number_set(sets, found, labels)
        out_first[row + 1] = out_first[row] + labels
        row += 1
    return row


@kernel
def count_parts(keys: NDArray[np.uint8], bounds: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Write labels, longest name and longest value of each key; shape (3, n_keys)."""
    for row in range(len(bounds) - 1):
        parts = 0
        begin = bounds[row]
        longest = np.zeros(2, dtype=np.int64)
        for i in range(bounds[row], bounds[row + 1]):
            if keys[i] == _SEPARATOR:
                longest[parts & 1] = max(longest[parts & 1], i - begin)
                begin = i + 1
                parts += 1
        out[0, row] = parts // 2
        out[1, row] = longest[0]
        out[2, row] = longest[1]


@kernel
def gather_lines(
    texts: Texts, entries: NDArray[np.int64], out: NDArray[np.uint8], out_starts: NDArray[np.int64]
) -> int:
    """Write texts, each ended by a line feed, and where each begins; return how many line feeds they have themselves."""
    at = 0
    feeds = 0
    for i in range(len(entries)):
        entry = texts.entries[entries[i]]
        out_starts[i] = at
        for k in range(entry[TEXT_SIZE]):
            byte = texts.data[entry[TEXT_AT] + k]
            feeds += byte == 10
            out[at + k] = byte
        at += entry[TEXT_SIZE] + 1
        out[at - 1] = 10
    return feeds


def warm() -> None:
    """Compile for the types that are called with."""
    data, none, small = np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
    table, bounds, cursor = np.full(1, EMPTY, dtype=np.int32), np.zeros(1, dtype=np.int64), none
    texts = Texts(table, np.zeros((1, 4), dtype=np.int64), data, none, cursor)
    sets = NameSets(table, texts.entries, small, cursor)
    find_text(texts, 0, data, 0, 0, hash_text(0, data, 0, 0))
    enter_all(table, texts.entries, 0)
    encode_keys(data, bounds, 0, texts, texts, sets, small, none, small)
    count_parts(data, bounds, np.zeros((3, 0), dtype=np.int64))
    gather_lines(texts, none, data, none)
