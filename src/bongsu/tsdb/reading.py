"""Selections and label look-ups over head and blocks; the lock is held for the head's part only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.kernels.identity import HASH_HIGH, HASH_LOW
from bongsu.tsdb.head_selection import HeadSelection, select_in_head
from bongsu.tsdb.selection import SelectedPart, TsdbSelection, merge_labels

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.model.matchers import Matcher
    from bongsu.tsdb.state import State


class Reading:
    """
    What readers ask of one database.

    Parameters
    ----------
    lock
        The database's lock.
    open_state
        Returns what is in memory, loaded if need be; called with the lock held.
    """

    def __init__(self, lock: threading.Lock, open_state: Callable[[], State]) -> None:
        self._lock = lock
        self._open = open_state

    def select(
        self, matchers: Sequence[Matcher], start_ms: int, end_ms: int
    ) -> TsdbSelection | HeadSelection:
        """Return the matching series that may have samples in the range."""
        with self._lock:
            state = self._open()
            matched, labels = state.head.index.known(matchers)
            if labels is not None and not state.shelf.touches(start_ms, end_ms):
                found = select_in_head(state.head, matched, labels, start_ms, end_ms)
                if found is not None:
                    return found
            slots = state.head.with_samples(matched, start_ms, end_ms)
            if labels is None or len(slots) < len(matched):
                labels = state.head.index.columns(slots)
            newest = SelectedPart(
                labels,
                state.head.series.identity[slots][:, [HASH_LOW, HASH_HIGH]],
                state.head.snapshot(slots, start_ms, end_ms),
            )
            # Taken under the same lock: a flush moves samples from one to the other at once.
            blocks = state.shelf.blocks
        older = state.shelf.parts([matchers], start_ms, end_ms, blocks)
        return TsdbSelection([*older, newest] if len(slots) or not older else older, start_ms, end_ms)

    def series(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> LabelColumns:
        """Return the label sets of the matching series, each once."""
        return merge_labels(self._labels(selectors, start_ms, end_ms))

    def label_names(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> list[str]:
        """Return the sorted label names of the matching series."""
        with self._lock:
            state = self._open()
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
        with self._lock:
            state = self._open()
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

    def _labels(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[LabelColumns, NDArray[np.int64]]]:
        """Return labels and identities of the matching series, of each block and of the head."""
        with self._lock:
            state = self._open()
            head, index = state.head, state.head.index
            matched, known = (
                index.known(selectors[0]) if len(selectors) == 1 else (index.match_any(selectors), None)
            )
            slots = head.with_samples(matched, start_ms, end_ms)
            labels = index.columns(slots) if known is None or len(slots) < len(matched) else known
            identity = head.series.identity[slots][:, [HASH_LOW, HASH_HIGH]]
            blocks = state.shelf.blocks
        older = list(state.shelf.rows(selectors, start_ms, end_ms, blocks))
        return [*((block.labels(rows), block.identity[rows]) for block, rows in older), (labels, identity)]
