"""
One project's series: the `ProjectStore` that logs, then applies.

Every change is a record of the log first. Once it is durable it is applied, in the order of the log, so that a replay of the same
records gives the same state, refusals included. The lock guards the memory only; nobody holds it while waiting for the disk.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.head import N_CHUNKS
from bongsu.model.labels import key_labels
from bongsu.runtime.files import sync_folder
from bongsu.storage.changes import EVER, ChangeLog
from bongsu.storage.contract import (
    REFUSED,
    AppendResult,
    Changes,
    ExemplarRows,
    Rejection,
    Resolution,
    StoreStats,
)
from bongsu.storage.errors import StoreClosed
from bongsu.storage.refusals import refuse_duplicate, refuse_reference
from bongsu.tsdb.admission import allow_series
from bongsu.tsdb.block import tombstones_path
from bongsu.tsdb.checkpoint import CHECKPOINT_NAME
from bongsu.tsdb.flush import Flush
from bongsu.tsdb.folding import MANY_LATE, fold, is_worthwhile
from bongsu.tsdb.head import NO_TIME
from bongsu.tsdb.intake import Retention, take_in
from bongsu.tsdb.keys import join_keys
from bongsu.tsdb.late import Conflict, slot_of, slots_of
from bongsu.tsdb.reading import Reading
from bongsu.tsdb.records import (
    EncodedHistograms,
    FloatRows,
    RecordType,
    pack_delete,
    pack_exemplars,
    pack_metadata,
    pack_samples,
    pack_series,
    unpack_delete,
    unpack_exemplars,
    unpack_metadata,
    unpack_samples,
    unpack_series,
    unpack_wide_samples,
)
from bongsu.tsdb.series import first_of_equal
from bongsu.tsdb.shelf import BLOCK_MS
from bongsu.tsdb.state import State, saved_sequence
from bongsu.tsdb.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import Selection, StoreOptions
    from bongsu.tsdb.block import BlockMeta
    from bongsu.tsdb.head import Head
    from bongsu.tsdb.intake import Intake
    from bongsu.tsdb.keys import Keys
    from bongsu.tsdb.log import CommitLog
    from bongsu.tsdb.metrics import StoreMetrics

KEPT_MS = 3_600_000
"""The newest hour stays in the head: scrapes that come late, and the queries that are asked most, find it there."""

MUCH_OLD = 100_000
"""So many samples that came after the blocks of their time are worth writing these anew; to merge fewer takes a query milliseconds."""

TOO_MANY_LATE = 4 * MANY_LATE
"""So many late samples, some 180 MB, don't wait for the next upkeep; fewer do, since blocks are better written from many."""

IDLE_S = 900.0
"""A database that nobody asked for anything in a quarter of an hour leaves memory; scrapes and dashboards come far more often."""


class Database:
    """
    The store of one project.

    Two locks: `_upkeep` is held for as long as the list of blocks must stay, by upkeep and by deletions; `_lock` guards the memory, is
    held for moments, and is taken after `_upkeep` where both are needed.

    Parameters
    ----------
    number
        The project's number in the log.
    name
        The project's id, for metrics only.
    folder
        The project's own.
    told
        Takes a line for each damaged file that was set aside.
    want_upkeep
        Called when upkeep should not wait for its time; may be called often.
    """

    def __init__(
        self,
        number: int,
        name: str,
        folder: Path,
        *,
        clock: Clock,
        metrics: StoreMetrics,
        told: Callable[[str], None],
        want_upkeep: Callable[[], None],
    ) -> None:
        self.number = number
        self.name = name
        self.folder = folder
        self.options: StoreOptions | None = None
        self.saved_sequence = saved_sequence(folder)
        self.applied_sequence = self.saved_sequence
        self._clock = clock
        self._metrics = metrics
        self._told = told
        self._want_upkeep = want_upkeep
        self._state: State | None = None
        self._upkeep = threading.Lock()
        self._lock = threading.Lock()
        self._turns = Turns(number, self._lock, self._note_applied)
        self._reading = Reading(self._lock, self._open)
        self._reserved = 0
        self._oldest_unsaved: int | None = None
        self._being_saved: int | None = None
        self._flushed_until = NO_TIME
        self._old_seen = 0
        self._last_used = clock.monotonic()
        self._next_expiry: int | None = None
        self._changes = ChangeLog()
        self._closed = False

    # Life

    def start(self, log: CommitLog) -> None:
        """Take writes from now on; the replay is over."""
        if self._state is not None:
            self._state.head.series.find_free_slots()
        self._turns.start(log)

    def replay(self, type_: int, sequence: int, payload: memoryview) -> None:
        """Apply one record of the log."""
        state = self._open()
        match type_:
            case RecordType.SERIES:
                state.head.add_series(*unpack_series(payload))
            case RecordType.SAMPLES | RecordType.WIDE_SAMPLES:
                unpack = unpack_samples if type_ == RecordType.SAMPLES else unpack_wide_samples
                floats, histograms, overwrite = unpack(payload)
                self._apply_samples(floats, histograms, overwrite=overwrite)
            case RecordType.DELETE:
                selectors, start_ms, end_ms = unpack_delete(payload)
                self._apply_delete(selectors, start_ms, end_ms)
                state.shelf.delete(selectors, start_ms, end_ms, sequence=sequence)
            case RecordType.METADATA:
                state.metadata.put(unpack_metadata(payload))
            case RecordType.EXEMPLARS:
                self._apply_exemplars(unpack_exemplars(payload))
            case _:
                raise ValueError(f"record of unknown type {type_}")
        self._note_applied(sequence)

    def close(self) -> None:
        """Refuse everything from now on; writes under way end first."""
        with self._upkeep, self._lock:
            self._closed = True
            self._turns.drain()
            self._state = None

    # Upkeep

    def held_sequence(self) -> int | None:
        """Return the oldest record of the log that is nowhere else; None when the log may go."""
        with self._lock:
            needed = (self._oldest_unsaved, self._being_saved, self._turns.first_sequence())
            return min((sequence for sequence in needed if sequence is not None), default=None)

    def head_bytes(self) -> int:
        """Return about what a checkpoint would take."""
        with self._lock:
            return self._state.head.bytes if self._state is not None else 0

    def flush(self) -> bool:
        """
        Write old samples of the head into blocks, if it is time; tell whether, so that a checkpoint is worth its while.

        This, `save` and `tidy` may be called at any time, from any thread, and fail at any point: the next call goes on. The calls of one
        database exclude each other.
        """
        with self._upkeep:
            if self._closed or self._sleeps_on():
                return False
            flushed = self._flush_if_due()
            self._fold_if_worthwhile(always=flushed)
            return flushed

    def save(self, *, settled: int = 0) -> None:
        """Write a checkpoint if the log has more than the last one; it has all records up to `settled`."""
        with self._upkeep:
            if not self._closed and self._oldest_unsaved is not None:
                self._save(settled)

    def tidy(self) -> None:
        """Merge blocks, let go of what is too old or damaged."""
        with self._upkeep:
            if self._closed or self._sleeps_on():
                return
            if self._state is not None and self._state.shelf.set_damaged_aside():
                with self._lock:
                    self._changes.note(EVER)
            self._merge_blocks()
            self._retire_blocks()

    def sleep_if_idle(self) -> None:
        """Leave memory when nobody has asked for anything for a while; the next call loads again."""
        with self._upkeep:
            if self._state is None or self._clock.monotonic() - self._last_used < IDLE_S:
                return
            if self._oldest_unsaved is not None:
                self._save()
            with self._lock:
                if self._oldest_unsaved is None and self._turns.first_sequence() is None:
                    ends = [block.meta.max_time for block in self._state.shelf.blocks]
                    self._next_expiry = min(ends, default=None)
                    self._state = None

    def verify(self) -> None:
        """Check every checksum of every block; damaged ones are set aside and told."""
        with self._upkeep:
            with self._lock:
                state = self._open()
            state.shelf.verify()
            with self._lock:
                self._changes.note(EVER)  # what is damaged is set aside

    def snapshot(self, target: Path) -> None:
        """Make `target` a folder with all data of the project, by hard links: it costs no room until something changes here."""
        with self._upkeep:
            with self._lock:
                state = self._open()
            self._save()
            (target / "blocks").mkdir(parents=True)
            for file in (self.folder / CHECKPOINT_NAME, *self.folder.glob("*.json")):
                os.link(file, target / file.name)
            for block in state.shelf.blocks:
                for file in (block.path, tombstones_path(block.path)):
                    if file.exists():
                        os.link(file, target / "blocks" / file.name)
            sync_folder(target / "blocks")
            sync_folder(target)

    def clean(self) -> None:
        """Write the blocks that have deletions anew, without what was deleted."""
        with self._upkeep:
            with self._lock:
                state = self._open()
            for block in state.shelf.blocks:
                if len(block.tombstones):
                    state.shelf.merge([block], sequence=self.applied_sequence)

    def block_metas(self) -> list[BlockMeta]:
        """Return what each block says of itself, lowest rank first."""
        with self._lock:
            return [block.meta for block in self._open().shelf.blocks]

    def _sleeps_on(self) -> bool:
        """Tell whether the database is not in memory and has nothing to do."""
        if self._state is not None or self.options is None:
            return self._state is None
        oldest = self._oldest_ms()
        return oldest is None or self._next_expiry is None or self._next_expiry >= oldest

    def _flush_if_due(self) -> bool:
        with self._lock:
            state = self._open(used=False)
            oldest, newest, n_late = state.head.bounds()
            if oldest is None or newest is None:
                return False
            floor = (min(newest, self._clock.now_ms()) - KEPT_MS) // BLOCK_MS * BLOCK_MS
            if oldest >= floor or not self._is_worth_a_block(state.head, floor, n_late):
                return False
            flush = Flush(
                state,
                self._lock,
                oldest_ms=oldest,
                floor_ms=floor,
                span_ms=BLOCK_MS,
                sequence=self.applied_sequence,
            )
        try:
            flush.write()
        except BaseException:
            with self._lock:
                flush.abandon()
            raise
        with self._lock:
            flush.end()
            self._flushed_until = floor
        return True

    def _is_worth_a_block(self, head: Head, floor_ms: int, n_late: int) -> bool:
        """
        Tell whether the samples before a time are to leave the head now; the lock is held.

        What comes after the blocks of its time waits for the next block's turn, unless it is much: late samples that take memory, or a
        backfill that has come to an end, since it overlaps blocks, and each query would have to merge it.
        """
        if floor_ms > self._flushed_until or n_late >= MANY_LATE:
            return True
        before, self._old_seen = self._old_seen, head.samples_before(floor_ms)
        return self._old_seen == before >= MUCH_OLD

    def _fold_if_worthwhile(self, *, always: bool) -> None:
        with self._lock:
            head = self._open(used=False).head
            wanted = always or is_worthwhile(head)
        if wanted:
            fold(head, self._lock)

    def _save(self, settled: int = 0) -> None:
        with self._lock:
            self._turns.settle(settled)
            checkpoint = self._open(used=False).freeze(self.applied_sequence)
            self._being_saved, self._oldest_unsaved = self._oldest_unsaved, None
        try:
            checkpoint.write(self.folder / CHECKPOINT_NAME)
        except BaseException:
            with self._lock:
                self._oldest_unsaved = self._being_saved
                self._being_saved = None
            raise
        with self._lock:
            self._being_saved = None
            self.saved_sequence = checkpoint.sequence

    def _merge_blocks(self) -> None:
        state = self._state
        if state is None:
            return
        retention = self.options.retention_ms if self.options is not None else 0
        longest = retention // 10 if retention else 1 << 62
        settled = max((block.meta.max_time for block in state.shelf.blocks), default=0) + 1
        while blocks := state.shelf.next_merge(
            settled_ms=-(-settled // BLOCK_MS) * BLOCK_MS, longest_ms=longest
        ):
            state.shelf.merge(blocks, sequence=self.applied_sequence)

    def _retire_blocks(self) -> None:
        with self._lock:
            state = self._open(used=False)
        if self.options is not None:
            oldest = self._oldest_ms()
            before = state.shelf.blocks
            state.shelf.retire(oldest_ms=oldest, max_bytes=self.options.retention_bytes)
            gone = [block.meta.min_time for block in before if block not in state.shelf.blocks]
            if gone:
                with self._lock:
                    self._changes.note(min(gone))
            if oldest is not None:
                with self._lock:
                    state.exemplars.retire(oldest)

    def _open(self, *, used: bool = True) -> State:
        """Return the state, loaded if it is not in memory; the lock is held."""
        if self._closed:
            raise StoreClosed
        if used:
            self._last_used = self._clock.monotonic()
        if self._state is None:
            self._state = State(self.folder, self._told)
            self._changes.note(EVER)  # a damaged file may have been set aside
        return self._state

    def _note_applied(self, sequence: int) -> None:
        self.applied_sequence = sequence
        if self._oldest_unsaved is None:
            self._oldest_unsaved = sequence

    # Writing

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every series key; new series are in the log before this returns."""
        joined = join_keys(keys)
        with self._lock:
            head = self._open().head
            refs = head.refs_of(joined)
            unknown = np.flatnonzero(refs < 0)
            if not len(unknown):
                return Resolution(refs)
            wanted, number, rejections = self._wanted_series(joined, unknown)
            if not len(wanted):
                return self._refused_series(refs, rejections)
            made = joined.take(wanted)
            new_refs = head.series.reserve(len(made))
            self._reserved += len(made)
            ticket = self._turns.submit(RecordType.SERIES, pack_series(new_refs, made))
        fresh = self._turns.when_durable(
            ticket,
            lambda: self._apply_series(new_refs, made),
            on_end=lambda durable: self._end_reservation(new_refs, durable=durable),
        )
        refs[unknown] = np.append(fresh, REFUSED)[number]
        return self._refused_series(refs, rejections)

    def append(self, batch: SampleBatch) -> AppendResult:
        """Write a batch and return when it is durable."""
        setting_ms = self.options.retention_ms if self.options is not None else 0
        taken = take_in(batch, Retention(self._oldest_ms(), setting_ms), self._labels_of)
        payload = pack_samples(taken.floats, taken.histograms, overwrite=batch.overwrite)
        with self._lock:
            self._open()
            if not len(taken.float_rows) and not len(taken.histogram_rows):
                self._metrics.refused(self.name, taken.refused)
                return AppendResult(0, self.applied_sequence, tuple(taken.refused))
            ticket = self._turns.submit(RecordType.SAMPLES, payload)
        refused = taken.refused + self._turns.when_durable(
            ticket, lambda: self._apply_intake(taken, overwrite=batch.overwrite)
        )
        written = len(batch) - len(refused)
        self._metrics.samples_written(written)
        self._metrics.refused(self.name, refused)
        return AppendResult(written, ticket.sequence, tuple(sorted(refused, key=lambda r: r.row)))

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics; what is known already costs nothing."""
        with self._lock:
            metadata = self._open().metadata
            news = [entry for entry in entries if metadata.lacks(entry)]
            if not news:
                return
            ticket = self._turns.submit(RecordType.METADATA, pack_metadata(news))
        self._turns.when_durable(ticket, lambda: metadata.put(news))

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference; return how many were new."""
        with self._lock:
            state = self._open()
            known = state.head.knows(np.array(refs, dtype=np.int64)).tolist()
            news = [
                (ref, exemplar)
                for ref, exemplar, is_known in zip(refs, exemplars, known, strict=True)
                if is_known and not state.exemplars.has(state.head.series.key(slot_of(ref)), exemplar)
            ]
            if not news:
                return 0
            payload = pack_exemplars([ref for ref, _ in news], [exemplar for _, exemplar in news])
            ticket = self._turns.submit(RecordType.EXEMPLARS, payload)
        return self._turns.when_durable(ticket, lambda: self._apply_exemplars(news))

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Hide the samples of the matching series in the range, durably."""
        with self._upkeep:
            with self._lock:
                state = self._open()
                state.head.index.match_any(selectors)  # a bad pattern must fail before it is in the log
                ticket = self._turns.submit(RecordType.DELETE, pack_delete(selectors, start_ms, end_ms))
            self._turns.when_durable(ticket, lambda: self._apply_delete(selectors, start_ms, end_ms))
            state.shelf.delete(selectors, start_ms, end_ms, sequence=ticket.sequence)
            with self._lock:
                # Once more: whoever looked after the head's samples had gone may have read those of the blocks before they went.
                self._changes.note(start_ms)
        return ticket.sequence

    # Reading

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        with self._lock:
            return self._open().metadata.all()

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        with self._lock:
            state = self._open()
            # A checkpoint may still have those that upkeep has retired since.
            oldest = self._oldest_ms()
            start_ms = start_ms if oldest is None else max(start_ms, oldest)
            return ExemplarRows(*state.exemplars.find(selectors, start_ms, end_ms))

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the matching series that may have samples in the range."""
        return self._reading.select(matchers, start_ms, end_ms)

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series, each once."""
        return self._reading.series(selectors, start_ms, end_ms)

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        return self._reading.label_names(selectors, start_ms, end_ms)

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""
        return self._reading.label_values(name, selectors, start_ms, end_ms)

    def changes(self, since: int | None) -> Changes:
        """Return what changed since an earlier look."""
        with self._lock:
            self._open()
            return self._changes.since(since)

    def stats(self) -> StoreStats:
        """Return the size of the store; `series` are those of the head, the active ones, unless it has none."""
        with self._lock:
            state = self._open()
            head, blocks = state.head, [block.meta for block in state.shelf.blocks]
            oldest, newest, _ = head.bounds()
            n_series, n_samples = head.count()
            starts = [meta.min_time for meta in blocks] + ([] if oldest is None else [oldest])
            ends = [meta.max_time for meta in blocks] + ([] if newest is None else [newest])
            return StoreStats(
                series=n_series or max((meta.series for meta in blocks), default=0),
                samples=n_samples + sum(meta.samples for meta in blocks),
                chunks=int(head.arrays.cursor[N_CHUNKS]) + sum(meta.chunks for meta in blocks),
                bytes=head.bytes + state.shelf.bytes,
                min_time=min(starts, default=None),
                max_time=max(ends, default=None),
            )

    # Applying

    def _apply_series(self, refs: NDArray[np.int64], keys: Keys) -> NDArray[np.int64]:
        head = self._open().head
        given = head.add_series(refs, keys)
        # Another writer made the same series first: the slot reserved here is free again.
        head.series.give_back(slots_of(refs[given != refs]))
        return given

    def _apply_samples(
        self, floats: FloatRows, histograms: EncodedHistograms, *, overwrite: bool
    ) -> tuple[list[Conflict], list[Conflict]]:
        for times in (floats.times, histograms.times):
            if len(times):
                self._changes.note(int(times.min()))
        head = self._open().head
        conflicts = (
            head.append_floats(floats, overwrite=overwrite),
            head.append_histograms(histograms, overwrite=overwrite),
        )
        if len(head.side) >= TOO_MANY_LATE:
            self._want_upkeep()
        return conflicts

    def _apply_delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> None:
        self._changes.note(start_ms)
        head = self._open().head
        head.delete(head.index.match_any(selectors), start_ms, end_ms)

    def _apply_exemplars(self, rows: Sequence[tuple[int, Exemplar]]) -> int:
        state = self._open()
        known = state.head.knows(np.array([ref for ref, _ in rows], dtype=np.int64)).tolist()
        return sum(
            state.exemplars.put(state.head.series.key(slot_of(ref)), exemplar)
            for (ref, exemplar), is_known in zip(rows, known, strict=True)
            if is_known
        )

    # Refusals

    def _wanted_series(
        self, keys: Keys, unknown: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Rejection]]:
        """Return the rows of the distinct new keys that the limits allow, for every unknown row which of them it is, and refusals."""
        if self.options is None:
            raise AssertionError("BUG: written to before the project gave its options")
        known = self._open().head.series.n_live + self._reserved
        new_keys = keys.take(unknown)
        allowed, refusals = allow_series(new_keys, unknown, known, self.options.limits)
        first = first_of_equal(new_keys)
        is_made = allowed & (first == np.arange(len(first)))
        number = np.where(is_made, np.cumsum(is_made) - 1, -1)[first]
        return unknown[is_made], number, refusals

    def _refused_series(self, refs: NDArray[np.int64], rejections: list[Rejection]) -> Resolution:
        self._metrics.refused(self.name, rejections)
        return Resolution(refs, tuple(rejections))

    def _end_reservation(self, refs: NDArray[np.int64], *, durable: bool) -> None:
        self._reserved -= len(refs)
        if not durable:
            self._open().head.series.give_back(slots_of(refs))

    def _oldest_ms(self) -> int | None:
        """Return the oldest time that retention keeps; None when it keeps all."""
        if self.options is None:
            raise AssertionError("BUG: written to before the project gave its options")
        return self._clock.now_ms() - self.options.retention_ms if self.options.retention_ms else None

    def _labels_of(self, ref: int) -> dict[str, str]:
        with self._lock:
            head = self._open().head
            if not head.knows(np.array([ref], dtype=np.int64))[0]:
                return {}
            return key_labels(head.series.key(slot_of(ref)))

    def _apply_intake(self, taken: Intake, *, overwrite: bool) -> list[Rejection]:
        floats, histograms = self._apply_samples(taken.floats, taken.histograms, overwrite=overwrite)
        rows = [(int(taken.float_rows[c.row]), c) for c in floats]
        rows += [(taken.histogram_rows[c.row], c) for c in histograms]
        return [self._refusal(row, conflict) for row, conflict in rows]

    def _refusal(self, row: int, conflict: Conflict) -> Rejection:
        if conflict.known is None or conflict.received is None:
            return refuse_reference(row, conflict.ref)
        labels = key_labels(self._open().head.series.key(conflict.slot))
        return refuse_duplicate(row, labels, conflict.known, conflict.received)
