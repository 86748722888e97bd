"""
One project's series: the `ProjectStore` that logs, then applies.

Every change is a record of the log first. Once it is durable it is applied, in the order of the log, so that a replay of the same
records gives the same state, refusals included. The parts share one `Memory`, which says what its two locks are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.tsdb.applying import Applying
from bongsu.tsdb.memory import Memory
from bongsu.tsdb.reading import Reading
from bongsu.tsdb.turns import Turns
from bongsu.tsdb.upkeep import Upkeep
from bongsu.tsdb.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar, MetricMetadata, SampleBatch
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import (
        AppendResult,
        Changes,
        ExemplarRows,
        Resolution,
        Selection,
        StoreOptions,
        StoreStats,
    )
    from bongsu.tsdb.block import BlockMeta
    from bongsu.tsdb.log import CommitLog
    from bongsu.tsdb.metrics import StoreMetrics


class Database:
    """
    The store of one project.

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
        self._memory = Memory(folder, clock=clock, told=told)
        self._turns = Turns(number, self._memory.lock, self._memory.progress.note_applied)
        self._applying = Applying(self._memory, want_upkeep)
        self._writing = Writing(self._memory, self._turns, self._applying, project=name, metrics=metrics)
        self._upkeep = Upkeep(self._memory, self._turns, folder=folder, clock=clock)
        self._reading = Reading(self._memory)

    # Life

    @property
    def options(self) -> StoreOptions | None:
        """What the project asks of its store; None until it is first asked for."""
        return self._memory.options

    @options.setter
    def options(self, options: StoreOptions) -> None:
        self._memory.options = options

    @property
    def saved_sequence(self) -> int:
        """The last record of the log that the checkpoint holds."""
        return self._memory.progress.saved

    def start(self, log: CommitLog) -> None:
        """Take writes from now on; the replay is over."""
        if self._memory.state is not None:
            self._memory.state.head.series.find_free_slots()
        self._turns.start(log)

    def replay(self, type_: int, sequence: int, payload: memoryview) -> None:
        """Apply one record of the log."""
        self._applying.replay(type_, sequence, payload)

    def close(self) -> None:
        """Refuse writes from now on, and everything once those under way have ended: what is durable is applied and acknowledged."""
        with self._memory.upkeep, self._memory.lock:
            self._turns.end()
            self._memory.closed = True
            self._memory.state = None

    # Upkeep: any of these at any time, from any thread

    def held_sequence(self) -> int | None:
        """Return the oldest record of the log that is nowhere else; None when the log may go."""
        return self._upkeep.held_sequence()

    def head_bytes(self) -> int:
        """Return about what a checkpoint would take."""
        return self._upkeep.head_bytes()

    def flush(self) -> bool:
        """Write old samples of the head into blocks, if it is time; tell whether, so that a checkpoint is worth its while."""
        return self._upkeep.flush()

    def save(self, *, settled: int = 0) -> None:
        """Write a checkpoint if the log has more than the last one; it has all records up to `settled`."""
        self._upkeep.save(settled=settled)

    def tidy(self) -> None:
        """Merge blocks, let go of what is too old or damaged."""
        self._upkeep.tidy()

    def sleep_if_idle(self) -> None:
        """Leave memory when nobody has asked for anything for a while; the next call loads again."""
        self._upkeep.sleep_if_idle()

    def verify(self) -> None:
        """Check every checksum of every block; damaged ones are set aside and told."""
        self._upkeep.verify()

    def snapshot(self, target: Path) -> None:
        """Make `target` a folder with all data of the project, by hard links: it costs no room until something changes here."""
        self._upkeep.snapshot(target)

    def clean(self) -> None:
        """Write the blocks that have deletions anew, without what was deleted."""
        self._upkeep.clean()

    # Writing

    def resolve(self, keys: Sequence[bytes]) -> Resolution:
        """Return a reference for every series key; new series are in the log before this returns."""
        return self._writing.resolve(keys)

    def append(self, batch: SampleBatch) -> AppendResult:
        """Write a batch and return when it is durable."""
        return self._writing.append(batch)

    def put_metadata(self, entries: Sequence[MetricMetadata]) -> None:
        """Keep type, help and unit of metrics; what is known already costs nothing."""
        self._writing.put_metadata(entries)

    def put_exemplars(self, refs: Sequence[int], exemplars: Sequence[Exemplar]) -> int:
        """Keep one exemplar per reference; return how many were new."""
        return self._writing.put_exemplars(refs, exemplars)

    def delete(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> int:
        """Hide the samples of the matching series in the range, durably."""
        return self._writing.delete(selectors, start_ms, end_ms)

    # Reading

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        return self._reading.metadata()

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        return self._reading.exemplars(selectors, start_ms, end_ms)

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
        return self._reading.changes(since)

    def block_metas(self) -> list[BlockMeta]:
        """Return what each block says of itself, lowest rank first."""
        return self._reading.block_metas()

    def stats(self) -> StoreStats:
        """Return the size of the store; `series` are those of the head, the active ones, unless it has none."""
        return self._reading.stats()
