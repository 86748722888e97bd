"""
Writes to one database: a record of the log first, applied to memory once it is durable.

What can be refused before it costs a record is refused under the lock; what only the order of the log decides, such as two values for
one time, when the record is applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.labels import key_labels
from bongsu.storage.contract import REFUSED, AppendResult, Rejection, Resolution
from bongsu.storage.refusals import refuse_duplicate, refuse_reference
from bongsu.tsdb.admission import allow_series
from bongsu.tsdb.intake import Retention, take_in
from bongsu.tsdb.keys import join_keys
from bongsu.tsdb.late import Conflict, slot_of, slots_of
from bongsu.tsdb.records import (
    RecordType,
    pack_delete,
    pack_exemplars,
    pack_metadata,
    pack_samples,
    pack_series,
)
from bongsu.tsdb.series import first_of_equal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch
    from bongsu.tsdb.applying import Applying
    from bongsu.tsdb.intake import Intake
    from bongsu.tsdb.keys import Keys
    from bongsu.tsdb.memory import Memory
    from bongsu.tsdb.metrics import StoreMetrics
    from bongsu.tsdb.turns import Turns


class Writing:
    """
    What writers ask of one database.

    The lock is held to look at the memory and to submit a record, so that what was looked at is what the log's order begins from; it
    is free while the record becomes durable, and held again to apply it.

    Parameters
    ----------
    project
        The project's id, for metrics only.
    """

    def __init__(
        self, memory: Memory, turns: Turns, applying: Applying, *, project: str, metrics: StoreMetrics
    ) -> None:
        self._memory = memory
        self._turns = turns
        self._applying = applying
        self._project = project
        self._metrics = metrics
        self._reserved = 0  # series that are on their way; guarded by the lock

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every series key; new series are in the log before this returns."""
        joined = join_keys(keys)
        with self._memory.lock:
            head = self._memory.open().head
            refs = head.refs_of(joined)
            unknown = np.flatnonzero(refs < 0)
            if not len(unknown):
                return Resolution(refs)
            wanted, number, rejections = self._wanted_series(joined, unknown)
            if not len(wanted):
                return self._resolution(refs, rejections)
            made = joined.take(wanted)
            new_refs = head.series.reserve(len(made))
            self._reserved += len(made)
            ticket = self._turns.submit(RecordType.SERIES, pack_series(new_refs, made))
        fresh = self._turns.when_durable(
            ticket,
            lambda: self._applying.series(new_refs, made),
            on_end=lambda durable: self._end_reservation(new_refs, durable=durable),
        )
        refs[unknown] = np.append(fresh, REFUSED)[number]
        return self._resolution(refs, rejections)

    def append(self, batch: SampleBatch) -> AppendResult:
        """Write a batch and return when it is durable."""
        retention = Retention(self._memory.oldest_ms(), self._memory.given_options().retention_ms)
        taken = take_in(batch, retention, self._labels_of)
        payload = pack_samples(taken.floats, taken.histograms, overwrite=batch.overwrite)
        with self._memory.lock:
            self._memory.open()
            if not len(taken.float_rows) and not len(taken.histogram_rows):
                self._metrics.refused(self._project, taken.refused)
                return AppendResult(0, self._memory.progress.applied, tuple(taken.refused))
            ticket = self._turns.submit(RecordType.SAMPLES, payload)
        refused = taken.refused + self._turns.when_durable(
            ticket, lambda: self._apply_intake(taken, overwrite=batch.overwrite)
        )
        written = len(batch) - len(refused)
        self._metrics.samples_written(written)
        self._metrics.refused(self._project, refused)
        return AppendResult(written, ticket.sequence, tuple(sorted(refused, key=lambda r: r.row)))

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics; what is known already costs nothing."""
        with self._memory.lock:
            metadata = self._memory.open().metadata
            news = [entry for entry in entries if metadata.lacks(entry)]
            if not news:
                return
            ticket = self._turns.submit(RecordType.METADATA, pack_metadata(news))
        self._turns.when_durable(ticket, lambda: metadata.put(news))

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference; return how many were new."""
        with self._memory.lock:
            state = self._memory.open()
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
        return self._turns.when_durable(ticket, lambda: self._applying.exemplars(news))

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Hide the samples of the matching series in the range, durably; upkeep waits, so that no block is written meanwhile."""
        with self._memory.upkeep:
            with self._memory.lock:
                state = self._memory.open()
                state.head.index.match_any(selectors)  # a bad pattern must fail before it is in the log
                ticket = self._turns.submit(RecordType.DELETE, pack_delete(selectors, start_ms, end_ms))
            self._turns.when_durable(ticket, lambda: self._applying.deletion(selectors, start_ms, end_ms))
            state.shelf.delete(selectors, start_ms, end_ms, sequence=ticket.sequence)
            with self._memory.lock:
                # Once more: whoever looked after the head's samples had gone may have read those of the blocks before they went.
                self._memory.changes.note(start_ms)
        return ticket.sequence

    # New series

    def _wanted_series(
        self, keys: Keys, unknown: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Rejection]]:
        """Return the rows of the distinct new keys that the limits allow, for every unknown row which of them it is, and refusals."""
        limits = self._memory.given_options().limits
        known = self._memory.open().head.series.n_live + self._reserved
        new_keys = keys.take(unknown)
        allowed, refusals = allow_series(new_keys, unknown, known, limits)
        first = first_of_equal(new_keys)
        is_made = allowed & (first == np.arange(len(first)))
        number = np.where(is_made, np.cumsum(is_made) - 1, -1)[first]
        return unknown[is_made], number, refusals

    def _end_reservation(self, refs: NDArray[np.int64], *, durable: bool) -> None:
        self._reserved -= len(refs)
        if not durable:
            self._memory.open().head.series.give_back(slots_of(refs))

    def _resolution(self, refs: NDArray[np.int64], rejections: list[Rejection]) -> Resolution:
        self._metrics.refused(self._project, rejections)
        return Resolution(refs, tuple(rejections))

    # Samples

    def _apply_intake(self, taken: Intake, *, overwrite: bool) -> list[Rejection]:
        floats, histograms = self._applying.samples(taken.floats, taken.histograms, overwrite=overwrite)
        rows = [(int(taken.float_rows[c.row]), c) for c in floats]
        rows += [(taken.histogram_rows[c.row], c) for c in histograms]
        return [self._refusal(row, conflict) for row, conflict in rows]

    def _refusal(self, row: int, conflict: Conflict) -> Rejection:
        if conflict.known is None or conflict.received is None:
            return refuse_reference(row, conflict.ref)
        labels = key_labels(self._memory.open().head.series.key(conflict.slot))
        return refuse_duplicate(row, labels, conflict.known, conflict.received)

    def _labels_of(self, ref: int) -> dict[str, str]:
        with self._memory.lock:
            head = self._memory.open().head
            if not head.knows(np.array([ref], dtype=np.int64))[0]:
                return {}
            return key_labels(head.series.key(slot_of(ref)))
