"""
Records of the log on their way into memory, those of a replay and those that were written a moment ago.

Both go the same way, in the order of the log, so that a replay gives the same state, refusals included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.tsdb.folding import MANY_LATE
from bongsu.tsdb.late import slot_of, slots_of
from bongsu.tsdb.records import (
    RecordType,
    unpack_delete,
    unpack_exemplars,
    unpack_metadata,
    unpack_samples,
    unpack_series,
    unpack_wide_samples,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bongsu.model.matchers import Matcher
    from bongsu.model.samples import Exemplar
    from bongsu.tsdb.keys import Keys
    from bongsu.tsdb.late import Conflict
    from bongsu.tsdb.memory import Memory
    from bongsu.tsdb.records import EncodedHistograms, FloatRows

TOO_MANY_LATE = 4 * MANY_LATE
"""So many late samples, some 180 MB, don't wait for the next upkeep; fewer do, since blocks are better written from many."""


class Applying:
    """
    What records do to the memory of one database; the lock is held around every call but `replay`, which nobody is beside.

    Parameters
    ----------
    want_upkeep
        Called when upkeep should not wait for its time; may be called often.
    """

    def __init__(self, memory: Memory, want_upkeep: Callable[[], None]) -> None:
        self._memory = memory
        self._want_upkeep = want_upkeep

    def replay(self, type_: int, sequence: int, payload: memoryview) -> None:
        """Apply one record of the log."""
        state = self._memory.open()
        match type_:
            case RecordType.SERIES:
                state.head.add_series(*unpack_series(payload))
            case RecordType.SAMPLES | RecordType.WIDE_SAMPLES:
                unpack = unpack_samples if type_ == RecordType.SAMPLES else unpack_wide_samples
                floats, histograms, overwrite = unpack(payload)
                self.samples(floats, histograms, overwrite=overwrite)
            case RecordType.DELETE:
                selectors, start_ms, end_ms = unpack_delete(payload)
                self.deletion(selectors, start_ms, end_ms)
                state.shelf.delete(selectors, start_ms, end_ms, sequence=sequence)
            case RecordType.METADATA:
                state.metadata.put(unpack_metadata(payload))
            case RecordType.EXEMPLARS:
                self.exemplars(unpack_exemplars(payload))
            case _:
                raise ValueError(f"record of unknown type {type_}")
        self._memory.progress.note_applied(sequence)

    def series(self, refs: NDArray[np.int64], keys: Keys) -> NDArray[np.int64]:
        """Make series with reserved references; return the reference of every key."""
        head = self._memory.open().head
        given = head.add_series(refs, keys)
        # Another writer made the same series first: the slot reserved here is free again.
        head.series.give_back(slots_of(refs[given != refs]))
        return given

    def samples(
        self, floats: FloatRows, histograms: EncodedHistograms, *, overwrite: bool
    ) -> tuple[list[Conflict], list[Conflict]]:
        """Write samples; return the float rows and the histogram rows that were not written."""
        for times in (floats.times, histograms.times):
            if len(times):
                self._memory.changes.note(int(times.min()))
        head = self._memory.open().head
        conflicts = (
            head.append_floats(floats, overwrite=overwrite),
            head.append_histograms(histograms, overwrite=overwrite),
        )
        if len(head.side) >= TOO_MANY_LATE:
            self._want_upkeep()
        return conflicts

    def deletion(self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> None:
        """Remove the head's samples of the matching series in the range; those of blocks are hidden by the shelf."""
        self._memory.changes.note(start_ms)
        head = self._memory.open().head
        head.delete(head.index.match_any(selectors), start_ms, end_ms)

    def exemplars(self, rows: Sequence[tuple[int, Exemplar]]) -> int:
        """Keep exemplars of references that are known; return how many were new."""
        state = self._memory.open()
        known = state.head.knows(np.array([ref for ref, _ in rows], dtype=np.int64)).tolist()
        return sum(
            state.exemplars.put(state.head.series.key(slot_of(ref)), exemplar)
            for (ref, exemplar), is_known in zip(rows, known, strict=True)
            if is_known
        )
