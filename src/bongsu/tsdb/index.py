"""
The label index: dictionary-encoded columns, kept per group of series that share their label names.

A column so costs nothing where its label is absent, and a matcher is evaluated once per distinct value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from bongsu.model.label_columns import ABSENT, LabelColumn, LabelColumns
from bongsu.model.labels import SEPARATOR
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.storage.matching import predicate
from bongsu.tsdb.arrays import grown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_COMPACT_ABOVE = 4
"""A selection gets a dictionary of its own when the store's is more than this many times its rows."""

_FIRST_ROWS = 4


class Values(Protocol):
    """The distinct values of one label name, by code."""

    def __len__(self) -> int: ...

    def text(self, code: int) -> str:
        """Return one value."""
        ...

    def array(self) -> NDArray[np.object_]:
        """Return all values."""
        ...

    def answers(self, matcher: Matcher) -> NDArray[np.bool_] | int:
        """Return for each code, and last for absence, whether the matcher holds; only the code for equality with a value."""
        ...


class Dictionary:
    """The distinct values of one label name; codes are given once and stay."""

    __slots__ = ("_array", "codes", "texts")

    def __init__(self) -> None:
        self.codes: dict[bytes, int] = {}
        self.texts: list[str] = []
        self._array: NDArray[np.object_] = np.empty(0, dtype=object)

    def encode(self, value: bytes) -> int:
        """Return the code of a value, a new one when it is new."""
        code = self.codes.get(value)
        if code is None:
            code = self.codes[value] = len(self.texts)
            self.texts.append(value.decode())
        return code

    def __len__(self) -> int:
        return len(self.texts)

    def text(self, code: int) -> str:
        """Return one value."""
        return self.texts[code]

    def array(self) -> NDArray[np.object_]:
        """Return the values by code; earlier arrays stay as they were."""
        if len(self._array) < len(self.texts):
            array = np.empty(len(self.texts), dtype=object)
            array[:] = self.texts
            self._array = array
        return self._array

    def answers(self, matcher: Matcher) -> NDArray[np.bool_] | int:
        """Return for each code, and last for absence, whether the matcher holds; only the code for equality with a value."""
        if matcher.op is MatchOp.EQUAL and matcher.value:
            return self.codes.get(matcher.value.encode(errors="replace"), len(self.texts))
        return answers_of(matcher, self.texts)

    def forget(self) -> None:
        """Drop what `array` keeps, after the codes have changed."""
        self._array = np.empty(0, dtype=object)


def answers_of(matcher: Matcher, texts: Sequence[str]) -> NDArray[np.bool_]:
    """Return for each text, and last for absence, whether the matcher holds."""
    return np.fromiter(map(predicate(matcher), (*texts, "")), dtype=np.bool_, count=len(texts) + 1)


class Group:
    """Series with the same label names: one code column per name, and each row's member, a number that the owner gives."""

    __slots__ = ("columns", "members", "n_rows", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.columns: dict[str, NDArray[np.int32]] = {
            name: np.empty(_FIRST_ROWS, dtype=np.int32) for name in names
        }
        self.members: NDArray[np.int64] = np.empty(_FIRST_ROWS, dtype=np.int64)
        self.n_rows = 0

    def extend(self, members: Sequence[int], codes: Sequence[Sequence[int]]) -> None:
        """Add rows; `codes` has one sequence per row, in the order of the names."""
        start, stop = self.n_rows, self.n_rows + len(members)
        self.members = grown(self.members, stop)
        self.members[start:stop] = members
        table = np.array(codes, dtype=np.int32).reshape(len(members), len(self.names))
        for i, name in enumerate(self.names):
            column = self.columns[name] = grown(self.columns[name], stop)
            column[start:stop] = table[:, i]
        self.n_rows = stop

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Keep only some rows, in fresh arrays."""
        self.members = self.members[rows]
        self.columns = {name: column[rows] for name, column in self.columns.items()}
        self.n_rows = len(rows)


class LabelIndex:
    """
    The labels of many series, each known by a member number.

    Not safe for use from several threads while series are added; what `match` and `columns` return is independent of it.
    """

    def __init__(self) -> None:
        self.dictionaries: dict[str, Dictionary] = {}
        self.groups: list[Group] = []
        self._group_of_names: dict[tuple[bytes, ...], tuple[int, list[Dictionary]]] = {}
        self._group_of_member: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._row_of_member: NDArray[np.int32] = np.empty(0, dtype=np.int32)

    def add(self, members: Sequence[int], keys: Sequence[bytes]) -> None:
        """Add series by key."""
        gathered: dict[int, tuple[list[int], list[list[int]]]] = {}
        for member, key in zip(members, keys, strict=True):
            parts = key.split(SEPARATOR)
            names = tuple(parts[:-1:2])
            group, dictionaries = self._group_of_names.get(names) or self._make_group(names)
            rows = gathered.setdefault(group, ([], []))
            rows[0].append(member)
            rows[1].append([d.encode(value) for d, value in zip(dictionaries, parts[1::2], strict=True)])
        for group, (group_members, codes) in gathered.items():
            self._extend(group, group_members, codes)

    def _extend(self, group: int, members: Sequence[int], codes: Sequence[Sequence[int]]) -> None:
        start = self.groups[group].n_rows
        self.groups[group].extend(members, codes)
        self._place(group, np.array(members, dtype=np.int64), start)

    def _place(self, group: int, members: NDArray[np.int64], start: int) -> None:
        top = int(members.max(initial=-1)) + 1
        self._group_of_member = grown(self._group_of_member, top, fill=-1)
        self._row_of_member = grown(self._row_of_member, top, fill=-1)
        self._group_of_member[members] = group
        self._row_of_member[members] = np.arange(start, start + len(members), dtype=np.int32)

    def match(self, matchers: Sequence[Matcher]) -> NDArray[np.int64]:
        """Return the members whose labels match, group by group."""
        return match_groups(self.groups, self.dictionaries, matchers)

    def columns(self, members: NDArray[np.int64]) -> LabelColumns:
        """Return the labels of members, in their order."""
        return gather_columns(
            self.groups, self.dictionaries, self._group_of_member[members], self._row_of_member[members]
        )

    def remove(self, members: NDArray[np.int64]) -> None:
        """Forget series; groups, and dictionaries with many dead values, are rebuilt."""
        for number in np.unique(self._group_of_member[members]).tolist():
            group = self.groups[number]
            gone = self._row_of_member[members[self._group_of_member[members] == number]]
            kept = np.ones(group.n_rows, dtype=np.bool_)
            kept[gone] = False
            group.keep(np.flatnonzero(kept))
            self._place(number, group.members, 0)
        self._group_of_member[members] = -1
        self._forget_dead_values()

    def _forget_dead_values(self) -> None:
        for name, dictionary in self.dictionaries.items():
            groups = [group for group in self.groups if name in group.columns]
            used = np.zeros(len(dictionary.texts), dtype=np.bool_)
            for group in groups:
                used[group.columns[name][: group.n_rows]] = True
            if 2 * np.count_nonzero(used) >= len(used):
                continue
            renumber = np.cumsum(used, dtype=np.int32) - 1
            texts = [text for text, is_used in zip(dictionary.texts, used.tolist(), strict=True) if is_used]
            dictionary.codes = {text.encode(): code for code, text in enumerate(texts)}
            dictionary.texts = texts
            dictionary.forget()
            for group in groups:
                group.columns[name] = renumber[group.columns[name][: group.n_rows]].astype(np.int32)
            for group in groups:
                group.members = group.members[: group.n_rows]

    def _make_group(self, names: tuple[bytes, ...]) -> tuple[int, list[Dictionary]]:
        texts = tuple(name.decode() for name in names)
        dictionaries = [self.dictionaries.setdefault(text, Dictionary()) for text in texts]
        self.groups.append(Group(texts))
        made = self._group_of_names[names] = (len(self.groups) - 1, dictionaries)
        return made


def match_groups(
    groups: Sequence[Group], dictionaries: Mapping[str, Values], matchers: Sequence[Matcher]
) -> NDArray[np.int64]:
    """Return the members of all groups whose labels match, group by group."""
    answers = {
        matcher: _answers(dictionaries.get(matcher.name), matcher) for matcher in _cheapest_first(matchers)
    }
    found = [_match_group(group, answers) for group in groups if group.n_rows]
    return np.concatenate(found).astype(np.int64, copy=False) if found else np.empty(0, dtype=np.int64)


def gather_columns(
    groups: Sequence[Group],
    dictionaries: Mapping[str, Values],
    group_numbers: NDArray[np.int32],
    rows: NDArray[np.int32],
) -> LabelColumns:
    """Return the labels of series, each given by its group and its row there."""
    columns: dict[str, NDArray[np.int32]] = {}
    for number in np.unique(group_numbers).tolist():
        chosen = np.flatnonzero(group_numbers == number)
        group = groups[number]
        for name in group.names:
            codes = columns.get(name)
            if codes is None:
                codes = columns[name] = np.full(len(rows), ABSENT, dtype=np.int32)
            codes[chosen] = group.columns[name][rows[chosen]]
    return LabelColumns(
        len(rows), {name: _column(dictionaries[name], codes) for name, codes in columns.items()}
    )


def _answers(dictionary: Values | None, matcher: Matcher) -> tuple[NDArray[np.bool_] | int | None, bool]:
    """Return the answer per code, None for a name that no series has, and the answer where the label is absent."""
    return None if dictionary is None else dictionary.answers(matcher), predicate(matcher)("")


def _match_group(
    group: Group, answers: Mapping[Matcher, tuple[NDArray[np.bool_] | int | None, bool]]
) -> NDArray[np.int64]:
    rows: NDArray[np.int64] | None = None
    for matcher, (by_code, if_absent) in answers.items():
        column = group.columns.get(matcher.name)
        if column is None:
            if if_absent:
                continue
            return np.empty(0, dtype=np.int64)
        codes = column[: group.n_rows] if rows is None else column[rows]
        held = codes == by_code if isinstance(by_code, int) else by_code[codes]  # type: ignore[index]
        rows = np.flatnonzero(held) if rows is None else rows[held]
        if not len(rows):
            break
    return group.members[: group.n_rows].copy() if rows is None else group.members[rows]


def _column(dictionary: Values, codes: NDArray[np.int32]) -> LabelColumn:
    n_values = len(dictionary)
    if n_values <= _COMPACT_ABOVE * (len(codes) + 1):
        return LabelColumn(codes, dictionary.array())
    # Few series of a label with many values: a dictionary of their own, so that nobody after us works per value of the store.
    used, renumbered = np.unique(codes, return_inverse=True)
    renumbered = renumbered.astype(np.int32)
    if len(used) and used[0] == ABSENT:
        used, renumbered = used[1:], renumbered - 1
    values = np.empty(len(used), dtype=object)
    values[:] = [dictionary.text(code) for code in used.tolist()]
    return LabelColumn(renumbered.astype(np.int32), values)


def _cheapest_first(matchers: Sequence[Matcher]) -> list[Matcher]:
    """Return equality matchers first: they cost one comparison of numbers and leave few rows to the others."""
    return sorted(matchers, key=lambda m: m.op is not MatchOp.EQUAL or not m.value)
