"""
Upkeep of one database: samples go from the head to blocks, blocks are merged and retired, checkpoints take the place of the log.

Each public call holds the upkeep lock from end to end, so that the calls of one database exclude each other and deletions; the other
lock is taken inside it, for moments. They may fail at any point: the next call goes on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bongsu.runtime.files import sync_folder
from bongsu.storage.changes import EVER
from bongsu.tsdb.arenas import NO_TIME
from bongsu.tsdb.block import tombstones_path
from bongsu.tsdb.checkpoint import CHECKPOINT_NAME
from bongsu.tsdb.flush import Flush
from bongsu.tsdb.folding import MANY_LATE, fold, is_worthwhile
from bongsu.tsdb.shelf import BLOCK_MS

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.runtime.clock import Clock
    from bongsu.tsdb.head import Head
    from bongsu.tsdb.memory import Memory
    from bongsu.tsdb.state import State
    from bongsu.tsdb.turns import Turns

KEPT_MS = 3_600_000
"""The newest hour stays in the head: scrapes that come late, and the queries that are asked most, find it there."""

MUCH_OLD = 100_000
"""So many samples that came after the blocks of their time are worth writing these anew; to merge fewer takes a query milliseconds."""

IDLE_S = 900.0
"""A database that nobody asked for anything in a quarter of an hour leaves memory; scrapes and dashboards come far more often."""


class Upkeep:
    """
    What is done to one database now and then, or when an operator asks.

    Parameters
    ----------
    folder
        The project's own.
    """

    def __init__(self, memory: Memory, turns: Turns, *, folder: Path, clock: Clock) -> None:
        self._memory = memory
        self._turns = turns
        self._folder = folder
        self._clock = clock
        # Guarded by the upkeep lock.
        self._flushed_until = NO_TIME
        self._old_seen = 0
        self._next_expiry: int | None = None

    def held_sequence(self) -> int | None:
        """Return the oldest record of the log that is nowhere else; None when the log may go."""
        with self._memory.lock:
            needed = (self._memory.progress.oldest_unsaved, self._turns.first_sequence())
            return min((sequence for sequence in needed if sequence is not None), default=None)

    def head_bytes(self) -> int:
        """Return about what a checkpoint would take."""
        with self._memory.lock:
            return self._memory.state.head.bytes if self._memory.state is not None else 0

    # Now and then

    def flush(self) -> bool:
        """Write old samples of the head into blocks, if it is time; tell whether, so that a checkpoint is worth its while."""
        with self._memory.upkeep:
            if self._memory.closed or self._sleeps_on():
                return False
            flushed = self._flush_if_due()
            self._fold_if_worthwhile(always=flushed)
            return flushed

    def save(self, *, settled: int = 0) -> None:
        """Write a checkpoint if the log has more than the last one; it has all records up to `settled`."""
        with self._memory.upkeep:
            if not self._memory.closed and self._memory.progress.oldest_unsaved is not None:
                self._save(settled)

    def tidy(self) -> None:
        """Merge blocks, let go of what is too old or damaged."""
        with self._memory.upkeep:
            if self._memory.closed or self._sleeps_on():
                return
            state = self._memory.state
            if state is not None:
                if state.shelf.set_damaged_aside():
                    self._note_change(EVER)
                self._merge_blocks(state)
            self._retire_blocks()

    def sleep_if_idle(self) -> None:
        """Leave memory when nobody has asked for anything for a while; the next call loads again."""
        memory = self._memory
        with memory.upkeep:
            if memory.state is None or memory.idle_s() < IDLE_S:
                return
            if memory.progress.oldest_unsaved is not None:
                self._save()
            with memory.lock:
                if memory.progress.oldest_unsaved is None and self._turns.first_sequence() is None:
                    ends = [block.meta.max_time for block in memory.state.shelf.blocks]
                    self._next_expiry = min(ends, default=None)
                    memory.state = None

    # When an operator asks

    def verify(self) -> None:
        """Check every checksum of every block; damaged ones are set aside and told."""
        with self._memory.upkeep:
            self._opened().shelf.verify()
            self._note_change(EVER)  # what is damaged is set aside

    def snapshot(self, target: Path) -> None:
        """Make `target` a folder with all data of the project, by hard links: it costs no room until something changes here."""
        with self._memory.upkeep:
            state = self._opened()
            self._save()
            (target / "blocks").mkdir(parents=True)
            for file in (self._folder / CHECKPOINT_NAME, *self._folder.glob("*.json")):
                os.link(file, target / file.name)
            for block in state.shelf.blocks:
                for file in (block.path, tombstones_path(block.path)):
                    if file.exists():
                        os.link(file, target / "blocks" / file.name)
            sync_folder(target / "blocks")
            sync_folder(target)

    def clean(self) -> None:
        """Write the blocks that have deletions anew, without what was deleted."""
        with self._memory.upkeep:
            state = self._opened()
            for block in state.shelf.blocks:
                if len(block.tombstones):
                    state.shelf.merge([block], sequence=self._memory.progress.applied)

    # Parts of these, with the upkeep lock held and the other free

    def _opened(self) -> State:
        """Return the state, which an operator asked for."""
        with self._memory.lock:
            return self._memory.open()

    def _note_change(self, oldest_ms: int) -> None:
        with self._memory.lock:
            self._memory.changes.note(oldest_ms)

    def _sleeps_on(self) -> bool:
        """Tell whether the database is not in memory and has nothing to do."""
        if self._memory.state is not None or self._memory.options is None:
            return self._memory.state is None
        oldest = self._memory.oldest_ms()
        return oldest is None or self._next_expiry is None or self._next_expiry >= oldest

    def _flush_if_due(self) -> bool:
        with self._memory.lock:
            state = self._memory.open(used=False)
            oldest, newest, n_late = state.head.bounds()
            if oldest is None or newest is None:
                return False
            floor = (min(newest, self._clock.now_ms()) - KEPT_MS) // BLOCK_MS * BLOCK_MS
            if oldest >= floor or not self._is_worth_a_block(state.head, floor, n_late):
                return False
            flush = Flush(
                state,
                self._memory.lock,
                oldest_ms=oldest,
                floor_ms=floor,
                span_ms=BLOCK_MS,
                sequence=self._memory.progress.applied,
            )
        try:
            flush.write()
        except BaseException:
            with self._memory.lock:
                flush.abandon()
            raise
        with self._memory.lock:
            flush.end()
        self._flushed_until = floor
        return True

    def _is_worth_a_block(self, head: Head, floor_ms: int, n_late: int) -> bool:
        """
        Tell whether the samples before a time are to leave the head now; both locks are held.

        What comes after the blocks of its time waits for the next block's turn, unless it is much: late samples that take memory, or a
        backfill that has come to an end, since it overlaps blocks, and each query would have to merge it.
        """
        if floor_ms > self._flushed_until or n_late >= MANY_LATE:
            return True
        before, self._old_seen = self._old_seen, head.arenas.samples_before(floor_ms)
        return self._old_seen == before >= MUCH_OLD

    def _fold_if_worthwhile(self, *, always: bool) -> None:
        with self._memory.lock:
            head = self._memory.open(used=False).head
            wanted = always or is_worthwhile(head)
        if wanted:
            fold(head, self._memory.lock)

    def _save(self, settled: int = 0) -> None:
        progress = self._memory.progress
        with self._memory.lock:
            self._turns.settle(settled)
            checkpoint = self._memory.open(used=False).freeze(progress.applied)
            progress.begin_save()
        try:
            checkpoint.write(self._folder / CHECKPOINT_NAME)
        except BaseException:
            with self._memory.lock:
                progress.abandon_save()
            raise
        with self._memory.lock:
            progress.end_save(checkpoint.sequence)

    def _merge_blocks(self, state: State) -> None:
        options = self._memory.options
        retention = options.retention_ms if options is not None else 0
        longest = retention // 10 if retention else 1 << 62
        settled = max((block.meta.max_time for block in state.shelf.blocks), default=0) + 1
        while blocks := state.shelf.next_merge(
            settled_ms=-(-settled // BLOCK_MS) * BLOCK_MS, longest_ms=longest
        ):
            state.shelf.merge(blocks, sequence=self._memory.progress.applied)

    def _retire_blocks(self) -> None:
        with self._memory.lock:
            state = self._memory.open(used=False)
        if self._memory.options is None:
            return
        oldest = self._memory.oldest_ms()
        before = state.shelf.blocks
        state.shelf.retire(oldest_ms=oldest, max_bytes=self._memory.options.retention_bytes)
        gone = [block.meta.min_time for block in before if block not in state.shelf.blocks]
        if gone:
            self._note_change(min(gone))
        if oldest is not None:
            with self._memory.lock:
                state.exemplars.retire(oldest)
