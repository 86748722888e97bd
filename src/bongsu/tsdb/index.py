"""
The label index: dictionary-encoded columns, kept per group of series that share their label names.

A column so costs nothing where its label is absent, and a matcher is evaluated once per distinct value.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bongsu.kernels.labels import GROUP_AT, GROUP_SIZE, N_ENTRIES, encode_keys
from bongsu.model.label_columns import ABSENT, LabelColumn, LabelColumns
from bongsu.model.labels import SEPARATOR
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.storage.matching import predicate
from bongsu.tsdb.arrays import grown
from bongsu.tsdb.dictionary import Dictionary, TextsOwner, no_sets, no_texts, sets_with_room, with_room

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.tsdb.keys import Keys

_COMPACT_ABOVE = 4
"""A selection gets a dictionary of its own when the store's is more than this many times its rows."""

_FEW_ROWS = 16
"""Up to here a Python loop is quicker than numpy's sort."""

_MOST_KNOWN, _MOST_KNOWN_ROWS = 4096, 60_000
"""Selections that are known, and the rows of all together: at ten labels, with all that is derived of them, 400 bytes a row: 24 MB."""

_LARGEST_KNOWN = 20_000
"""Rows of the largest selection that is known: finding a larger one again is little beside reading it."""

_MOST_CODES = 2_000_000
"""Codes by member that are kept, 8 MB: those of the few labels that lists of values are asked of."""

_FIRST_ROWS = 4

_ENCODED_TOGETHER = 1 << 16
"""Keys encoded by one call: a few megabytes of scratch."""


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

    def extend(self, members: NDArray[np.int64], codes: NDArray[np.int32]) -> None:
        """Add rows; `codes` has shape (n_rows, n_names)."""
        start, stop = self.n_rows, self.n_rows + len(members)
        self.members = grown(self.members, stop)
        self.members[start:stop] = members
        for i, name in enumerate(self.names):
            column = self.columns[name] = grown(self.columns[name], stop)
            column[start:stop] = codes[:, i]
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
        self.group_of_member: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        """Number of each member's group, negative for a number that is no member now."""
        self._names = TextsOwner(no_texts(1))
        self._values = TextsOwner(no_texts(_FIRST_ROWS))
        self._sets = no_sets()
        self._name_texts = Dictionary(self._names, 0)
        self._row_of_member: NDArray[np.int32] = np.empty(0, dtype=np.int32)
        self._known: OrderedDict[tuple[Matcher, ...], tuple[NDArray[np.int64], LabelColumns]] = OrderedDict()
        self._known_rows = 0
        self._codes: dict[str, NDArray[np.int32]] = {}
        self._members: NDArray[np.int64] | None = None

    def add(self, members: NDArray[np.int64], keys: Keys) -> None:
        """Add series by key."""
        self._forget()
        for low in range(0, len(keys), _ENCODED_TOGETHER):
            rows = np.arange(low, min(low + _ENCODED_TOGETHER, len(keys)))
            self._add(members[rows], keys.take(rows))

    def match(self, matchers: Sequence[Matcher]) -> NDArray[np.int64]:
        """Return the members whose labels match, group by group."""
        return match_groups(self.groups, self.dictionaries, matchers)

    def match_any(self, selectors: Sequence[Sequence[Matcher]]) -> NDArray[np.int64]:
        """Return the members that match any selector, each once; all of them when there is no selector."""
        found = [self.match(matchers) for matchers in selectors or [()]]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def columns(self, members: NDArray[np.int64]) -> LabelColumns:
        """Return the labels of members, in their order."""
        return gather_columns(
            self.groups, self.dictionaries, self.group_of_member[members], self._row_of_member[members]
        )

    def known(self, matchers: Sequence[Matcher]) -> tuple[NDArray[np.int64], LabelColumns | None]:
        """
        Return the members whose labels match, and their labels if they are few enough to be kept.

        What was asked for lately is known until series are added or removed: dashboards and rules ask the same again and again.
        """
        key = tuple(matchers)
        found = self._known.get(key)
        if found is None:
            members = self.match(matchers)
            if len(members) > _LARGEST_KNOWN:
                return members, None
            found = self._known[key] = members, self.columns(members)
            self._known_rows += len(members)
            while len(self._known) > _MOST_KNOWN or self._known_rows > _MOST_KNOWN_ROWS:
                self._known_rows -= len(self._known.popitem(last=False)[1][0])
        self._known.move_to_end(key)
        return found

    def _forget(self) -> None:
        self._known.clear()
        self._known_rows = 0
        self._codes.clear()
        self._members = None

    def members(self) -> NDArray[np.int64]:
        """Return all members, in no order; nobody writes to them."""
        if self._members is None:
            self._members = np.flatnonzero(self.group_of_member >= 0)
        return self._members

    def codes(self, name: str) -> NDArray[np.int32]:
        """Return the code of each member's value of one label, negative where it has none; for those asked for lately at once."""
        codes = self._codes.get(name)
        if codes is None:
            codes = np.full(len(self.group_of_member), ABSENT, dtype=np.int32)
            for group in self.groups:
                if name in group.columns:
                    codes[group.members[: group.n_rows]] = group.columns[name][: group.n_rows]
            if len(codes) * (len(self._codes) + 1) > _MOST_CODES:
                self._codes.clear()
            self._codes[name] = codes
        return codes

    def remove(self, members: NDArray[np.int64]) -> None:
        """Forget series; their groups are rebuilt."""
        self._forget()
        groups = self.group_of_member[members]
        for number in np.unique(groups).tolist():
            group = self.groups[number]
            kept = np.ones(group.n_rows, dtype=np.bool_)
            kept[self._row_of_member[members[groups == number]]] = False
            group.keep(np.flatnonzero(kept))
            self._place(number, group.members, 0)
        self.group_of_member[members] = -1

    def is_mostly_dead(self) -> bool:
        """Tell whether more than half of the values are no series' any more: an index made anew gives their memory back."""
        in_use = 0
        for name, dictionary in self.dictionaries.items():
            used = np.zeros(len(dictionary), dtype=np.bool_)
            for group in self.groups:
                if name in group.columns:
                    used[group.columns[name][: group.n_rows]] = True
            in_use += int(np.count_nonzero(used))
        return bool(2 * in_use < self._values.texts.cursor[N_ENTRIES])

    def _add(self, members: NDArray[np.int64], keys: Keys) -> None:
        group_of_key, first, codes = self._encode(keys)
        for number in range(len(self.groups), int(self._sets.cursor[N_ENTRIES])):
            self.groups.append(Group(self._names_of_set(number)))
        order = np.argsort(group_of_key, kind="stable")
        bounds = np.flatnonzero(np.diff(group_of_key[order], prepend=-1, append=-1))
        for low, high in itertools.pairwise(bounds.tolist()):
            rows, number = order[low:high], int(group_of_key[order[low]])
            group = self.groups[number]
            places = first[rows][:, None] + np.arange(len(group.names))
            self._place(number, members[rows], group.n_rows)
            group.extend(members[rows], codes[places])

    def _encode(self, keys: Keys) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
        """Return the group of each key, where its codes begin, and the codes."""
        n_codes = int(np.count_nonzero(keys.data == SEPARATOR[0])) // 2
        groups, first = np.empty(len(keys), dtype=np.int32), np.zeros(len(keys) + 1, dtype=np.int64)
        codes = np.empty(n_codes, dtype=np.int32)
        row = 0
        while True:
            row = encode_keys(
                keys.data, keys.bounds, row,
                self._names.texts, self._values.texts, self._sets,
                groups, first, codes,
            )  # fmt: skip
            if row == len(keys):
                return groups, first, codes
            self._make_room(keys.key(row))

    def _make_room(self, key: bytes) -> None:
        """Let a key fit, whatever is new in it."""
        labels, names = key.count(SEPARATOR) // 2, self._names.texts
        self._names.texts = with_room(names, labels, len(key), 1)
        owners = int(names.cursor[N_ENTRIES]) + labels
        self._values.texts = with_room(self._values.texts, labels, len(key), owners)
        self._sets = sets_with_room(self._sets, labels)

    def _names_of_set(self, number: int) -> tuple[str, ...]:
        entry = self._sets.entries[number]
        start = int(entry[GROUP_AT])
        owners = self._sets.names[start : start + int(entry[GROUP_SIZE])].tolist()
        names = tuple(self._name_texts.text(owner) for owner in owners)
        for name, owner in zip(names, owners, strict=True):
            self.dictionaries.setdefault(name, Dictionary(self._values, owner))
        return names

    def _place(self, group: int, members: NDArray[np.int64], start: int) -> None:
        top = int(members.max(initial=-1)) + 1
        self.group_of_member = grown(self.group_of_member, top, fill=-1)
        self._row_of_member = grown(self._row_of_member, top, fill=-1)
        self.group_of_member[members] = group
        self._row_of_member[members] = np.arange(start, start + len(members), dtype=np.int32)


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
    *,
    only: str | None = None,
) -> LabelColumns:
    """Return the labels of series, each given by its group and its row there; of one name only, if it is given."""
    columns: dict[str, NDArray[np.int32]] = {}
    if len(rows) and (group_numbers == group_numbers[0]).all():
        group = groups[int(group_numbers[0])]
        columns = {name: group.columns[name][rows] for name in _wanted(group, only)}
    else:
        # What was matched comes group by group already, and sorting such runs costs next to nothing.
        order = np.argsort(group_numbers, kind="stable")
        bounds = np.flatnonzero(np.diff(group_numbers[order], prepend=-1, append=-1))
        for low, high in itertools.pairwise(bounds.tolist()):
            chosen = order[low:high]
            group = groups[int(group_numbers[chosen[0]])]
            for name in _wanted(group, only):
                codes = columns.get(name)
                if codes is None:
                    codes = columns[name] = np.full(len(rows), ABSENT, dtype=np.int32)
                codes[chosen] = group.columns[name][rows[chosen]]
    return LabelColumns(
        len(rows), {name: _column(dictionaries[name], codes) for name, codes in columns.items()}
    )


def names_of(groups: Sequence[Group], group_numbers: NDArray[np.int32]) -> set[str]:
    """Return the label names of series, each given by its group."""
    used = np.bincount(group_numbers, minlength=1)
    return {name for number in np.flatnonzero(used).tolist() for name in groups[number].names}


def _wanted(group: Group, only: str | None) -> tuple[str, ...]:
    if only is None:
        return group.names
    return (only,) if only in group.columns else ()


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
    if len(codes) <= _FEW_ROWS:
        number: dict[int, int] = {}
        few = [ABSENT if c == ABSENT else number.setdefault(c, len(number)) for c in codes.tolist()]
        texts = np.empty(len(number), dtype=object)
        texts[:] = [dictionary.text(code) for code in number]
        return LabelColumn(np.array(few, dtype=np.int32), texts)
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
