"""A bound on the memory of all bodies that are being fetched or written: many large or slow targets cannot exhaust it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bongsu.scrape.outcomes import Failure, ScrapeFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES_IN_FLIGHT = 512 << 20
"""A thousand targets of half a megabyte all at once; spread over their intervals they need a small part of it."""


class BodyBudget:
    """Bytes that the bodies of all scrapes under way may have together. Used on one event loop."""

    def __init__(self, max_bytes: int = MAX_BYTES_IN_FLIGHT) -> None:
        self._max_bytes = max_bytes
        self._taken = 0

    @contextmanager
    def lease(self) -> Iterator[BodyLease]:
        """Give one scrape its share, and take all of it back at the end of the block."""
        lease = BodyLease(self)
        try:
            yield lease
        finally:
            self._taken -= lease.taken

    def take(self, size: int) -> None:
        """Take bytes, or raise ScrapeFailed."""
        if self._taken + size > self._max_bytes:
            raise ScrapeFailed(
                f"the scrapes under way hold {self._taken} bytes, {self._max_bytes} are allowed; expose less, scrape less "
                "often, or raise the setting 'scrape.max_bytes_in_flight'",
                Failure.OVERLOAD,
            )
        self._taken += size


class BodyLease:
    """The share of one scrape."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self.taken = 0

    def take(self, size: int) -> None:
        """Take bytes before they are kept, or raise ScrapeFailed."""
        self._budget.take(size)
        self.taken += size
