"""What a database keeps beside samples: metadata of metrics, and exemplars of series within a budget."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from bongsu.tsdb.index import LabelIndex
from bongsu.tsdb.keys import join_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata

MAX_EXEMPLARS = 100_000
"""Exemplars kept per project: about 40 MB at most; the oldest to arrive go first. Prometheus' own default is the same."""

_RENUMBER_ABOVE = 1000
"""Series are numbered anew when this many times the series that have exemplars were ever numbered."""

MAX_METADATA_PER_NAME = 16
"""Distinct entries kept of one metric name; a help text that changes with every deployment must not grow without end."""


class Metadata:
    """Type, help and unit of metrics, the newest of a name first."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[MetricMetadata, ...]] = {}

    def lacks(self, entry: MetricMetadata) -> bool:
        """Tell whether putting the entry would change anything."""
        known = self._known.get(entry.name)
        return known is None or known[0] != entry

    def put(self, entries: Iterable[MetricMetadata]) -> None:
        """Keep entries."""
        for entry in entries:
            others = (other for other in self._known.get(entry.name, ()) if other != entry)
            self._known[entry.name] = (entry, *others)[:MAX_METADATA_PER_NAME]

    def all(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return the entries of each name, names sorted."""
        return dict(sorted(self._known.items()))


class Exemplars:
    """
    Exemplars by series key: they stay when their series leaves the head, until the budget or the retention takes them.

    Series with exemplars have an index of their own, by numbers that are given here.
    """

    def __init__(self) -> None:
        self._number: dict[bytes, int] = {}
        self._keys: dict[int, bytes] = {}
        self._kept: dict[int, list[Exemplar]] = {}
        self._order: deque[tuple[int, Exemplar]] = deque()
        self._index = LabelIndex()
        self._next = 0

    def has(self, key: bytes, exemplar: Exemplar) -> bool:
        """Tell whether an exemplar is kept."""
        number = self._number.get(key)
        return number is not None and exemplar in self._kept[number]

    def put(self, key: bytes, exemplar: Exemplar) -> bool:
        """Keep an exemplar; tell whether it was new."""
        if self.has(key, exemplar):
            return False
        if len(self._order) >= MAX_EXEMPLARS:
            self._drop_oldest()
        number = self._number.get(key)
        if number is None:
            number = self._add_series(key)
        self._kept[number].append(exemplar)
        self._order.append((number, exemplar))
        return True

    def find(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> tuple[LabelColumns, list[list[Exemplar]]]:
        """Return the exemplars in a closed range of the series that match any selector, oldest first."""
        matched = [self._index.match(matchers) for matchers in selectors or [()]]
        numbers, found = [], []
        for number in np.unique(np.concatenate(matched)).tolist():
            inside = [e for e in self._kept[number] if start_ms <= e.timestamp <= end_ms]
            if inside:
                numbers.append(number)
                found.append(sorted(inside, key=lambda e: e.timestamp))
        return self._index.columns(np.array(numbers, dtype=np.int64)), found

    def retire(self, oldest_ms: int) -> None:
        """Drop the exemplars before a time."""
        if all(exemplar.timestamp >= oldest_ms for _, exemplar in self._order):
            return
        self._order = deque(item for item in self._order if item[1].timestamp >= oldest_ms)
        for number, kept in self._kept.items():
            self._kept[number] = [exemplar for exemplar in kept if exemplar.timestamp >= oldest_ms]
        self._forget([number for number, kept in self._kept.items() if not kept])

    def items(self) -> list[tuple[bytes, Exemplar]]:
        """Return everything kept, in order of arrival."""
        return [(self._keys[number], exemplar) for number, exemplar in self._order]

    def _add_series(self, key: bytes) -> int:
        number = self._number[key] = self._next
        self._next += 1
        self._keys[number] = key
        self._kept[number] = []
        self._index.add(np.array([number], dtype=np.int64), join_keys([key]))
        return number

    def _drop_oldest(self) -> None:
        number, exemplar = self._order.popleft()
        self._kept[number].remove(exemplar)
        if not self._kept[number]:
            self._forget([number])

    def _forget(self, numbers: list[int]) -> None:
        """Forget series that have no exemplar any more; numbers that were never used again would make the index grow for ever."""
        for number in numbers:
            del self._number[self._keys.pop(number)], self._kept[number]
        if numbers:
            self._index.remove(np.array(numbers, dtype=np.int64))
        if self._next > _RENUMBER_ABOVE * (len(self._keys) + 1):
            self._renumber()

    def _renumber(self) -> None:
        new = {old: number for number, old in enumerate(self._keys)}
        self._keys = {new[old]: key for old, key in self._keys.items()}
        self._number = {key: number for number, key in self._keys.items()}
        self._kept = {new[old]: kept for old, kept in self._kept.items()}
        self._order = deque((new[old], exemplar) for old, exemplar in self._order)
        self._next = len(self._keys)
        self._index = LabelIndex()
        self._index.add(np.arange(self._next), join_keys(list(self._keys.values())))
