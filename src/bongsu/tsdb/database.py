"""
One project's series: the `ProjectStore` that logs, then applies.

Every change is a record of the log first. Once it is durable it is applied, in the order of the log, so that a replay of the same
records gives the same state, refusals included. The lock guards the memory only; nobody holds it while waiting for the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from bongsu.kernels.head import COUNT, FIRST_TIME, LAST_TIME, N_CHUNKS
from bongsu.kernels.identity import HASH_HIGH, HASH_LOW
from bongsu.model.labels import key_labels
from bongsu.storage.contract import (
    REFUSED,
    AppendResult,
    ExemplarRows,
    Rejection,
    Resolution,
    StoreStats,
)
from bongsu.storage.errors import StoreClosed
from bongsu.storage.histograms import encode_histogram, histogram_fault
from bongsu.storage.limits import refuse_labels
from bongsu.storage.refusals import (
    HistogramFault,
    refuse_duplicate,
    refuse_histogram,
    refuse_old,
    refuse_reference,
)
from bongsu.tsdb.annotations import Exemplars, Metadata
from bongsu.tsdb.head import Conflict, Head, slot_of
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
)
from bongsu.tsdb.selection import SelectedPart, TsdbSelection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, HistogramRows, MetricMetadata, SampleBatch
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import StoreOptions
    from bongsu.tsdb.log import CommitLog, Ticket
    from bongsu.tsdb.metrics import StoreMetrics

Applied = TypeVar("Applied")

_NO_INTS = np.empty(0, dtype=np.int64)


class Database:
    """
    The store of one project.

    Parameters
    ----------
    number
        The project's number in the log.
    name
        The project's id, for metrics only.
    """

    def __init__(self, number: int, name: str, *, clock: Clock, metrics: StoreMetrics) -> None:
        self.number = number
        self.name = name
        self.options: StoreOptions | None = None
        self.applied_sequence = 0
        self._clock = clock
        self._metrics = metrics
        self._log: CommitLog | None = None
        self._head = Head()
        self._metadata = Metadata()
        self._exemplars = Exemplars()
        self._lock = threading.Lock()
        self._turn = threading.Condition(self._lock)
        self._under_way: deque[Ticket] = deque()
        self._reserved = 0
        self._closed = False

    # Life

    def start(self, log: CommitLog) -> None:
        """Take writes from now on; the replay is over."""
        self._head.series.find_free_slots()
        self._log = log

    def replay(self, type_: int, sequence: int, payload: memoryview) -> None:
        """Apply one record of the log."""
        match type_:
            case RecordType.SERIES:
                self._head.add_series(*unpack_series(payload))
            case RecordType.SAMPLES:
                floats, histograms, overwrite = unpack_samples(payload)
                self._apply_samples(floats, histograms, overwrite=overwrite)
            case RecordType.DELETE:
                self._apply_delete(*unpack_delete(payload))
            case RecordType.METADATA:
                self._metadata.put(unpack_metadata(payload))
            case RecordType.EXEMPLARS:
                self._apply_exemplars(unpack_exemplars(payload))
            case _:
                raise ValueError(f"record of unknown type {type_}")
        self.applied_sequence = sequence

    def close(self) -> None:
        """Refuse everything from now on; writes under way end first."""
        with self._turn:
            self._closed = True
            self._turn.wait_for(lambda: not self._under_way)

    # Writing

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every series key; new series are in the log before this returns."""
        with self._lock:
            self._check_open()
            refs = self._head.refs_of(keys)
            unknown = np.flatnonzero(refs < 0).tolist()
            if not unknown:
                return Resolution(refs)
            wanted, rejections = self._wanted_series(keys, unknown)
            if not wanted:
                return self._refused_series(refs, rejections)
            new_refs = self._head.series.reserve(len(wanted))
            self._reserved += len(wanted)
            ticket = self._submit(RecordType.SERIES, pack_series(new_refs, tuple(wanted)))
        fresh = self._when_durable(
            ticket,
            lambda: self._apply_series(new_refs, tuple(wanted)),
            on_end=lambda durable: self._end_reservation(new_refs, durable=durable),
        )
        by_key = dict(zip(wanted, fresh.tolist(), strict=True))
        for row in unknown:
            refs[row] = by_key.get(keys[row], REFUSED)
        return self._refused_series(refs, rejections)

    def append(self, batch: SampleBatch) -> AppendResult:
        """Write a batch and return when it is durable."""
        refused, histograms, histogram_rows = self._encode_histograms(batch.histograms, len(batch.refs))
        floats, float_rows = self._float_rows(batch, refused)
        with self._lock:
            self._check_open()
            if not len(float_rows) and not len(histogram_rows):
                self._metrics.refused(self.name, refused)
                return AppendResult(0, self.applied_sequence, tuple(refused))
            payload = pack_samples(floats, histograms, overwrite=batch.overwrite)
            ticket = self._submit(RecordType.SAMPLES, payload)
        refused += self._when_durable(
            ticket,
            lambda: self._refusals(
                *self._apply_samples(floats, histograms, overwrite=batch.overwrite),
                float_rows,
                histogram_rows,
            ),
        )
        written = len(batch) - len(refused)
        self._metrics.samples_written(written)
        self._metrics.refused(self.name, refused)
        return AppendResult(written, ticket.sequence, tuple(sorted(refused, key=lambda r: r.row)))

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics; what is known already costs nothing."""
        with self._lock:
            self._check_open()
            news = [entry for entry in entries if self._metadata.lacks(entry)]
            if not news:
                return
            ticket = self._submit(RecordType.METADATA, pack_metadata(news))
        self._when_durable(ticket, lambda: self._metadata.put(news))

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference; return how many were new."""
        with self._lock:
            self._check_open()
            known = self._head.knows(np.array(refs, dtype=np.int64)).tolist()
            news = [
                (ref, exemplar)
                for ref, exemplar, is_known in zip(refs, exemplars, known, strict=True)
                if is_known and not self._exemplars.has(slot_of(ref), exemplar)
            ]
            if not news:
                return 0
            payload = pack_exemplars([ref for ref, _ in news], [exemplar for _, exemplar in news])
            ticket = self._submit(RecordType.EXEMPLARS, payload)
        return self._when_durable(ticket, lambda: self._apply_exemplars(news))

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Hide the samples of the matching series in the range, durably."""
        with self._lock:
            self._check_open()
            self._match(selectors)  # a bad pattern must fail before it is in the log
            ticket = self._submit(RecordType.DELETE, pack_delete(selectors, start_ms, end_ms))
        self._when_durable(ticket, lambda: self._apply_delete(selectors, start_ms, end_ms))
        return ticket.sequence

    # Reading

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        with self._lock:
            self._check_open()
            return self._metadata.all()

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        with self._lock:
            self._check_open()
            slots = self._match(selectors)
            found = [self._exemplars.of(slot, start_ms, end_ms) for slot in slots.tolist()]
            kept = np.array([i for i, exemplars in enumerate(found) if exemplars], dtype=np.int64)
            return ExemplarRows(self._head.index.columns(slots[kept]), [found[i] for i in kept])

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> TsdbSelection:
        """Return the matching series that may have samples in the range."""
        with self._lock:
            self._check_open()
            slots = self._head.with_samples(self._head.index.match(matchers), start_ms, end_ms)
            part = SelectedPart(
                self._head.index.columns(slots),
                self._head.series.identity[slots][:, [HASH_LOW, HASH_HIGH]],
                self._head.snapshot(slots, start_ms, end_ms),
            )
        return TsdbSelection([part], start_ms, end_ms)

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series, each once."""
        with self._lock:
            self._check_open()
            slots = self._head.with_samples(self._match(selectors), start_ms, end_ms)
            return self._head.index.columns(slots)

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        return list(self.series(selectors, start_ms, end_ms).names)

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""
        column = self.series(selectors, start_ms, end_ms).get(name)
        return [] if column is None else sorted(column.compacted().values)

    def stats(self) -> StoreStats:
        """Return the size of the store."""
        with self._lock:
            self._check_open()
            meta = self._head.arrays.meta[self._head.series.live_slots()]
            with_floats = meta[meta[:, COUNT] > 0]
            sides = [side for side in self._head.sides.values() if len(side)]
            only_side = sum(
                1
                for slot, side in self._head.sides.items()
                if len(side) and not self._head.arrays.meta[slot, COUNT]
            )
            times = [t for side in sides for t in side.bounds()]
            times += (
                [int(with_floats[:, FIRST_TIME].min()), int(self._newest(with_floats))]
                if len(with_floats)
                else []
            )
            return StoreStats(
                series=len(with_floats) + only_side,
                samples=int(with_floats[:, COUNT].sum()) + sum(len(side) for side in sides),
                chunks=int(self._head.arrays.cursor[N_CHUNKS]),
                bytes=0,
                min_time=min(times, default=None),
                max_time=max(times, default=None),
            )

    @staticmethod
    def _newest(meta: NDArray[np.int64]) -> int:
        return int(meta[:, LAST_TIME].max())

    # The log

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed

    def _submit(self, type_: RecordType, payload: bytes) -> Ticket:
        """Give a record its turn; the lock is held, so that the order here is the order in the log."""
        if self._log is None:
            raise AssertionError("BUG: written to before the replay was over")
        ticket = self._log.submit(self.number, type_, payload)
        self._under_way.append(ticket)
        return ticket

    def _when_durable(
        self,
        ticket: Ticket,
        apply: Callable[[], Applied],
        *,
        on_end: Callable[[bool], None] | None = None,
    ) -> Applied:
        """Wait until the record is durable and those before it are applied, then apply it."""
        if self._log is None:
            raise AssertionError("BUG: written to before the replay was over")
        durable = False
        try:
            self._log.wait(ticket)
            durable = True
            with self._turn:
                self._turn.wait_for(lambda: self._under_way[0] is ticket)
                self.applied_sequence = ticket.sequence
                return apply()
        finally:
            with self._turn:
                if on_end is not None:
                    on_end(durable)
                self._under_way.remove(ticket)
                self._turn.notify_all()

    # Applying

    def _apply_series(self, refs: NDArray[np.int64], keys: Sequence[bytes]) -> NDArray[np.int64]:
        given = self._head.add_series(refs, keys)
        # Another writer made the same series first: the slot reserved here is free again.
        self._head.series.give_back([slot_of(int(ref)) for ref in refs[given != refs]])
        return given

    def _apply_samples(
        self, floats: FloatRows, histograms: EncodedHistograms, *, overwrite: bool
    ) -> tuple[list[Conflict], list[Conflict]]:
        return (
            self._head.append_floats(floats, overwrite=overwrite),
            self._head.append_histograms(histograms, overwrite=overwrite),
        )

    def _apply_delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> None:
        self._head.delete(self._match(selectors), start_ms, end_ms)

    def _apply_exemplars(self, rows: Sequence[tuple[int, Exemplar]]) -> int:
        known = self._head.knows(np.array([ref for ref, _ in rows], dtype=np.int64)).tolist()
        return sum(
            self._exemplars.put(slot_of(ref), exemplar)
            for (ref, exemplar), is_known in zip(rows, known, strict=True)
            if is_known
        )

    def _match(self, selectors: Sequence[Sequence[Matcher]]) -> NDArray[np.int64]:
        """Return the slots that match any selector, each once."""
        found = [self._head.index.match(matchers) for matchers in selectors or [()]]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    # Refusals

    def _wanted_series(
        self, keys: Sequence[bytes], rows: Sequence[int]
    ) -> tuple[dict[bytes, int], list[Rejection]]:
        """Return the distinct new keys that the limits allow, and a refusal for every row of the others."""
        if self.options is None:
            raise AssertionError("BUG: written to before the project gave its options")
        wanted: dict[bytes, int] = {}
        rejections = []
        known = self._head.series.n_live + self._reserved
        for row in rows:
            if keys[row] in wanted:
                continue
            refusal = refuse_labels(row, keys[row], known + len(wanted), self.options.limits)
            if refusal is None:
                wanted[keys[row]] = row
            else:
                rejections.append(refusal)
        return wanted, rejections

    def _refused_series(self, refs: NDArray[np.int64], rejections: list[Rejection]) -> Resolution:
        self._metrics.refused(self.name, rejections)
        return Resolution(refs, tuple(rejections))

    def _end_reservation(self, refs: NDArray[np.int64], *, durable: bool) -> None:
        self._reserved -= len(refs)
        if not durable:
            self._head.series.give_back([slot_of(int(ref)) for ref in refs])

    def _oldest_ms(self) -> int | None:
        """Return the oldest time that retention keeps; None when it keeps all."""
        if self.options is None:
            raise AssertionError("BUG: written to before the project gave its options")
        return self._clock.now_ms() - self.options.retention_ms if self.options.retention_ms else None

    def _refuse_old(self, row: int, timestamp: int, oldest_ms: int) -> Rejection:
        return refuse_old(row, timestamp, oldest_ms, self.options.retention_ms if self.options else 0)

    def _float_rows(
        self, batch: SampleBatch, refused: list[Rejection]
    ) -> tuple[FloatRows, NDArray[np.int64]]:
        """Return the float rows that may be stored as columns, and which rows of the batch they are."""
        starts = _NO_INTS if batch.starts is None or not batch.starts.any() else batch.starts
        columns = FloatRows(
            np.ascontiguousarray(batch.refs, dtype=np.int64),
            np.ascontiguousarray(batch.timestamps, dtype=np.int64),
            np.ascontiguousarray(batch.values, dtype=np.float64).view(np.int64),
            np.ascontiguousarray(starts, dtype=np.int64),
        )
        oldest = self._oldest_ms()
        rows = np.arange(len(batch.refs))
        if oldest is None or not len(rows) or int(columns.times.min()) >= oldest:
            return columns, rows
        kept = columns.times >= oldest
        refused += [self._refuse_old(row, int(columns.times[row]), oldest) for row in rows[~kept].tolist()]
        return FloatRows(*(c[kept] if len(c) else c for c in columns)), rows[kept]

    def _encode_histograms(
        self, batch: HistogramRows, first_row: int
    ) -> tuple[list[Rejection], EncodedHistograms, list[int]]:
        """Return refusals, the histograms that may be stored, and which rows of the batch they are."""
        oldest = self._oldest_ms()
        refused: list[Rejection] = []
        rows: list[int] = []
        for i, (ref, time, value) in enumerate(
            zip(batch.refs.tolist(), batch.timestamps.tolist(), batch.values, strict=True)
        ):
            fault = histogram_fault(value)
            if fault is not None:
                labels = self._labels_of(ref)
                refused.append(refuse_histogram(first_row + i, labels, HistogramFault(time, fault)))
            elif oldest is not None and time < oldest:
                refused.append(self._refuse_old(first_row + i, time, oldest))
            else:
                rows.append(i)
        starts = _NO_INTS if batch.starts is None or not batch.starts.any() else batch.starts[rows]
        encoded = EncodedHistograms(
            batch.refs[rows],
            batch.timestamps[rows],
            [encode_histogram(batch.values[i]) for i in rows],
            starts,
        )
        return refused, encoded, [first_row + i for i in rows]

    def _labels_of(self, ref: int) -> dict[str, str]:
        with self._lock:
            if not self._head.knows(np.array([ref], dtype=np.int64))[0]:
                return {}
            return key_labels(self._head.series.key(slot_of(ref)))

    def _refusals(
        self,
        floats: list[Conflict],
        histograms: list[Conflict],
        float_rows: NDArray[np.int64],
        histogram_rows: Sequence[int],
    ) -> list[Rejection]:
        rows = [(int(float_rows[c.row]), c) for c in floats] + [
            (histogram_rows[c.row], c) for c in histograms
        ]
        return [self._refusal(row, conflict) for row, conflict in rows]

    def _refusal(self, row: int, conflict: Conflict) -> Rejection:
        if conflict.known is None:
            return refuse_reference(row, conflict.ref)
        labels = key_labels(self._head.series.key(conflict.slot))
        return refuse_duplicate(row, labels, conflict.known, conflict.received)
