"""What is read of one database: selections, label look-ups, annotations, sizes; the lock is held for the head's part only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.kernels.head import N_CHUNKS
from bongsu.kernels.identity import HASH_HIGH, HASH_LOW
from bongsu.storage.contract import ExemplarRows, StoreStats
from bongsu.tsdb.head_selection import chunks_in_head
from bongsu.tsdb.selection import SelectedPart, TsdbSelection, merge_labels
from bongsu.tsdb.tidy import follow_each_other, join, tidy_selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import MetricMetadata
    from bongsu.storage.contract import Changes, Selection
    from bongsu.tsdb.block import BlockMeta
    from bongsu.tsdb.head import Head
    from bongsu.tsdb.memory import Memory
    from bongsu.tsdb.tidy import TidySelection


class Reading:
    """
    What readers ask of one database.

    The list of blocks is taken under the lock that the head is looked at with, so that a flush has moved its samples in both or in
    neither; blocks are read after that, with the lock free.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the matching series that may have samples in the range."""
        tidy = self._tidy(matchers, start_ms, end_ms)
        return self._merged(matchers, start_ms, end_ms) if tidy is None else tidy

    def _tidy(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> TidySelection | None:
        """Return a selection without anything that has to be merged; None where there may be such."""
        with self._memory.lock:
            state = self._memory.open()
            members, labels = state.head.index.known(matchers)
            newest = None if labels is None else chunks_in_head(state.head, members, start_ms, end_ms)
            if labels is None or newest is None:
                return None
            blocks = state.shelf.touched(start_ms, end_ms)
            if not blocks:
                return tidy_selection(labels, newest)
            known = state.known.find(matchers, blocks, members)
            identity = _identity(state.head, members) if known is None else None
        if not follow_each_other(blocks):
            return None
        if identity is not None:
            known = state.known.learn(matchers, blocks, members, labels, identity)
        chunks = None if known is None else join(known, blocks, newest, start_ms, end_ms)
        return None if known is None or chunks is None else tidy_selection(known.labels, chunks)

    def _merged(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> TsdbSelection:
        with self._memory.lock:
            state = self._memory.open()
            matched, labels = state.head.index.known(matchers)
            slots = state.head.with_samples(matched, start_ms, end_ms)
            if labels is None or len(slots) < len(matched):
                labels = state.head.index.columns(slots)
            newest = SelectedPart(
                labels, _identity(state.head, slots), state.head.snapshot(slots, start_ms, end_ms)
            )
            blocks = state.shelf.blocks
        older = state.shelf.parts([matchers], start_ms, end_ms, blocks)
        return TsdbSelection([*older, newest] if len(slots) or not older else older, start_ms, end_ms)

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series, each once."""
        return merge_labels(self._labels(selectors, start_ms, end_ms))

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        with self._memory.lock:
            state = self._memory.open()
            head, index = state.head, state.head.index
            slots = index.match_any(selectors) if selectors else index.members()
            groups = head.used_codes(slots, index.group_of_member, len(index.groups), start_ms, end_ms)
            names = {name for number in groups.tolist() for name in index.groups[number].names}
            blocks = state.shelf.blocks
        for block, rows in state.shelf.rows(selectors, start_ms, end_ms, blocks):
            names |= block.names(rows)
        return sorted(names)

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the sorted values of one label in the matching series."""
        with self._memory.lock:
            state = self._memory.open()
            head, index = state.head, state.head.index
            values: set[str] = set()
            if name in index.dictionaries:
                slots = index.match_any(selectors) if selectors else index.members()
                texts = index.dictionaries[name].array()
                used = head.used_codes(slots, index.codes(name), len(texts), start_ms, end_ms)
                values.update(texts[used].tolist())
            blocks = state.shelf.blocks
        for block, rows in state.shelf.rows(selectors, start_ms, end_ms, blocks):
            column = block.column(name, rows)
            if column is not None:
                values.update(column.compacted().values.tolist())
        return sorted(values)

    def metadata(self) -> Mapping[str, Sequence[MetricMetadata]]:
        """Return what is known of each metric name."""
        with self._memory.lock:
            return self._memory.open().metadata.all()

    def exemplars(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> ExemplarRows:
        """Return the exemplars of the matching series in the range."""
        with self._memory.lock:
            state = self._memory.open()
            # A checkpoint may still have those that upkeep has retired since.
            oldest = self._memory.oldest_ms()
            start_ms = start_ms if oldest is None else max(start_ms, oldest)
            return ExemplarRows(*state.exemplars.find(selectors, start_ms, end_ms))

    def changes(self, since: int | None) -> Changes:
        """Return what changed since an earlier look."""
        with self._memory.lock:
            self._memory.open()
            return self._memory.changes.since(since)

    def block_metas(self) -> list[BlockMeta]:
        """Return what each block says of itself, lowest rank first."""
        with self._memory.lock:
            return [block.meta for block in self._memory.open().shelf.blocks]

    def stats(self) -> StoreStats:
        """Return the size of the store; `series` are those of the head, the active ones, unless it has none."""
        with self._memory.lock:
            state = self._memory.open()
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

    def _labels(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[LabelColumns, NDArray[np.int64]]]:
        """Return labels and identities of the matching series, of each block and of the head."""
        with self._memory.lock:
            state = self._memory.open()
            head, index = state.head, state.head.index
            matched, known = (
                index.known(selectors[0]) if len(selectors) == 1 else (index.match_any(selectors), None)
            )
            slots = head.with_samples(matched, start_ms, end_ms)
            labels = index.columns(slots) if known is None or len(slots) < len(matched) else known
            identity = _identity(head, slots)
            blocks = state.shelf.blocks
        older = list(state.shelf.rows(selectors, start_ms, end_ms, blocks))
        return [*((block.labels(rows), block.identity[rows]) for block, rows in older), (labels, identity)]


def _identity(head: Head, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return both halves of the key's hash of each slot."""
    return head.series.identity[slots][:, [HASH_LOW, HASH_HIGH]]
