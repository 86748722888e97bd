"""Blocks, merges, retention, checkpoints, sleep: what upkeep does changes nothing that a reader sees, but for what is too old."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from typing import TYPE_CHECKING

import pytest
from tests.support.stores import (
    EVER,
    KEEP_ALL,
    Row,
    a_histogram,
    equals,
    expected,
    found,
    matches,
    open_tsdb,
    write_rows,
)

from bongsu.model.labels import series_key
from bongsu.model.samples import Exemplar, MetricMetadata
from bongsu.runtime.clock import ManualClock
from bongsu.storage.contract import Reason, StoreOptions
from bongsu.tsdb import applying, upkeep
from bongsu.tsdb import store as store_module

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.tsdb import TsdbStore
    from bongsu.tsdb.database import Database

HOUR = 3_600_000
NOW = 1_700_000_000_000 // (72 * HOUR) * (72 * HOUR)
"""The start of everything written here: aligned, so that blocks begin with it."""

UP = {"__name__": "up", "job": "a", "instance": "one"}
DOWN = {"__name__": "up", "job": "b"}
LOAD = {"__name__": "load", "instance": "one"}


def open_at(folder: Path, hours: float, **options: object) -> TsdbStore:
    """Open a store whose clock stands some hours after the start."""
    return open_tsdb(folder, clock=ManualClock(NOW + int(hours * HOUR)), **options)


def every_minute(labels: dict[str, str], hours: float, *, first_hour: float = 0.0) -> list[Row]:
    """Return a sample a minute."""
    first = int(first_hour * 60)
    return [Row(labels, NOW + 60_000 * i, float(i % 97)) for i in range(first, first + int(hours * 60))]


def database(store: TsdbStore) -> Database:
    """Return the project that the tests here use."""
    return store.project("one", KEEP_ALL)


def test_backfill_that_went_on_after_the_blocks_of_its_time_moves_to_blocks_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each query would merge it with what is in the blocks, until the next blocks are due."""
    monkeypatch.setattr(upkeep, "MUCH_OLD", 100)
    begun, more = every_minute(LOAD, 1.5), every_minute(LOAD, 6, first_hour=1.5)
    with contextlib.closing(open_at(tmp_path, 7.5)) as store:
        project = database(store)
        write_rows(project, [*begun, Row(UP, NOW + 7 * HOUR, 1.0)])
        store.upkeep()
        write_rows(project, more[:200])
        store.upkeep()
        write_rows(project, more[200:])
        store.upkeep()
        assert [NOW + 89 * 60_000] == [meta.max_time for meta in project.block_metas()]
        before = found(project)

        store.upkeep()

        metas = sorted(project.block_metas(), key=lambda meta: meta.min_time)
        assert 360 == sum(meta.samples for meta in metas)
        assert all(one.max_time < other.min_time for one, other in itertools.pairwise(metas))
        assert expected(*begun, *more, Row(UP, NOW + 7 * HOUR, 1.0)) == before == found(project)
        store.upkeep()
        store.upkeep()
        assert metas == sorted(project.block_metas(), key=lambda meta: meta.min_time)


def test_old_samples_move_to_blocks_and_are_found_there(tmp_path: Path) -> None:
    rows = every_minute(UP, 7.5) + every_minute(DOWN, 1) + every_minute(LOAD, 2, first_hour=5)
    late = [
        Row(UP, NOW + 30_001, 5.0),
        Row(LOAD, NOW + HOUR, a_histogram(), start=NOW),
        Row(DOWN, NOW + 7 * HOUR, 1.0),
    ]
    with contextlib.closing(open_at(tmp_path, 7.5)) as store:
        project = database(store)
        write_rows(project, rows)
        write_rows(project, late)
        before = found(project)
        names = project.label_names([], *EVER)

        store.upkeep()

        assert [1, 0] == [meta.level for meta in sorted(project.block_metas(), key=lambda m: m.min_time)]
        assert expected(*rows, *late) == before == found(project)
        assert names == project.label_names([], *EVER)
        assert ["a", "b"] == project.label_values("job", [], NOW, NOW + HOUR)
        assert expected(*rows[:450], late[0]) == found(
            project, equals("job", "a"), matches("instance", "on.")
        )
        assert len(rows) + len(late) == project.stats().samples
        middle = (NOW + int(1.9 * HOUR), NOW + int(6.1 * HOUR))
        inside = [r for r in [*rows, *late] if middle[0] <= r.timestamp <= middle[1]]
        assert expected(*inside) == found(project, start_ms=middle[0], end_ms=middle[1])

    with contextlib.closing(open_at(tmp_path, 7.5)) as store:
        assert before == found(database(store))


def test_blocks_are_merged_and_sources_go(tmp_path: Path) -> None:
    rows = every_minute(UP, 30) + every_minute(LOAD, 3, first_hour=10)
    with contextlib.closing(open_at(tmp_path, 0)) as store:
        project = database(store)
        for hour in range(30):
            clock_rows = [r for r in rows if r.timestamp // HOUR == NOW // HOUR + hour]
            write_rows(project, clock_rows)
            store._clock._now_ms = float(NOW + (hour + 1) * HOUR)  # type: ignore[attr-defined]
            store.upkeep()

        stats = project.block_metas()
        assert [12, 12, 4] == [round((m.max_time - m.min_time) / HOUR) for m in stats if m.level]
        assert expected(*rows) == found(project)
        assert len(stats) == len(list(tmp_path.glob("projects/*/blocks/*.block")))


def test_late_and_overlapping_data_is_merged_in(tmp_path: Path) -> None:
    rows = every_minute(UP, 8)
    late = [Row(UP, NOW + 30_000 + 60_000 * i, 0.5 + i) for i in range(100)]
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, rows)
        store.upkeep()
        write_rows(project, late)
        write_rows(project, [Row(UP, NOW, 77.0)])  # older than the head: settled by order of arrival
        wanted = expected(*rows[1:], *late, Row(UP, NOW, 77.0))
        assert wanted == found(project)
        write_rows(project, every_minute(UP, 3, first_hour=8))
        store._clock._now_ms = float(NOW + 11 * HOUR)  # type: ignore[attr-defined]

        store.upkeep()

        wanted = expected(*rows[1:], *late, Row(UP, NOW, 77.0), *every_minute(UP, 3, first_hour=8))
        assert wanted == found(project)
        ranges = sorted((m.min_time, m.max_time) for m in project.block_metas())
        assert all(end < start for (_, end), (start, _) in itertools.pairwise(ranges))


def test_deletions_reach_blocks_and_what_comes_later_is_seen(tmp_path: Path) -> None:
    rows = every_minute(UP, 8) + every_minute(DOWN, 8)
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, rows)
        store.upkeep()
        project.delete([[equals("job", "a")]], NOW + HOUR, NOW + 7 * HOUR)
        again = Row(UP, NOW + 2 * HOUR, 3.0)
        write_rows(project, [again])
        kept = [r for r in rows if r.labels is DOWN or not HOUR <= r.timestamp - NOW <= 7 * HOUR]
        assert expected(*kept, again) == found(project)

    with contextlib.closing(open_at(tmp_path, 30)) as store:
        project = database(store)
        assert expected(*kept, again) == found(project)
        write_rows(project, every_minute(DOWN, 4, first_hour=20))
        store.upkeep()
        assert expected(*kept, again, *every_minute(DOWN, 4, first_hour=20)) == found(project)
        assert [] == [m for m in project.block_metas() if not m.level and m.max_time < NOW + 12 * HOUR]


def test_series_deleted_as_a_whole_leaves_the_lists(tmp_path: Path) -> None:
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, every_minute(UP, 8) + every_minute(DOWN, 8))
        store.upkeep()

        project.delete([[equals("job", "a")]], *EVER)

        assert ["b"] == project.label_values("job", [], *EVER)


def test_retention_removes_what_is_too_old(tmp_path: Path) -> None:
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = store.project("one", StoreOptions(retention_ms=100 * HOUR))
        other = store.project("other", KEEP_ALL)
        write_rows(project, every_minute(UP, 8))
        write_rows(other, every_minute(UP, 8))
        store.upkeep()
        store._clock._now_ms = float(NOW + 105 * HOUR)  # type: ignore[attr-defined]
        store.upkeep()

        assert NOW + 4 * HOUR == min(t for t, _, _ in next(iter(found(project).values())))
        assert expected(*every_minute(UP, 8)) == found(other)
        refused = write_rows(project, [Row(UP, NOW + HOUR, 1.0)])
        assert [Reason.OUT_OF_RETENTION] == [r.reason for r in refused.rejections]


def test_retention_by_bytes_removes_the_oldest(tmp_path: Path) -> None:
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, every_minute(UP, 8))
        store.upkeep()
        assert project._memory.state is not None
        sizes = project._memory.state.shelf.bytes
        store.project("one", StoreOptions(retention_ms=0, retention_bytes=sizes - 1))

        store.upkeep()

        assert NOW + 4 * HOUR == project.stats().min_time


def test_ended_series_leave_the_head_and_their_references_end(tmp_path: Path) -> None:
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(
            project,
            every_minute(UP, 8) + [Row({"__name__": "gone", "i": str(i)}, NOW, 1.0) for i in range(500)],
        )
        keys = [series_key({"__name__": "gone", "i": str(i)}) for i in range(500)]
        before = project.resolve(keys).refs.tolist()
        store.upkeep()

        assert 1 == project.stats().series
        assert 500 == len(project.series([[equals("__name__", "gone")]], *EVER))
        after = project.resolve(keys).refs.tolist()
        assert not set(before) & set(after)
        assert 2 == len(found(project, matches("i", "1|2")))
        write_rows(project, [Row({"__name__": "gone", "i": "1"}, NOW + 8 * HOUR, 2.0)])
        assert [2] == [len(s) for s in found(project, equals("i", "1")).values()]


def test_log_shrinks_and_everything_is_still_found(tmp_path: Path) -> None:
    rows = every_minute(UP, 8)
    with contextlib.closing(open_at(tmp_path, 8, segment_bytes=700)) as store:
        project = database(store)
        for i in range(0, len(rows), 10):
            write_rows(project, rows[i : i + 10])
        project.put_metadata([MetricMetadata("up", "gauge", "one"), MetricMetadata("up", "gauge", "two")])
        ref = project.resolve([series_key(UP)]).refs.tolist()
        project.put_exemplars(ref, [Exemplar((("a", "b"),), 1.0, NOW)])
        write_rows(store.project("other", KEEP_ALL), every_minute(LOAD, 1))
        many = store.status().log_segments

        store.upkeep()

        assert store.status().log_segments < many / 4
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        assert expected(*rows) == found(project)
        assert ["two", "one"] == [m.help for m in project.metadata()["up"]]
        assert 1 == len(project.exemplars([], *EVER).exemplars)
        assert ref == project.resolve([series_key(UP)]).refs.tolist()
        assert expected(*every_minute(LOAD, 1)) == found(store.project("other", KEEP_ALL))


def test_sequence_numbers_go_on_after_the_log_was_emptied(tmp_path: Path) -> None:
    """Were they to begin again, a later start would take new records for ones that the checkpoint holds."""
    rows = [Row(UP, NOW + i, float(i)) for i in range(5)]
    for row in rows:
        with contextlib.closing(open_at(tmp_path, 8)) as store:
            project = database(store)
            write_rows(project, [row])
            project.save()
            store.upkeep()
            for segment in sorted(tmp_path.glob("log/*.log"))[:-1]:
                segment.unlink()
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        write_rows(database(store), [Row(DOWN, NOW, 1.0)])
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        assert expected(*rows, Row(DOWN, NOW, 1.0)) == found(database(store))


def test_idle_project_sleeps_and_wakes(tmp_path: Path) -> None:
    rows = [*every_minute(UP, 8), Row(LOAD, NOW, a_histogram()), Row(UP, NOW + 1, 1.0, start=5)]
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, rows)
        refs = project.resolve([series_key(UP)]).refs.tolist()
        with project.select([], *EVER) as selection:
            store.upkeep()
            assert not _sleeps(project)
            store._clock._now_ms += 1_000_000  # type: ignore[attr-defined]
            store.upkeep()

            assert _sleeps(project)
            assert 2 == len(selection.chunks(0, 2).first_chunk) - 1
        assert expected(*rows) == found(project)
        assert refs == project.resolve([series_key(UP)]).refs.tolist()


def test_damaged_block_is_set_aside_and_the_rest_is_served(tmp_path: Path) -> None:
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        write_rows(database(store), every_minute(UP, 8))
        store.upkeep()
    path = max(tmp_path.glob("projects/*/blocks/*.block"))  # the merged one
    data = bytearray(path.read_bytes())
    for at in (10, len(data) - 100):  # in the chunks: found by verify; in the directory: found at the start
        damaged = data.copy()
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with contextlib.closing(open_at(tmp_path, 8)) as store:
            (line,) = store.verify()

            assert path.name in line
            assert expected(*every_minute(UP, 4, first_hour=4)) == found(database(store))
        path.with_name("quarantine").joinpath(path.name).rename(path)


def test_snapshot_is_a_store_of_its_own(tmp_path: Path) -> None:
    rows = every_minute(UP, 8)
    with contextlib.closing(open_at(tmp_path / "live", 8)) as store:
        project = database(store)
        write_rows(project, rows)
        store.upkeep()
        write_rows(project, [Row(DOWN, NOW, 1.0)])
        store.snapshot(tmp_path / "copy")
        project.delete([], *EVER)
        with contextlib.closing(open_at(tmp_path / "copy", 8)) as copy:
            assert expected(*rows, Row(DOWN, NOW, 1.0)) == found(database(copy))
        assert {} == found(project)


@pytest.mark.parametrize("failing", range(1, 14))
def test_upkeep_that_fails_anywhere_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Every step that touches the disk fails once; before and after the next start, everything is found once."""
    rows = every_minute(UP, 8)
    steps = 0
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal steps
        steps += 1
        if steps == failing:
            raise OSError(errno.EIO, "failing on purpose")
        real_fsync(descriptor)

    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, rows)
        write_rows(project, [Row(UP, NOW + 5, 5.0)])
        monkeypatch.setattr(os, "fsync", fsync)
        store.upkeep()
        monkeypatch.undo()
        assert expected(*rows, Row(UP, NOW + 5, 5.0)) == found(project)
        write_rows(project, [Row(UP, NOW + 6, 6.0), Row(UP, NOW + 8 * HOUR, 6.0)])
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        wanted = expected(*rows, Row(UP, NOW + 5, 5.0), Row(UP, NOW + 6, 6.0), Row(UP, NOW + 8 * HOUR, 6.0))
        assert wanted == found(database(store))
        store.upkeep()
        assert wanted == found(database(store))
        assert () == store.verify()
    assert [] == list(tmp_path.glob("projects/*/blocks/*.tmp"))


def test_selection_outlives_the_blocks_it_reads(tmp_path: Path) -> None:
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, every_minute(UP, 8))
        store.upkeep()
        with project.select([], *EVER) as selection:
            for path in tmp_path.glob("projects/*/blocks/*.block"):
                path.unlink()
            assert 480 == int(selection.chunks(0, 1).count.sum())


def _sleeps(project: Database) -> bool:
    return project._memory.state is None


def test_exemplars_outlive_the_place_of_their_series_in_the_head(tmp_path: Path) -> None:
    gone = {"__name__": "gone", "i": "1"}
    exemplars = [Exemplar((("trace_id", str(i)),), float(i), NOW + i) for i in (1, 2)]
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = store.project("one", StoreOptions(retention_ms=100 * HOUR))
        write_rows(project, [*every_minute(UP, 8), Row(gone, NOW, 1.0)])
        project.put_exemplars(project.resolve([series_key(gone)]).refs.tolist(), exemplars[:1])
        store.upkeep()
        assert 1 == project.stats().series

        again = project.resolve([series_key(gone)]).refs.tolist()
        assert 1 == project.put_exemplars(again, exemplars[1:])
        assert 0 == project.put_exemplars(again, exemplars[:1])
        project.save()

    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = store.project("one", StoreOptions(retention_ms=100 * HOUR))
        found_rows = project.exemplars([[equals("i", "1")]], *EVER)
        assert ([gone], [exemplars]) == (found_rows.labels.maps(), found_rows.exemplars)
        assert 0 == len(project.exemplars([[equals("i", "2")]], *EVER).exemplars)
        store._clock._now_ms = float(NOW + 100 * HOUR + 2)  # type: ignore[attr-defined]
        store.upkeep()
        assert [exemplars[1:]] == project.exemplars([], *EVER).exemplars


def test_log_goes_with_the_checkpoint_that_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush leaves nothing of the log but the records that came since."""
    monkeypatch.setattr(store_module, "_WORTH_ROLLING", 100)
    rows = every_minute(UP, 8)
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, rows)
        before = store.status().log_bytes

        store.upkeep()

        assert before > 500 > store.status().log_bytes
        assert 1 == store.status().log_segments
        assert project.held_sequence() is None
        write_rows(project, [Row(DOWN, NOW, 1.0)])
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        assert expected(*rows, Row(DOWN, NOW, 1.0)) == found(database(store))


def test_checkpoint_of_many_open_rows_is_small(tmp_path: Path) -> None:
    series = [UP | {"i": str(i)} for i in range(500)]
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        for labels in series:
            write_rows(project, [Row(labels, NOW + 15_000 * k, k / 8) for k in range(60)])
        project.save()
        checkpoint = next(tmp_path.glob("projects/*/head.checkpoint")).stat().st_size
        before = found(project)

        assert 30_000 * 2 > checkpoint
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        assert before == found(database(store))


def test_too_many_late_samples_do_not_wait_for_upkeep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "TOO_MANY_LATE", 50)
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, [Row(UP, NOW, 1.0)])
        write_rows(project, [Row(UP, NOW - 1 - i, 1.0) for i in range(49)])
        assert not store._upkeep_wanted.is_set()

        write_rows(project, [Row(UP, NOW - 100, 1.0)])

        assert store._upkeep_wanted.is_set()


def test_long_series_are_sealed_without_looking_at_all_that_follows(tmp_path: Path) -> None:
    """An import of a series as long as the batch: each seal looks at what is next, not at all of the batch."""
    rows = [Row(UP, NOW + 1000 * i, float(i % 7)) for i in range(20_000)]
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        write_rows(database(store), rows)

        assert expected(*rows) == found(database(store))


def test_write_during_a_snapshot_that_fails_stays_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was unsaved when the checkpoint began, and something is when it fails."""
    with contextlib.closing(open_at(tmp_path, 8)) as store:
        project = database(store)
        write_rows(project, [Row(UP, NOW, 1.0)])
        project.save()
        assert project.held_sequence() is None

        def fail(*_: object, **__: object) -> None:
            write_rows(project, [Row(UP, NOW + 1, 2.0)])
            raise OSError(errno.ENOSPC, "no room")

        with monkeypatch.context() as patch:
            patch.setattr("bongsu.tsdb.checkpoint.write_sections", fail)
            with pytest.raises(OSError, match="no room"):
                project.snapshot(tmp_path / "copy")

        assert project.held_sequence() is not None
        project.save()
        assert project.held_sequence() is None
