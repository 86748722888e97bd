"""Matching series that are remembered, over blocks and the head: the same as found anew, whatever happens in between."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.support.stores import (
    EVER,
    KEEP_ALL,
    Row,
    a_histogram,
    equals,
    expected,
    found,
    open_tsdb,
    write_rows,
)

from bongsu.runtime.clock import ManualClock
from bongsu.tsdb.tidy import TidySelection

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bongsu.tsdb import TsdbStore
    from bongsu.tsdb.database import Database
    from bongsu.tsdb.known_series import SeriesMemory

HOUR = 3_600_000
NOW = 1_700_000_000_000 // (72 * HOUR) * (72 * HOUR)

ENDED = {"__name__": "up", "job": "ended"}
GOES_ON = {"__name__": "up", "job": "goes on"}
NEW = {"__name__": "up", "job": "new"}
OTHER = {"__name__": "load"}
UP = equals("__name__", "up")


def each_minute(labels: dict[str, str], first_hour: float, last_hour: float) -> list[Row]:
    """Return a sample a minute between two hours."""
    minutes = range(int(60 * first_hour), int(60 * last_hour))
    return [Row(labels, NOW + 60_000 * minute, float(minute % 89)) for minute in minutes]


def with_blocks(folder: Path) -> tuple[TsdbStore, Database, list[Row]]:
    """Return a store with some blocks and a head, its project, and what is in it."""
    store = open_tsdb(folder, clock=ManualClock(NOW + int(9.5 * HOUR)))
    project = store.project("one", KEEP_ALL)
    rows = [*each_minute(ENDED, 0, 3), *each_minute(GOES_ON, 0, 9), *each_minute(OTHER, 2, 9)]
    write_rows(project, rows)
    store.upkeep()
    assert len(project.block_metas()) > 1
    return store, project, rows


def named_up(rows: list[Row]) -> list[Row]:
    """Return the samples of one metric."""
    return [row for row in rows if row.labels["__name__"] == "up"]


def test_selection_over_blocks_and_head_is_handed_out_where_it_lies(tmp_path: Path) -> None:
    store, project, rows = with_blocks(tmp_path)
    with contextlib.closing(store):
        with project.select([UP], *EVER) as first, project.select([UP], *EVER) as second:
            assert isinstance(first, TidySelection)
            assert first.labels is second.labels
        assert expected(*named_up(rows)) == found(project, UP)
        hour = (NOW + HOUR, NOW + 2 * HOUR)
        inside = [row for row in named_up(rows) if hour[0] <= row.timestamp <= hour[1]]
        assert expected(*inside) == found(project, UP, start_ms=hour[0], end_ms=hour[1])
        with project.select([UP], NOW + 4 * HOUR, NOW + 9 * HOUR) as later:
            assert [GOES_ON] == later.labels.maps()
        assert [] == store.project("two", KEEP_ALL).select([UP], *EVER).labels.maps()


def test_series_that_come_and_blocks_that_change_are_seen(tmp_path: Path) -> None:
    store, project, rows = with_blocks(tmp_path)
    with contextlib.closing(store):
        assert expected(*named_up(rows)) == found(project, UP)

        more = [*each_minute(NEW, 9, 13), *each_minute(GOES_ON, 9, 13)]
        write_rows(project, more)
        assert expected(*named_up(rows), *more) == found(project, UP)

        store._clock._now_ms = float(NOW + 13 * HOUR)  # type: ignore[attr-defined]
        before = project.block_metas()
        store.upkeep()
        assert before != project.block_metas()
        assert expected(*named_up(rows), *more) == found(project, UP)


def test_what_has_to_be_merged_is_merged_though_the_series_are_known(tmp_path: Path) -> None:
    store, project, rows = with_blocks(tmp_path)
    with contextlib.closing(store):
        assert expected(*named_up(rows)) == found(project, UP)

        late = Row(GOES_ON, NOW + HOUR + 1, 5.0)
        write_rows(project, [late])
        assert expected(*named_up(rows), late) == found(project, UP)

        histogram = Row(GOES_ON, NOW + 9 * HOUR, a_histogram())
        write_rows(project, [histogram])
        assert expected(*named_up(rows), late, histogram) == found(project, UP)

        project.delete([[equals("job", "ended")]], NOW, NOW + HOUR)
        kept = [row for row in named_up(rows) if row.labels is not ENDED or row.timestamp > NOW + HOUR]
        assert expected(*kept, late, histogram) == found(project, UP)


def test_samples_of_a_block_that_the_head_has_again_are_merged(tmp_path: Path) -> None:
    store, project, rows = with_blocks(tmp_path)
    with contextlib.closing(store):
        again = Row(GOES_ON, NOW + 2 * HOUR, 1_000.0)
        write_rows(project, [again])

        kept = [row for row in named_up(rows) if (row.labels, row.timestamp) != (GOES_ON, again.timestamp)]
        assert expected(*kept, again) == found(project, UP)


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bongsu.tsdb.known_series._MOST_ROWS", 3)
    store, project, rows = with_blocks(tmp_path)
    with contextlib.closing(store):
        memory: SeriesMemory = project._memory.open().known
        for _ in range(2):
            assert expected(*named_up(rows)) == found(project, UP)
            assert expected(*rows) == found(project)
            assert 1 == len(memory._entries)
        monkeypatch.setattr("bongsu.tsdb.known_series._LARGEST_ROWS", 0)
        assert expected(*named_up(rows)) == found(project, UP)
