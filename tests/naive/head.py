"""A head of plain lists, and the rules by which rows are taken."""

from __future__ import annotations

from dataclasses import dataclass, field

WRITTEN, SAME, CONFLICT, LATE, UNKNOWN = range(5)
Sample = tuple[int, int, int]
"""Time, bits, start timestamp."""


@dataclass
class NaiveHead:
    """In-order samples by reference."""

    samples: dict[int, list[Sample]] = field(default_factory=dict)
    newest: dict[int, Sample] = field(default_factory=dict)

    def append(self, ref: int, sample: Sample) -> int:
        """Take a row; return what became of it."""
        if ref not in self.samples:
            return UNKNOWN
        newest = self.newest.get(ref)
        if newest is not None and sample[0] == newest[0]:
            return SAME if sample[1] == newest[1] else CONFLICT
        if newest is not None and sample[0] < newest[0]:
            return LATE
        self.samples[ref].append(sample)
        self.newest[ref] = sample
        return WRITTEN

    def drop_before(self, floor: int) -> None:
        """Forget what is older; the newest stays known."""
        self.samples = {ref: [s for s in rows if s[0] >= floor] for ref, rows in self.samples.items()}

    def between(self, ref: int, start: int, end: int) -> list[Sample]:
        """Return the samples in a closed range."""
        return [s for s in self.samples[ref] if start <= s[0] <= end]
