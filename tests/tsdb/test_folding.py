"""Folding a head changes what it takes, and nothing that anybody can see."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from tests.support.stores import EVER, KEEP_ALL, Row, a_histogram, found, open_tsdb, write_rows

from bongsu.kernels.head import ARENA_USED, N_CHUNKS
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import Reason
from bongsu.tsdb import folding
from bongsu.tsdb.dropping import Dropping
from bongsu.tsdb.folding import fold, is_worthwhile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bongsu.tsdb.head import Head

BEGIN = 1_700_000_000_000
SERIES = [{"__name__": "up", "i": str(i)} for i in range(20)]
BESIDE = {"__name__": "with", "histogram": "yes"}


def rows_of(labels: dict[str, str], *, late: bool) -> list[Row]:
    """Return samples at 15 s, or those between them."""
    offset = 7_000 if late else 0
    return [Row(labels, BEGIN + 15_000 * i + offset, i / 4, start=BEGIN * (i % 3)) for i in range(700)]


def sizes(head: Head) -> tuple[int, int, int]:
    """Return chunks, their bytes, and late samples."""
    return int(head.arrays.cursor[N_CHUNKS]), int(head.arrays.cursor[ARENA_USED]), len(head.side)


def test_folded_head_holds_the_same_in_less(tmp_path: Path) -> None:
    store = open_tsdb(tmp_path, clock=ManualClock(BEGIN + 3 * 3_600_000))
    project = store.project("one", KEEP_ALL)
    for labels in SERIES:
        write_rows(project, rows_of(labels, late=False))
        write_rows(project, rows_of(labels, late=True))
    write_rows(project, [Row(BESIDE, BEGIN, a_histogram()), Row(BESIDE, BEGIN + 1, 1.0)])
    before = found(project)
    head = project._memory.open().head
    chunks, _, late = sizes(head)

    with project.select([], *EVER) as selection:
        fold(head, project._memory.lock)
        view = selection.chunks(0, len(selection.labels))  # frozen: what it reads is still there

    assert before == found(project)
    assert (
        len(SERIES) * 699 + 1 == late
    )  # the last of the others is newer than all, and a histogram is late by itself
    assert chunks / 3 > sizes(head)[0]
    assert 8 * len(SERIES) * 1400 > sizes(head)[1]  # half of what times and values take as they are
    assert 1 == sizes(head)[2]  # the histogram
    assert view.count.sum() == len(SERIES) * 1400 + 2
    again = [row for labels in SERIES for row in rows_of(labels, late=True)]
    assert 0 == len(write_rows(project, again).rejections)
    assert before == found(project)
    assert 0 == np.count_nonzero(head.side.table())
    different = [Row(SERIES[3], BEGIN + 15_000 * 5 + 7_000, 99.0), Row(SERIES[3], BEGIN + 15_000 * 5, 98.0)]
    assert [Reason.DUPLICATE_TIMESTAMP] * 2 == [r.reason for r in write_rows(project, different).rejections]
    store.close()
    store = open_tsdb(tmp_path, clock=ManualClock(BEGIN + 3 * 3_600_000))
    assert before == found(store.project("one", KEEP_ALL))
    store.close()


def test_upkeep_folds_many_late_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MANY_LATE", 99)
    store = open_tsdb(tmp_path, clock=ManualClock(BEGIN))
    project = store.project("one", KEEP_ALL)
    now = [Row(SERIES[0], BEGIN - 15_000 * i, float(i)) for i in range(100, 0, -1)]
    write_rows(project, now)
    write_rows(project, [Row(SERIES[0], row.timestamp + 1, 1.0) for row in now])
    before = found(project)
    assert is_worthwhile(project._memory.open().head)

    store.upkeep()

    assert 0 == len(project._memory.open().head.side)
    assert before == found(project)
    assert not is_worthwhile(project._memory.open().head)
    store.close()


def test_what_a_fold_leaves_is_not_folded_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "MANY_LATE", 100)
    store = open_tsdb(tmp_path, clock=ManualClock(BEGIN))
    project = store.project("one", KEEP_ALL)
    write_rows(project, [Row(BESIDE, BEGIN - i, a_histogram()) for i in range(100)])
    head = project._memory.open().head
    assert is_worthwhile(head)

    fold(head, project._memory.lock)

    assert 100 == len(head.side)  # histograms stay beside
    assert not is_worthwhile(head)
    store.close()


def test_newest_time_that_went_to_a_block_still_judges(tmp_path: Path) -> None:
    """A replay does not fold: what it takes and refuses must be the same with and without."""
    store = open_tsdb(tmp_path, clock=ManualClock(BEGIN))
    project = store.project("one", KEEP_ALL)
    head = project._memory.open().head
    write_rows(project, [Row(SERIES[0], BEGIN - 10, 1.0)])
    frozen = head.begin_flush(BEGIN)
    write_rows(project, [Row(SERIES[0], BEGIN - 20, 2.0)])
    dropping = Dropping(head.arenas, BEGIN)
    dropping.copy()
    dropping.end()
    head.drop_side(frozen)

    fold(head, threading.Lock())

    assert [] == head.side.table().tolist()
    write_rows(project, [Row(SERIES[0], BEGIN - 15, 4.0), Row(SERIES[0], BEGIN - 9, 5.0)])
    assert [BEGIN - 15] == head.side.table()[:, 1].tolist()
    store.close()
