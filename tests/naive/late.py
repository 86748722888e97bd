"""A side buffer of one plain map, and the rules by which it takes floats."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.naive.head import CONFLICT, SAME, WRITTEN

Entry = tuple[int, int]
"""Bits, start timestamp."""


@dataclass
class NaiveLate:
    """Late floats by slot and time; `newer` are those that came, or were replaced, since `freeze`."""

    samples: dict[tuple[int, int], Entry] = field(default_factory=dict)
    newer: set[tuple[int, int]] = field(default_factory=set)

    def put(self, slot: int, time: int, entry: Entry, stored: int | None, *, overwrite: bool) -> int:
        """Take a row whose place in the open row or a chunk has the bits `stored`; return what became of it."""
        held = self.samples.get((slot, time))
        known = stored if held is None else held[0]
        if known == entry[0]:
            return SAME
        if known is not None and not overwrite:
            return CONFLICT
        self.samples[slot, time] = entry
        self.newer.add((slot, time))
        return WRITTEN

    def delete(self, slots: list[int], start: int, end: int) -> None:
        """Forget a closed range of some slots."""
        self.samples = {
            (slot, time): entry
            for (slot, time), entry in self.samples.items()
            if slot not in slots or not start <= time <= end
        }

    def freeze(self) -> None:
        """Begin to tell what comes from now on."""
        self.newer = set()

    def drop(self, floor: int) -> None:
        """Forget what was there at `freeze` before a time."""
        self.samples = {
            key: entry for key, entry in self.samples.items() if key[1] >= floor or key in self.newer
        }

    def between(self, slot: int, start: int, end: int) -> list[tuple[int, int, int]]:
        """Return time, bits and start timestamp of the samples of a slot in a closed range, in order of time."""
        return sorted((t, *e) for (s, t), e in self.samples.items() if s == slot and start <= t <= end)
