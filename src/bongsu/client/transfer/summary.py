"""What came of a part of a transfer, or of all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

MAX_FAULTS = 1_000
"""Faults that are kept word by word; all of them are counted."""


class Fault(NamedTuple):
    """One line that is not stored; 0 where there are no lines."""

    line: int
    message: str


@dataclass(slots=True)
class Summary:
    """Samples that are stored, samples and lines that are not, and the first reasons."""

    written: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)

    def add(self, other: Summary) -> None:
        """Count another part."""
        self.written += other.written
        self.refused += other.refused
        self.faults += other.faults[: MAX_FAULTS - len(self.faults)]


class Sink(Protocol):
    """Where lines go."""

    def send(self, lines: bytes, first_line: int) -> Summary:
        """
        Store whole lines and return when that is durable.

        Parameters
        ----------
        first_line
            Number of the first one, for faults.
        """
        ...

    def pass_over(self, lines: bytes) -> None:
        """Take note of lines that were stored by an earlier run: what they say of the lines after them holds."""
        ...
