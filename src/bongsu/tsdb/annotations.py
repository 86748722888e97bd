"""What a database keeps beside samples: metadata of metrics, and exemplars of series within a budget."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bongsu.model.samples import Exemplar, MetricMetadata

MAX_EXEMPLARS = 100_000
"""Exemplars kept per project: about 40 MB at most; the oldest to arrive go first. Prometheus' own default is the same."""

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
    """Exemplars by slot."""

    def __init__(self) -> None:
        self._by_slot: dict[int, list[Exemplar]] = {}
        self._order: deque[tuple[int, Exemplar]] = deque()

    def has(self, slot: int, exemplar: Exemplar) -> bool:
        """Tell whether an exemplar is kept."""
        return exemplar in self._by_slot.get(slot, ())

    def put(self, slot: int, exemplar: Exemplar) -> bool:
        """Keep an exemplar; tell whether it was new."""
        if self.has(slot, exemplar):
            return False
        if len(self._order) >= MAX_EXEMPLARS:
            oldest_slot, oldest = self._order.popleft()
            kept = self._by_slot.get(oldest_slot, [])
            if oldest in kept:
                kept.remove(oldest)
        self._by_slot.setdefault(slot, []).append(exemplar)
        self._order.append((slot, exemplar))
        return True

    def of(self, slot: int, start_ms: int, end_ms: int) -> list[Exemplar]:
        """Return the exemplars of a slot in a closed range, oldest first."""
        found = [e for e in self._by_slot.get(slot, ()) if start_ms <= e.timestamp <= end_ms]
        return sorted(found, key=lambda e: e.timestamp)

    def forget(self, slots: Iterable[int]) -> None:
        """Drop the exemplars of series that left."""
        gone = set(slots) & self._by_slot.keys()
        if gone:
            self._order = deque(item for item in self._order if item[0] not in gone)
            for slot in gone:
                del self._by_slot[slot]

    def items(self) -> list[tuple[int, Exemplar]]:
        """Return everything kept, in order of arrival."""
        return list(self._order)
