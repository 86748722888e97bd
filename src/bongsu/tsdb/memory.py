"""The memory of one database: its locks, what they guard, and the state that is loaded on demand."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bongsu.storage.changes import EVER, ChangeLog
from bongsu.storage.errors import StoreClosed
from bongsu.tsdb.progress import Progress
from bongsu.tsdb.state import State, saved_sequence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import StoreOptions


class Memory:
    """
    What reading, writing and upkeep of one database share.

    Parameters
    ----------
    folder
        The project's own.
    told
        Takes a line for each damaged file that was set aside.

    Attributes
    ----------
    upkeep
        Held for as long as the list of blocks must stay, by upkeep and by deletions, waiting for the disk included. Taken before `lock`
        where both are needed.
    lock
        Guards everything here and in the state. Held for moments: nobody waits for the disk with it, but to load the state.
    state
        None while the database is not in memory. It is loaded with `lock` held, and let go with both: who holds either and has seen it
        may go on with it.
    options
        None until the project is first asked for; a replay comes before that.
    closed
        Set once, with both locks held.
    """

    def __init__(self, folder: Path, *, clock: Clock, told: Callable[[str], None]) -> None:
        self.upkeep = threading.Lock()
        self.lock = threading.Lock()
        self.state: State | None = None
        self.options: StoreOptions | None = None
        self.closed = False
        self.changes = ChangeLog()
        self.progress = Progress(saved_sequence(folder))
        self._folder = folder
        self._clock = clock
        self._told = told
        self._last_used = clock.monotonic()

    def open(self, *, used: bool = True) -> State:
        """
        Return the state, loaded if it is not in memory; the lock is held.

        Parameters
        ----------
        used
            Whether somebody asked: upkeep alone does not keep a database awake.
        """
        if self.closed:
            raise StoreClosed
        if used:
            self._last_used = self._clock.monotonic()
        if self.state is None:
            self.state = State(self._folder, self._told)
            self.changes.note(EVER)  # a damaged file may have been set aside
        return self.state

    def idle_s(self) -> float:
        """Return for how long nobody has asked for anything, in seconds."""
        return self._clock.monotonic() - self._last_used

    def given_options(self) -> StoreOptions:
        """Return the options, which every write and every look at exemplars comes after."""
        if self.options is None:
            raise AssertionError("BUG: written to before the project gave its options")
        return self.options

    def oldest_ms(self) -> int | None:
        """Return the oldest time that retention keeps; None when it keeps all."""
        retention_ms = self.given_options().retention_ms
        return self._clock.now_ms() - retention_ms if retention_ms else None
