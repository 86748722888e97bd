"""
Label columns: the labels of many series, dictionary-encoded, one column per label name.

No per-series Python object is needed to match, group, join or rewrite labels: conditions and rewrites run once per
*distinct value* and are gathered through the codes. Label maps are built only where text is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bongsu.model.labels import series_key

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

Derived = TypeVar("Derived")

ABSENT = -1
"""Code of a series that has not the label."""

_REMEMBERED_ROWS, _REMEMBERED_PARTS = 4096, 4
"""
Rows of the parts of a label set that are kept for whoever takes the same again, all together, or as many as the whole has; and how many parts:
some hundred kilobytes, or as much as the whole.
"""

_DENSE_FACTOR = 4
"""Group ids are compacted by a table instead of a sort while the id space is at most this many times the rows."""


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """
    One label of many series.

    Attributes
    ----------
    codes : ndarray of int32, shape (n_series,)
        Index into `values`, or `ABSENT`.
    values : ndarray of object (str), shape (n_values,)
        Distinct, never empty strings, in no particular order; some may be used by no series.
    """

    codes: NDArray[np.int32]
    values: NDArray[np.object_]

    def texts(self) -> NDArray[np.object_]:
        """Return the value of each series, the empty string where the label is absent; shape (n_series,)."""
        return np.append(self.values, "")[self.codes]

    def compacted(self) -> LabelColumn:
        """Return the same column whose dictionary has only the values in use."""
        used = np.unique(self.codes)
        used = used[used != ABSENT]
        if len(used) == len(self.values):
            return self
        renumber = np.full(len(self.values) + 1, ABSENT, dtype=np.int32)
        renumber[used] = np.arange(len(used), dtype=np.int32)
        return LabelColumn(renumber[self.codes], self.values[used])

    def map_values(self, rewrite: Callable[[str], str]) -> LabelColumn:
        """Return the column with every distinct value rewritten, absent included; an empty result means absent."""
        rewritten = [rewrite(str(value)) for value in self.values]
        rewritten.append(rewrite("") if (self.codes == ABSENT).any() else "")
        return column_of_texts(np.array(rewritten, dtype=object)).gather(self.codes)

    def gather(self, rows: NDArray[np.integer]) -> LabelColumn:
        """Return the column of the series at `rows`; the dictionary is shared."""
        return LabelColumn(self.codes[rows], self.values)


def column_of_texts(texts: Sequence[str] | NDArray[np.object_]) -> LabelColumn:
    """Return the column of one text per series; the empty string means absent."""
    index: dict[str, int] = {}
    codes = np.fromiter(
        (ABSENT if not text else index.setdefault(text, len(index)) for text in texts),
        dtype=np.int32,
        count=len(texts),
    )
    values = np.empty(len(index), dtype=object)
    values[:] = list(index)
    return LabelColumn(codes, values)


class LabelColumns:
    """
    The label sets of `n_series` series. Immutable: every method returns new columns and shares arrays freely.

    Only labels that at least one series has need a column; names are kept in sorted order.
    """

    __slots__ = ("_columns", "_derived", "_parts", "n_series")

    def __init__(self, n_series: int, columns: Mapping[str, LabelColumn] | None = None) -> None:
        self.n_series = n_series
        self._derived: dict[Hashable, Any] = {}  # of whatever type its maker gives
        self._parts: dict[tuple[str, bytes], LabelColumns] = {}
        self._columns = {name: columns[name] for name in sorted(columns)} if columns else {}
        if any(len(column.codes) != n_series for column in self._columns.values()):
            raise AssertionError(f"BUG: a label column has not {n_series} codes")

    def derived(self, key: Hashable, make: Callable[[], Derived]) -> Derived:
        """
        Return what was made of these labels under a key, made now if it was not made before.

        A store gives the same columns again to whoever asks the same again: what depends on labels alone is then there already. Nobody
        writes to what this returns, and it lives as long as the columns.
        """
        try:
            known: Derived = self._derived[key]
        except KeyError:
            known = self._derived[key] = make()
        return known

    @classmethod
    def from_maps(cls, maps: Sequence[Mapping[str, str]]) -> LabelColumns:
        """Build columns from one label map per series; empty values mean absent."""
        names = {name for labels in maps for name, value in labels.items() if value}
        return cls(
            len(maps), {name: column_of_texts([labels.get(name, "") for labels in maps]) for name in names}
        )

    def __len__(self) -> int:
        return self.n_series

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The label names that have a column, sorted."""
        return tuple(self._columns)

    def get(self, name: str) -> LabelColumn | None:
        """Return the column of a label, or None when no series has it."""
        return self._columns.get(name)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> LabelColumns:
        """Return the columns of the series at `rows` (indices or a mask), without columns that became all absent."""
        most = max(_REMEMBERED_ROWS, self.n_series)
        if len(rows) > most:
            return self._take(rows)
        key = rows.dtype.char, rows.tobytes()
        part = self._parts.get(key)
        if part is None:
            remembered = sum(map(len, self._parts.values()))
            if len(self._parts) == _REMEMBERED_PARTS or remembered + len(rows) > most:
                self._parts.clear()
            part = self._parts[key] = self._take(rows)
        return part

    def _take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> LabelColumns:
        indices: NDArray[np.integer] = np.arange(self.n_series)[rows] if rows.dtype == np.bool_ else rows  # type: ignore[assignment]
        taken = {name: column.gather(indices) for name, column in self._columns.items()}
        return LabelColumns(len(indices), {n: c for n, c in taken.items() if (c.codes != ABSENT).any()})

    def keep(self, names: Iterable[str]) -> LabelColumns:
        """Return only the columns of `names`."""
        wanted = frozenset(names)
        return self.derived(("keep", wanted), lambda: self._only(wanted & self._columns.keys()))

    def drop(self, names: Iterable[str]) -> LabelColumns:
        """Return all but the columns of `names`."""
        unwanted = frozenset(names)
        return self.derived(("drop", unwanted), lambda: self._only(self._columns.keys() - unwanted))

    def with_column(self, name: str, column: LabelColumn) -> LabelColumns:
        """Return the columns with `name` set, or removed when the new column is all absent."""
        columns = dict(self._columns)
        columns.pop(name, None)
        if (column.codes != ABSENT).any():
            columns[name] = column
        return LabelColumns(self.n_series, columns)

    def group_ids(self, names: Iterable[str] | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """
        Number the distinct label sets, looking only at `names` (None means all labels).

        Returns
        -------
        ids : ndarray of int64, shape (n_series,)
            Group of each series, numbered from 0 in order of first appearance.
        first : ndarray of int64, shape (n_groups,)
            The first series of each group.
        """
        wanted = None if names is None else frozenset(names)
        return self.derived(("group", wanted), lambda: self._group_ids(wanted))

    def _only(self, names: AbstractSet[str]) -> LabelColumns:
        return LabelColumns(self.n_series, {n: c for n, c in self._columns.items() if n in names})

    def _group_ids(self, names: frozenset[str] | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self.n_series == 0:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        ids = np.zeros(self.n_series, dtype=np.int64)
        groups = 1
        for name in self._columns if names is None else sorted(names & self._columns.keys()):
            column = self._columns[name]
            width = len(column.values) + 1
            ids, groups = _compact(ids * width + (column.codes + 1), groups * width)
        return _by_first_appearance(ids, groups)

    def labels(self, row: int) -> dict[str, str]:
        """Return the label map of one series, names sorted."""
        return {
            name: column.values[code]
            for name, column in self._columns.items()
            if (code := column.codes[row]) != ABSENT
        }

    def maps(self) -> list[dict[str, str]]:
        """Return the label map of every series; for writing text and for tests."""
        result: list[dict[str, str]] = [{} for _ in range(self.n_series)]
        for name, column in self._columns.items():
            values = column.values
            for labels, code in zip(result, column.codes.tolist(), strict=True):
                if code >= 0:
                    labels[name] = values[code]
        return result

    def keys(self) -> list[bytes]:
        """Return the series key of every series."""
        return [series_key(labels) for labels in self.maps()]

    def sort_order(self) -> NDArray[np.int64]:
        """Return the rows in the order of their label sets: by (name, value) pairs, as Prometheus sorts a matrix; read only."""
        return self.derived("order", self._sort_order)

    def _sort_order(self) -> NDArray[np.int64]:
        if self.n_series < 2 or not self._columns:
            return np.arange(self.n_series, dtype=np.int64)
        goes_on = np.zeros(self.n_series, dtype=np.bool_)
        keys: list[NDArray[np.int64]] = []
        for column in reversed(self._columns.values()):
            # Where the label is absent, the next label's name is greater; without a next label, the set ends, which is less.
            keys.append(
                np.where(column.codes == ABSENT, np.where(goes_on, len(column.codes), -1), _ranks(column))
            )
            goes_on |= column.codes != ABSENT
        return np.lexsort(keys).astype(np.int64, copy=False)


def concat(parts: Sequence[LabelColumns]) -> LabelColumns:
    """Return the series of all parts one after another, over common dictionaries."""
    if len(parts) == 1:
        return parts[0]
    total = sum(part.n_series for part in parts)
    columns: dict[str, LabelColumn] = {}
    for name in {name for part in parts for name in part}:
        index: dict[str, int] = {}
        codes = np.full(total, ABSENT, dtype=np.int32)
        start = 0
        for part in parts:
            column = part.get(name)
            if column is not None:
                renumber = np.array(
                    [index.setdefault(v, len(index)) for v in column.values] + [ABSENT], dtype=np.int32
                )
                codes[start : start + part.n_series] = renumber[column.codes]
            start += part.n_series
        values = np.empty(len(index), dtype=object)
        values[:] = list(index)
        columns[name] = LabelColumn(codes, values)
    return LabelColumns(total, columns)


def _ranks(column: LabelColumn) -> NDArray[np.int64]:
    """Return the rank of each series' value among the values in use; shape (n_series,), below it in number."""
    used = column.compacted()
    ranks = np.empty(len(used.values) + 1, dtype=np.int64)
    ranks[sorted(range(len(used.values)), key=used.values.tolist().__getitem__)] = np.arange(len(used.values))
    return ranks[used.codes]


def _compact(ids: NDArray[np.int64], space: int) -> tuple[NDArray[np.int64], int]:
    """Renumber `ids` from ``range(space)`` to a dense range; keeps the products of later columns far from overflow."""
    if space <= _DENSE_FACTOR * len(ids) + 1024:
        present = np.zeros(space, dtype=np.bool_)
        present[ids] = True
        numbers = np.cumsum(present) - 1
        return numbers[ids], int(numbers[-1]) + 1
    distinct, inverse = np.unique(ids, return_inverse=True)
    return inverse.astype(np.int64, copy=False), len(distinct)


def _by_first_appearance(ids: NDArray[np.int64], groups: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = np.full(groups, len(ids), dtype=np.int64)
    np.minimum.at(first, ids, np.arange(len(ids)))
    order = np.argsort(first, kind="stable")
    rank = np.empty(groups, dtype=np.int64)
    rank[order] = np.arange(groups)
    return rank[ids], first[order]
