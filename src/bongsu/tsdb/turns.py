"""Taking turns: the records of a database are applied to its memory in the order of the log, each after it is durable."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, TypeVar

from bongsu.storage.errors import StoreClosed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bongsu.tsdb.log import CommitLog, Ticket

Applied = TypeVar("Applied")


class Turns:
    """
    The records of one database that are on their way.

    Parameters
    ----------
    lock
        The database's lock: held where a record is submitted, so that the order here is the order in the log.
    note
        Told, with the lock held, the place in the log of each record that is about to be applied.
    """

    def __init__(self, number: int, lock: threading.Lock, note: Callable[[int], None]) -> None:
        self._number = number
        self._turn = threading.Condition(lock)
        self._note = note
        self._log: CommitLog | None = None
        self._ended = False
        self._under_way: deque[Ticket] = deque()

    def start(self, log: CommitLog) -> None:
        """Take records from now on; the replay is over."""
        self._log = log

    def first_sequence(self) -> int | None:
        """Return the place in the log of the oldest record that is not yet applied; the lock is held."""
        return self._under_way[0].sequence if self._under_way else None

    def drain(self) -> None:
        """Wait, the lock held, until nothing is under way."""
        self._turn.wait_for(lambda: not self._under_way)

    def end(self) -> None:
        """Refuse records from now on and wait, the lock held, until nothing is under way."""
        self._ended = True
        self.drain()

    def settle(self, sequence: int) -> None:
        """Wait, the lock held, until nothing is under way that is as old as a record of the log."""
        self._turn.wait_for(lambda: not self._under_way or self._under_way[0].sequence > sequence)

    def submit(self, type_: int, payload: bytes) -> Ticket:
        """Give a record its turn; the lock is held."""
        if self._ended:
            raise StoreClosed
        ticket = self._started().submit(self._number, type_, payload)
        self._under_way.append(ticket)
        return ticket

    def when_durable(
        self,
        ticket: Ticket,
        apply: Callable[[], Applied],
        *,
        on_end: Callable[[bool], None] | None = None,
    ) -> Applied:
        """
        Wait until the record is durable and those before it are applied, then apply it; the lock is free.

        Parameters
        ----------
        on_end
            Called with the lock held, whatever happens, and told whether the record is durable.
        """
        log = self._started()
        durable = False
        try:
            log.wait(ticket)
            durable = True
            with self._turn:
                self._turn.wait_for(lambda: self._under_way[0] is ticket)
                self._note(ticket.sequence)
                return apply()
        finally:
            with self._turn:
                if on_end is not None:
                    on_end(durable)
                self._under_way.remove(ticket)
                self._turn.notify_all()

    def _started(self) -> CommitLog:
        if self._log is None:
            raise AssertionError("BUG: written to before the replay was over")
        return self._log
