"""A thread that works at multiples of a period of the wall clock."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("bongsu.agent")


class Cadence:
    """
    Calls a function in a thread of its own at every multiple of a period since the Unix epoch, shifted by an offset.

    Parameters
    ----------
    offset_ms
        Added to the multiples; negative: before them.
    not_before_s
        Shortest time from the start to the first call.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        *,
        period_ms: int,
        offset_ms: int = 0,
        not_before_s: float = 0.0,
    ) -> None:
        self._name = name
        self._work = work
        self._period = period_ms / 1000
        self._offset = offset_ms / 1000
        self._not_before = time.time() + not_before_s
        self._woken = threading.Event()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Have the work done now."""
        self._woken.set()

    def stop(self, timeout_s: float) -> None:
        """End after the work that is being done, waiting for it at most as long."""
        self._is_stopped = True
        self._woken.set()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _stopping(self) -> bool:
        return self._is_stopped

    def _run(self) -> None:
        while not self._stopping():
            woken = self._woken.wait(wait_s(time.time(), self._period, self._offset, self._not_before))
            if woken:
                self._woken.clear()
            try:
                if not self._stopping():
                    self._work()
            except Exception as error:  # noqa: BLE001 - the thread goes on, whatever an exporter raises
                _log.warning("bongsu agent: %s failed: %s", self._name, error)


def wait_s(now: float, period: float, offset: float, not_before: float) -> float:
    """Return the seconds until the next multiple of the period plus the offset that is in the future and not too early."""
    earliest = max(now, not_before)
    # A hundredth more: a timer that fires early must not find the same multiple again.
    steps = (earliest - offset + 0.01) // period + 1
    return steps * period + offset - now
