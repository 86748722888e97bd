"""Dictionaries of label texts that grow: tables for kernels, and the same texts as Python needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.identity import EMPTY
from bongsu.kernels.labels import (
    N_ENTRIES,
    TEXT_AT,
    TEXT_PLACE,
    TEXT_SIZE,
    USED,
    NameSets,
    Texts,
    enter_all,
    find_text,
    gather_lines,
    hash_text,
)
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.storage.matching import match_lines, predicate
from bongsu.tsdb.arrays import grown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST = 16
_CODE_MASK = (1 << 32) - 1


def no_texts(owners: int) -> Texts:
    """Return an empty table of texts."""
    return Texts(
        table=np.full(2 * _FIRST, EMPTY, dtype=np.int32),
        entries=np.empty((_FIRST, 4), dtype=np.int64),
        data=np.empty(256, dtype=np.uint8),
        counts=np.zeros(owners, dtype=np.int64),
        cursor=np.zeros(2, dtype=np.int64),
    )


def no_sets() -> NameSets:
    """Return an empty table of sets of names."""
    return NameSets(
        table=np.full(2 * _FIRST, EMPTY, dtype=np.int32),
        entries=np.empty((_FIRST, 3), dtype=np.int64),
        names=np.empty(_FIRST, dtype=np.int32),
        cursor=np.zeros(2, dtype=np.int64),
    )


def with_room(texts: Texts, entries: int, size: int, owners: int) -> Texts:
    """Return the table with room for so many more entries and bytes, and for so many owners."""
    n = int(texts.cursor[N_ENTRIES])
    return texts._replace(
        table=_larger_table(texts.table, texts.entries, n, n + entries),
        entries=grown(texts.entries, n + entries),
        data=grown(texts.data, int(texts.cursor[USED]) + size),
        counts=grown(texts.counts, owners, fill=0),
    )


def sets_with_room(sets: NameSets, names: int) -> NameSets:
    """Return the table with room for one more set of so many names."""
    n = int(sets.cursor[N_ENTRIES])
    return sets._replace(
        table=_larger_table(sets.table, sets.entries, n, n + 1),
        entries=grown(sets.entries, n + 1),
        names=grown(sets.names, int(sets.cursor[USED]) + names),
    )


def _larger_table(
    table: NDArray[np.int32], entries: NDArray[np.int64], n: int, wanted: int
) -> NDArray[np.int32]:
    size = len(table)
    while size < 2 * wanted:
        size *= 2
    if size == len(table):
        return table
    larger = np.full(size, EMPTY, dtype=np.int32)
    enter_all(larger, entries, n)
    return larger


class TextsOwner:
    """Who holds a table of texts: the table is replaced when it grows."""

    __slots__ = ("texts",)

    def __init__(self, texts: Texts) -> None:
        self.texts = texts


class Dictionary:
    """
    The distinct texts of one owner, by code.

    What it has decoded it keeps, and goes on from there when texts are added.
    """

    __slots__ = ("_array", "_entries", "_feeds", "_holder", "_lines", "_owner", "_seen", "_starts")

    def __init__(self, holder: TextsOwner, owner: int) -> None:
        self._holder = holder
        self._owner = owner
        self._entries: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._seen = 0
        self._array: NDArray[np.object_] = np.empty(0, dtype=object)
        self._lines = b""
        self._starts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._feeds = 0

    def __len__(self) -> int:
        return int(self._holder.texts.counts[self._owner])

    def text(self, code: int) -> str:
        """Return one text."""
        entry = self._holder.texts.entries[self._codes()[code]]
        start = int(entry[TEXT_AT])
        return self._holder.texts.data[start : start + int(entry[TEXT_SIZE])].tobytes().decode()

    def array(self) -> NDArray[np.object_]:
        """Return the texts by code; earlier arrays stay as they were."""
        if len(self._array) < len(self):
            more = range(len(self._array), len(self))
            array = np.empty(len(self), dtype=object)
            array[: len(self._array)] = self._array
            array[len(self._array) :] = [self.text(code) for code in more]
            self._array = array
        return self._array

    def answers(self, matcher: Matcher) -> NDArray[np.bool_] | int:
        """Return for each code, and last for absence, whether the matcher holds; only the code for equality with a text."""
        if matcher.op is MatchOp.EQUAL and matcher.value:
            return self._find(matcher.value.encode(errors="replace"))
        answers = np.empty(len(self) + 1, dtype=np.bool_)
        answers[-1] = predicate(matcher)("")
        answers[:-1] = match_lines(matcher, *self._as_lines())
        return answers

    def _find(self, value: bytes) -> int:
        texts, data = self._holder.texts, np.frombuffer(bytearray(value), dtype=np.uint8)
        entry = find_text(texts, self._owner, data, 0, len(data), hash_text(self._owner, data, 0, len(data)))
        return len(self) if entry == EMPTY else int(texts.entries[entry, TEXT_PLACE]) & _CODE_MASK

    def _codes(self) -> NDArray[np.int64]:
        """Return the entry of each code: codes count up in the order of the entries."""
        texts = self._holder.texts
        n = int(texts.cursor[N_ENTRIES])
        if len(self._entries) < len(self):
            mine = np.flatnonzero(texts.entries[self._seen : n, TEXT_PLACE] >> 32 == self._owner)
            self._entries = np.concatenate((self._entries, mine + self._seen))
            self._seen = n
        return self._entries

    def _as_lines(self) -> tuple[bytes, NDArray[np.int64], int]:
        if len(self._starts) < len(self):
            codes = self._codes()
            size = int(self._holder.texts.entries[codes, TEXT_SIZE].sum()) + len(codes)
            lines, starts = np.empty(size, dtype=np.uint8), np.empty(len(codes), dtype=np.int64)
            self._feeds = gather_lines(self._holder.texts, codes, lines, starts)
            self._lines, self._starts = lines.tobytes(), starts
        return self._lines, self._starts, self._feeds
