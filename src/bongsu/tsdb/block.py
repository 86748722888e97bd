"""
Blocks: immutable files with the samples of a range of time, their series, and the labels of these. See `docs/format/block.md`.

A block is read in place. Its index is small and mapped; only what a query touches is ever loaded. Deletions of its samples are in a
file beside it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.kernels.blocks import find_ranges
from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    ENTRY_SIZE,
)
from bongsu.kernels.codec_times import TIMES_SHARED
from bongsu.kernels.joining import join_block
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.storage.errors import StoreDamaged
from bongsu.storage.matching import match_lines, predicate
from bongsu.tsdb.arrays import ranges
from bongsu.tsdb.index import Group, gather_columns, match_groups, names_of
from bongsu.tsdb.parts import KIND_SHIFT, Part, none_hidden
from bongsu.tsdb.pieces import CheckedPieces
from bongsu.tsdb.sections import SectionFile, write_sections

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumn, LabelColumns

BLOCK_SUFFIX = ".block"
TOMBSTONES_SUFFIX = ".tombstones"
INDEX_SECTIONS = (
    "meta", "labels", "codes", "members", "value_bounds", "values", "identity", "first",
    "offsets", "min_times", "max_times", "samples", "shapes", "chunk_sums",
)  # fmt: skip
"""What is checked whenever a block is opened; chunks are checked when they are first read, and by `verify`."""


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """
    What a block says of itself.

    Attributes
    ----------
    number
        Unique in its project, rising.
    level
        0 from the head, else one more than the highest of its sources.
    min_time, max_time
        Of its samples, Unix milliseconds.
    sequence
        Deletions up to this place in the log are applied to its samples.
    rank
        Of two samples at the same time, the one in the block of higher rank counts: the number of the newest block that went into it.
    sources
        Numbers of the blocks that it replaces: where it is, they are garbage.
    """

    number: int
    level: int
    rank: int
    min_time: int
    max_time: int
    sequence: int
    series: int
    samples: int
    chunks: int
    sources: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


_LINE_FEED = 10


class StoredValues:
    """The values of one label name in a block, sorted by their bytes, read as they are needed."""

    def __init__(self, values: NDArray[np.uint8], bounds: NDArray[np.int64]) -> None:
        self._values = values
        self._bounds = bounds
        self._array: NDArray[np.object_] | None = None
        self._lines: tuple[bytes, NDArray[np.int64], int] | None = None

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def text(self, code: int) -> str:
        """Return one value."""
        return self._bytes(code).decode()

    def array(self) -> NDArray[np.object_]:
        """Return all values."""
        if self._array is None:
            array = np.empty(len(self), dtype=object)
            array[:] = [self.text(code) for code in range(len(self))]
            self._array = array
        return self._array

    def answers(self, matcher: Matcher) -> NDArray[np.bool_] | int:
        """Return for each code, and last for absence, whether the matcher holds; only the code for equality with a value."""
        if matcher.op is MatchOp.EQUAL and matcher.value:
            return self._find(matcher.value.encode(errors="replace"))
        answers = np.empty(len(self) + 1, dtype=np.bool_)
        answers[-1] = predicate(matcher)("")
        answers[:-1] = match_lines(matcher, *self._as_lines())
        return answers

    def _as_lines(self) -> tuple[bytes, NDArray[np.int64], int]:
        """Return the values, each ended by a line feed, where each begins, and how many line feeds they have themselves."""
        if self._lines is None:
            bounds = self._bounds - self._bounds[0]
            data = self._values[self._bounds[0] : self._bounds[-1]]
            is_end = np.zeros(len(data) + len(self), dtype=np.bool_)
            is_end[bounds[1:] + np.arange(len(self))] = True
            lines = np.full(len(is_end), _LINE_FEED, dtype=np.uint8)
            lines[~is_end] = data
            starts = bounds[:-1] + np.arange(len(self))
            self._lines = lines.tobytes(), starts, int(np.count_nonzero(data == _LINE_FEED))
        return self._lines

    def _find(self, value: bytes) -> int:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._bytes(middle) < value:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self._bytes(low) == value else len(self)

    def _bytes(self, code: int) -> bytes:
        return self._values[self._bounds[code] : self._bounds[code + 1]].tobytes()


class Block:
    """
    One block, open for reading; from any thread.

    Raises
    ------
    StoreDamaged
        If its index fails a checksum.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = SectionFile(path)
        self._file.check(name for name in INDEX_SECTIONS if self._file.has(name))
        said = self._file.json("meta")
        self.meta = BlockMeta(**said | {"sources": tuple(said["sources"])})
        self.identity: NDArray[np.int64] = self._file.array("identity", "i8").reshape(-1, 2)
        self._first: NDArray[np.int64] = self._file.array("first", "i8")
        self._offsets: NDArray[np.int64] = self._file.array("offsets", "i8")
        self._min_times: NDArray[np.int64] = self._file.array("min_times", "i8")
        self._max_times: NDArray[np.int64] = self._file.array("max_times", "i8")
        self._samples: NDArray[np.int32] = self._file.array("samples", "i4")
        self._shapes: NDArray[np.int32] = self._file.array("shapes", "i4")
        self._chunks: NDArray[np.uint8] = self._file.array("chunks", "u1")
        self._pieces = (
            CheckedPieces(path, self._chunks, self._file.array("chunk_sums", "u4"))
            if self._file.has("chunk_sums")
            else None  # written before there were any: `verify` checks the section as a whole
        )
        self.is_damaged = False
        self._groups, self._dictionaries = self._read_labels()
        self._group_of_row, self._place_of_row = self._places()
        self.tombstones: NDArray[np.int64] = read_tombstones(tombstones_path(path))

    @property
    def bytes(self) -> int:
        """Size of the file."""
        return self._file.size

    @property
    def memory(self) -> object:
        """What keeps the memory of the chunks alive."""
        return self._chunks

    def check(self) -> None:
        """Check every checksum; raise StoreDamaged."""
        self._file.check()

    def match(self, matchers: Sequence[Matcher]) -> NDArray[np.int64]:
        """Return the rows whose labels match."""
        return match_groups(self._groups, self._dictionaries, matchers)

    def labels(self, rows: NDArray[np.int64]) -> LabelColumns:
        """Return the labels of rows."""
        return gather_columns(
            self._groups, self._dictionaries, self._group_of_row[rows], self._place_of_row[rows]
        )

    def column(self, name: str, rows: NDArray[np.int64]) -> LabelColumn | None:
        """Return one label of rows, None when none of them has it."""
        groups, places = self._group_of_row[rows], self._place_of_row[rows]
        return gather_columns(self._groups, self._dictionaries, groups, places, only=name).get(name)

    def names(self, rows: NDArray[np.int64]) -> set[str]:
        """Return the label names that any of the rows has."""
        return names_of(self._groups, self._group_of_row[rows])

    def with_samples(self, rows: NDArray[np.int64], start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """Return the rows that may have samples in a closed range."""
        _, counts = self.find(rows, start_ms, end_ms)
        kept: NDArray[np.int64] = rows[counts > 0]
        if not len(self.tombstones):
            return kept
        # A series that is deleted as a whole is not there; what is deleted in part may still show, as the contract allows.
        whole = (self.tombstones[:, 1] <= self.meta.min_time) & (self.tombstones[:, 2] >= self.meta.max_time)
        return kept[~np.isin(kept, self.tombstones[whole, 0])] if whole.any() else kept

    def find(
        self, rows: NDArray[np.int64], start_ms: int, end_ms: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each row its first chunk in a closed range, and how many there are."""
        begin, counts = np.empty((2, len(rows)), dtype=np.int64)
        find_ranges(self._first, self._min_times, self._max_times, rows, start_ms, end_ms, begin, counts)
        return begin, counts

    def join(
        self,
        found: tuple[NDArray[np.int64], NDArray[np.int64]],
        to: NDArray[np.int64],
        cursor: NDArray[np.int64],
        wide: NDArray[np.int64],
        narrow: NDArray[np.uint8],
    ) -> bool:
        """
        Write the chunks that `find` found, as `bongsu.kernels.joining.join_block` says.

        Raises
        ------
        StoreDamaged
            If their bytes fail a checksum; the block is damaged from then on.
        """
        self._check_chunks(*found)
        chunks = self._offsets, self._min_times, self._max_times, self._samples, self._shapes
        return join_block(chunks, self._chunks.ctypes.data, *found, to, cursor, wide, narrow)

    def part(self, rows: NDArray[np.int64], start_ms: int, end_ms: int) -> Part:
        """
        Return the samples of rows in a closed range.

        Raises
        ------
        StoreDamaged
            If their bytes fail a checksum; the block is damaged from then on.
        """
        begin, counts = self.find(rows, start_ms, end_ms)
        self._check_chunks(begin, counts)
        first = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(counts, out=first[1:])
        chunks = ranges(begin, begin + counts)
        table = np.zeros((len(chunks), 8), dtype=np.int64)
        table[:, ENTRY_AT] = self._offsets[chunks] + self._chunks.ctypes.data
        table[:, ENTRY_SIZE] = self._offsets[chunks + 1] - self._offsets[chunks]
        table[:, ENTRY_SHAPE] = self._shapes[chunks]
        table[:, ENTRY_SAMPLES] = self._samples[chunks]
        table[:, ENTRY_MIN_TIME] = self._min_times[chunks]
        table[:, ENTRY_MAX_TIME] = self._max_times[chunks]
        return Part(
            first=first,
            table=table,
            owners=(self._chunks,),
            hidden=self._hidden(rows) if len(self.tombstones) else none_hidden(),
        )

    def delete(self, rows: NDArray[np.int64], start_ms: int, end_ms: int) -> None:
        """Hide samples, durably."""
        added = np.empty((len(rows), 3), dtype=np.int64)
        added[:, 0] = rows
        added[:, 1:] = start_ms, end_ms
        tombstones = np.concatenate((self.tombstones, added))
        write_sections(tombstones_path(self.path), {"tombstones": tombstones})
        self.tombstones = tombstones

    def remove(self) -> None:
        """Remove the files; who has the block open reads on."""
        # The block first: tombstones without a block are garbage, a block without its tombstones would show what was deleted.
        self.path.unlink(missing_ok=True)
        tombstones_path(self.path).unlink(missing_ok=True)

    def _check_chunks(self, begins: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        if self._pieces is None or self._pieces.are_sound:
            return
        chunks = ranges(begins, begins + counts)
        try:
            self._pieces.check(self._offsets[chunks], self._offsets[chunks + 1])
            if not self._pieces.are_sound:
                lenders = self._lenders(chunks)
                self._pieces.check(self._offsets[lenders], self._offsets[lenders + 1])
        except StoreDamaged:
            self.is_damaged = True
            raise

    def _lenders(self, chunks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the chunks whose times others, which are sound themselves, share."""
        shape = self._shapes[chunks]
        sharing = chunks[(shape >> KIND_SHIFT & 1 == 0) & (shape >> 4 & 0xF == TIMES_SHARED)]
        begins = self._offsets[sharing]
        distances = self._chunks.view(np.int64)[begins >> 3] >> 8
        lenders: NDArray[np.int64] = np.searchsorted(self._offsets, begins - 8 * distances)
        return lenders

    def _hidden(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the deletions of rows, by their places in the list."""
        place = np.full(self.meta.series, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        hidden = self.tombstones[place[self.tombstones[:, 0]] >= 0]
        hidden[:, 0] = place[hidden[:, 0]]
        return hidden

    def _read_labels(self) -> tuple[list[Group], dict[str, StoredValues]]:
        said = self._file.json("labels")
        values, bounds = self._file.array("values", "u1"), self._file.array("value_bounds", "i8")
        codes, members = self._file.array("codes", "i4"), self._file.array("members", "i8")
        dictionaries = {
            name: StoredValues(values, bounds[start : start + count + 1])
            for name, start, count in said["names"]
        }
        groups, code_at, member_at = [], 0, 0
        for names, n_rows in said["groups"]:
            group = Group(tuple(names))
            group.n_rows = n_rows
            group.members = members[member_at : member_at + n_rows]
            member_at += n_rows
            for name in names:
                group.columns[name] = codes[code_at : code_at + n_rows]
                code_at += n_rows
            groups.append(group)
        return groups, dictionaries

    def _places(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        group_of_row, place_of_row = np.empty((2, self.meta.series), dtype=np.int32)
        for number, group in enumerate(self._groups):
            group_of_row[group.members] = number
            place_of_row[group.members] = np.arange(group.n_rows, dtype=np.int32)
        return group_of_row, place_of_row


def block_path(folder: Path, number: int) -> Path:
    """Return where a block is."""
    return folder / f"{number:010d}{BLOCK_SUFFIX}"


def tombstones_path(path: Path) -> Path:
    """Return where the deletions of a block are."""
    return path.with_suffix(TOMBSTONES_SUFFIX)


def read_tombstones(path: Path) -> NDArray[np.int64]:
    """Return the rows (row of the block, first and last deleted millisecond) of a file, none when it is missing."""
    if not path.exists():
        return np.empty((0, 3), dtype=np.int64)
    file = SectionFile(path)
    file.check()
    return file.array("tombstones", "i8").reshape(-1, 3).copy()
