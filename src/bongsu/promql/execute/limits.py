"""What bounds a running query: its deadline, and the samples that it may hold at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from bongsu.promql.errors import QueryCancelled, QueryTimeout, TooManySamples

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """
    What one query is given: its time, and perhaps fewer samples than others; it can also be given up from another thread.

    Parameters
    ----------
    seconds
        Time that the query has from now on.
    monotonic
        Source of seconds that never go back.
    max_samples
        Most samples that it may hold at once, 0 meaning no limit; None leaves it to the engine.
    """

    def __init__(
        self,
        seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        max_samples: int | None = None,
    ) -> None:
        self.seconds = seconds
        self.max_samples = max_samples
        self._monotonic = monotonic
        self._end = monotonic() + seconds
        self._cancelled = False

    def cancel(self) -> None:
        """Give the query up; it ends at its next check with `QueryCancelled`."""
        self._cancelled = True

    def check(self) -> None:
        """
        Return if the query may go on.

        Raises
        ------
        QueryCancelled, QueryTimeout
            If it may not.
        """
        if self._cancelled:
            raise QueryCancelled
        if self._monotonic() > self._end:
            raise QueryTimeout(self.seconds)


class SampleBudget:
    """
    Counts the samples and cells that a query holds. May be used from any thread.

    Parameters
    ----------
    limit
        Most that may be held at once; 0 means no limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.held = 0
        self.peak = 0
        self.read = 0
        self.series = 0
        self.has_types = False

    def hold(self, cells: int) -> None:
        """
        Count cells that stay until `release`.

        Raises
        ------
        TooManySamples
            If the query then holds more than its limit.
        """
        with self._lock:
            self.held += cells
            self.peak = max(self.peak, self.held)
            if self._limit and self.held > self._limit:
                raise TooManySamples(self._limit)

    def release(self, cells: int) -> None:
        """Count cells that are not needed any more."""
        with self._lock:
            self.held -= cells

    def count_read(self, samples: int) -> None:
        """Count samples that came from the store."""
        with self._lock:
            self.read += samples

    def count_series(self, series: int, *, has_types: bool = False) -> None:
        """Count series that were selected, and note whether reserved labels say what any of them is."""
        with self._lock:
            self.series += series
            self.has_types |= has_types
