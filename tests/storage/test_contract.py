"""The contract of every store: each promise runs on the in-memory reference and on the embedded store."""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING

import numpy as np
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

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.model.labels import series_key
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_NAN, Exemplar, MetricMetadata, SampleBatch
from bongsu.storage.contract import REFUSED, Reason, StoreLimits, StoreOptions
from bongsu.storage.errors import StoreClosed
from bongsu.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.storage.contract import ProjectStore, Store

UP = {"__name__": "up", "job": "a", "instance": "one"}
DOWN = {"__name__": "up", "job": "b", "instance": "two"}
OTHER = {"__name__": "load", "instance": "one"}


@pytest.fixture(params=["memory", "tsdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every store there is."""
    with contextlib.closing(MemoryStore() if request.param == "memory" else open_tsdb(tmp_path)) as made:
        yield made


@pytest.fixture
def project(store: Store) -> ProjectStore:
    """A project that keeps everything; a second one beside it must see nothing."""
    store.project("other", KEEP_ALL)
    return store.project("mine", KEEP_ALL)


@pytest.fixture(autouse=True)
def other_project_sees_nothing(store: Store) -> Iterator[None]:
    """Look into the second project after every test."""
    yield
    with contextlib.suppress(StoreClosed):
        assert {} == found(store.project("other", KEEP_ALL))


def test_samples_come_back_in_order_of_time(project: ProjectStore) -> None:
    rows = [Row(UP, 1000, 1.0), Row(DOWN, 1000, 2.0), Row(UP, 2000, 3.0), Row(UP, 3000, -0.0)]

    result = write_rows(project, rows)

    assert 4 == result.written
    assert expected(*rows) == found(project)


@pytest.mark.parametrize(
    "bits",
    [0x7FF0000000000002, 0x7FF8000000000001, 0xFFF8DEADBEEF0000, 0x8000000000000000, 1, 0x7FF0000000000000],
)
def test_every_bit_of_a_value_survives(project: ProjectStore, bits: int) -> None:
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    rows = [Row(UP, 1000, value), Row(UP, 2000, 1.0), Row(UP, 1500, value)]

    write_rows(project, rows)

    assert expected(*rows) == found(project)


def test_many_samples_of_one_series_survive_sealing(project: ProjectStore) -> None:
    rows = [Row(UP, 15_000 * i, float(i)) for i in range(500)]

    write_rows(project, rows)

    assert expected(*rows) == found(project)
    assert expected(*rows[100:201]) == found(project, start_ms=1_500_000, end_ms=3_000_000)


def test_range_is_closed_at_both_ends(project: ProjectStore) -> None:
    rows = [Row(UP, t, float(t)) for t in (1, 2, 3, 4)]
    write_rows(project, rows)

    assert expected(*rows[1:3]) == found(project, start_ms=2, end_ms=3)


def test_late_samples_are_merged(project: ProjectStore) -> None:
    rows = [Row(UP, 10 * i, float(i)) for i in range(200)]
    write_rows(project, rows[::2])

    result = write_rows(project, rows[1::2])

    assert 100 == result.written
    assert expected(*rows) == found(project)
    assert expected(*rows[5:9]) == found(project, start_ms=50, end_ms=80)


def test_rows_of_a_batch_come_in_any_order(project: ProjectStore) -> None:
    rows = [Row(UP, 30, 3.0), Row(UP, 10, 1.0), Row(UP, 20, 2.0)]

    write_rows(project, rows)

    assert expected(*rows) == found(project)


def test_same_sample_again_is_written_and_stored_once(project: ProjectStore) -> None:
    rows = [Row(UP, 1000, STALE_NAN), Row(UP, 2000, 2.0), Row(UP, 500, 5.0)]
    write_rows(project, rows)

    again = write_rows(project, rows)

    assert (3, ()) == (again.written, again.rejections)
    assert expected(*rows) == found(project)


@pytest.mark.parametrize("timestamp", [500, 1000, 2000])
def test_second_value_for_a_timestamp_is_refused_and_named(project: ProjectStore, timestamp: int) -> None:
    rows = [Row(UP, 1000, 1.0), Row(UP, 2000, 2.0), Row(UP, 500, 5.0)]
    write_rows(project, rows)

    result = write_rows(project, [Row(DOWN, 1, 1.0), Row(UP, timestamp, 9.0)])

    assert 1 == result.written
    (rejection,) = result.rejections
    assert (1, Reason.DUPLICATE_TIMESTAMP) == (rejection.row, rejection.reason)
    assert f'timestamp {timestamp} of up{{instance="one", job="a"}}' in rejection.message
    assert "9.0 was received" in rejection.message
    assert expected(*rows, Row(DOWN, 1, 1.0)) == found(project)


def test_duplicates_inside_one_batch_are_found(project: ProjectStore) -> None:
    result = write_rows(project, [Row(UP, 10, 1.0), Row(UP, 5, 1.0), Row(UP, 5, 2.0), Row(UP, 10, 1.0)])

    assert [2] == [rejection.row for rejection in result.rejections]
    assert expected(Row(UP, 10, 1.0), Row(UP, 5, 1.0)) == found(project)


@pytest.mark.parametrize("timestamp", [500, 1000, 2000])
def test_overwriting_batch_replaces(project: ProjectStore, timestamp: int) -> None:
    values = {500: 5.0, 1000: 1.0, 2000: 2.0}
    write_rows(project, [Row(UP, t, values[t]) for t in (1000, 2000, 500)])

    result = write_rows(project, [Row(UP, timestamp, 9.0)], overwrite=True)
    values[timestamp] = 9.0

    assert (1, ()) == (result.written, result.rejections)
    assert expected(*(Row(UP, t, v) for t, v in values.items())) == found(project)
    assert 1 == len(write_rows(project, [Row(UP, timestamp, 8.0)]).rejections)
    assert 1 == write_rows(project, [Row(UP, timestamp, 9.0)]).written


def test_unknown_references_are_refused_alone(project: ProjectStore) -> None:
    ref = project.resolve([series_key(UP)]).refs[0]
    batch = SampleBatch(
        refs=np.array([ref, 999, REFUSED, ref + (5 << 32)], dtype=np.int64),
        timestamps=np.array([1, 1, 1, 1], dtype=np.int64),
        values=np.ones(4),
    )

    result = project.append(batch)

    assert [1, 2, 3] == [r.row for r in result.rejections]
    assert {Reason.UNKNOWN_SERIES} == {r.reason for r in result.rejections}
    assert expected(Row(UP, 1, 1.0)) == found(project)


def test_equal_keys_have_one_reference(project: ProjectStore) -> None:
    first = project.resolve([series_key(UP), series_key(DOWN), series_key(UP)]).refs.tolist()
    again = project.resolve([series_key(DOWN), series_key(UP)]).refs.tolist()

    assert first[0] == first[2]
    assert first[0] != first[1]
    assert [first[1], first[0]] == again


def test_start_timestamps_come_back(project: ProjectStore) -> None:
    rows = [Row(UP, 15_000 * i, float(i), start=5 if 70 < i < 150 else 0) for i in range(200)]

    write_rows(project, rows)

    assert expected(*rows) == found(project)
    assert expected(*rows[60:160]) == found(project, start_ms=15_000 * 60, end_ms=15_000 * 159)


def test_histograms_of_all_kinds_come_back(project: ProjectStore) -> None:
    custom = Histogram(
        schema=-53,
        zero_threshold=0.0,
        zero_count=0.0,
        count=4.0,
        sum=3.25,
        positive_spans=((0, 3),),
        positive_buckets=(1.0, 2.0, 1.0),
        custom_values=(0.5, 1.5),
    )
    stale = Histogram(schema=0, zero_threshold=0.0, zero_count=0.0, count=0.0, sum=STALE_NAN)
    gauge = Histogram(
        schema=-4,
        zero_threshold=0.25,
        zero_count=0.5,
        count=4.0,
        sum=-3.0,
        negative_spans=((-3, 2),),
        negative_buckets=(1.25, 2.25),
        reset_hint=ResetHint.GAUGE,
        is_float=True,
    )
    rows = [
        Row(UP, 10, a_histogram(), start=7),
        Row(UP, 20, custom),
        Row(UP, 30, gauge, start=9),
        Row(UP, 40, stale),
        Row(UP, 5, a_histogram(9)),
    ]

    result = write_rows(project, rows)

    assert (5, ()) == (result.written, result.rejections)
    assert expected(*rows) == found(project)
    assert expected(rows[1], rows[2]) == found(project, start_ms=20, end_ms=30)


def test_floats_and_histograms_may_alternate_in_a_series(project: ProjectStore) -> None:
    rows = [Row(UP, 10 * i, a_histogram(i + 3) if i % 3 == 1 else float(i)) for i in range(100)]
    for row in rows:
        write_rows(project, [row])

    assert expected(*rows) == found(project)
    kinds = write_rows(project, [Row(UP, 10, 1.0), Row(UP, 20, a_histogram())]).rejections
    assert {Reason.DUPLICATE_TIMESTAMP} == {r.reason for r in kinds}
    assert 2 == len(kinds)


def test_overwriting_changes_the_kind(project: ProjectStore) -> None:
    write_rows(project, [Row(UP, 10, 1.0), Row(UP, 20, 2.0), Row(UP, 30, a_histogram())])

    write_rows(project, [Row(UP, 10, a_histogram()), Row(UP, 30, 3.0)], overwrite=True)

    assert expected(Row(UP, 10, a_histogram()), Row(UP, 20, 2.0), Row(UP, 30, 3.0)) == found(project)


def test_same_histogram_again_is_written(project: ProjectStore) -> None:
    write_rows(project, [Row(UP, 10, a_histogram())])

    assert 1 == write_rows(project, [Row(UP, 10, a_histogram())]).written
    assert 0 == write_rows(project, [Row(UP, 10, a_histogram(8))]).written


def test_broken_histograms_are_refused_alone(project: ProjectStore) -> None:
    broken = Histogram(
        schema=9, zero_threshold=0.0, zero_count=0.0, count=1.0, sum=1.0, positive_buckets=(1.0,)
    )

    result = write_rows(project, [Row(UP, 1, broken), Row(UP, 2, a_histogram()), Row(UP, 3, 1.0)])

    (rejection,) = result.rejections
    assert (1, Reason.INVALID_HISTOGRAM) == (rejection.row, rejection.reason)  # floats come first
    assert "schema 9" in rejection.message
    assert expected(Row(UP, 2, a_histogram()), Row(UP, 3, 1.0)) == found(project)


@pytest.mark.parametrize(
    ("matchers", "kept"),
    [
        ([equals("job", "a")], [UP]),
        ([equals("job", "")], [OTHER]),
        ([Matcher("job", MatchOp.NOT_EQUAL, "a")], [DOWN, OTHER]),
        ([Matcher("job", MatchOp.NOT_EQUAL, "")], [UP, DOWN]),
        ([matches("job", "a|b")], [UP, DOWN]),
        ([matches("job", "")], [OTHER]),
        ([matches("job", ".*")], [UP, DOWN, OTHER]),
        ([Matcher("job", MatchOp.NOT_REGEX, "a.*")], [DOWN, OTHER]),
        ([equals("__name__", "up"), equals("instance", "two")], [DOWN]),
        ([equals("no_such_label", "x")], []),
        ([equals("no_such_label", "")], [UP, DOWN, OTHER]),
        ([equals("job", "no such value")], []),
        ([], [UP, DOWN, OTHER]),
    ],
)
def test_matchers_choose_series(
    project: ProjectStore, matchers: list[Matcher], kept: list[dict[str, str]]
) -> None:
    write_rows(project, [Row(labels, 1, 1.0) for labels in (UP, DOWN, OTHER)])

    assert expected(*(Row(labels, 1, 1.0) for labels in kept)) == found(project, *matchers)


def test_labels_are_listed_for_series_with_samples_in_the_range(project: ProjectStore) -> None:
    write_rows(project, [Row(UP, 1, 1.0), Row(DOWN, 1, 1.0), Row(OTHER, 9, 1.0)])

    assert ["__name__", "instance", "job"] == project.label_names([], 0, 9)
    assert ["__name__", "instance"] == project.label_names([], 9, 9)
    assert ["a", "b"] == project.label_values("job", [], *EVER)
    assert [] == project.label_values("job", [], 9, 9)
    assert ["a"] == project.label_values("job", [[equals("instance", "one")]], *EVER)
    assert [] == project.label_values("none", [], *EVER)
    union = project.series([[equals("job", "a")], [equals("__name__", "load")], [equals("job", "a")]], *EVER)
    assert sorted([series_key(UP), series_key(OTHER)]) == sorted(union.keys())


def test_selection_stays_as_it_was(project: ProjectStore) -> None:
    rows = [Row(UP, i, float(i)) for i in range(60)]
    write_rows(project, rows)
    with project.select([], *EVER) as selection:
        write_rows(project, [Row(UP, 100 + i, 1.0) for i in range(200)])
        project.delete([], *EVER)
        write_rows(project, [Row(UP, i, 9.0) for i in range(60)])

        assert [60] == selection.chunks(0, 1).count.tolist()
        assert [60] == selection.sample_counts.tolist()


def test_views_of_row_ranges_agree_with_the_whole(project: ProjectStore) -> None:
    all_labels = [{"__name__": "m", "i": str(i)} for i in range(20)]
    rows = [Row(labels, 1000 * t, float(t)) for labels in all_labels for t in range(100)]
    write_rows(project, [row for i, row in enumerate(rows) if i % 7])
    write_rows(project, [row for i, row in enumerate(rows) if not i % 7 and int(row.labels["i"]) % 2])
    with project.select([], *EVER) as selection:
        whole = selection.chunks(0, 20)
        parts = [selection.chunks(low, low + 5) for low in range(0, 20, 5)]

        assert whole.count.tolist() == [n for part in parts for n in part.count.tolist()]
        assert whole.min_time.tolist() == [n for part in parts for n in part.min_time.tolist()]
        assert 0 == len(selection.chunks(3, 3).count)
        assert (whole.address % 8 == 0).all()


def test_deleted_samples_are_hidden_and_later_ones_are_seen(project: ProjectStore) -> None:
    rows = [Row(UP, 10 * i, float(i)) for i in range(200)]
    write_rows(project, [*rows[::2], Row(DOWN, 500, 1.0)])
    write_rows(project, rows[1::2])

    first = project.delete([[equals("job", "a")]], 300, 700)
    late = write_rows(project, [Row(UP, 505, 8.0)])

    assert late.sequence > first
    assert expected(*rows[:30], *rows[71:], Row(UP, 505, 8.0), Row(DOWN, 500, 1.0)) == found(project)


def test_deleting_the_newest_lets_them_be_written_again(project: ProjectStore) -> None:
    write_rows(project, [Row(UP, 10, 1.0), Row(UP, 30, 3.0), Row(UP, 20, a_histogram()), Row(UP, 5, 5.0)])

    project.delete([], 10, 40)
    result = write_rows(project, [Row(UP, 20, 7.0), Row(UP, 30, 8.0), Row(UP, 5, 6.0)])

    assert [2] == [r.row for r in result.rejections]
    assert expected(Row(UP, 5, 5.0), Row(UP, 20, 7.0), Row(UP, 30, 8.0)) == found(project)


def test_everything_can_be_deleted(project: ProjectStore) -> None:
    write_rows(project, [Row(UP, 1, 1.0), Row(DOWN, 2, a_histogram())])

    project.delete([], *EVER)

    assert {} == found(project)
    assert [] == project.label_names([], *EVER)
    assert 0 == project.stats().samples


def test_metadata_has_the_newest_first(project: ProjectStore) -> None:
    old, new = MetricMetadata("up", "gauge", "old"), MetricMetadata("up", "gauge", "new")
    load = MetricMetadata("load", "counter", "총 부하", "seconds")
    project.put_metadata([old, load])
    project.put_metadata([new, load])

    assert {"load": [load], "up": [new, old]} == {n: list(e) for n, e in project.metadata().items()}


def test_exemplars_come_back_once_and_oldest_first(project: ProjectStore) -> None:
    refs = project.resolve([series_key(UP), series_key(DOWN)]).refs.tolist()
    newer = Exemplar((("trace_id", "abc"),), 1.5, 2000)
    older = Exemplar((), float("inf"), 1000)

    assert 3 == project.put_exemplars([refs[0], refs[0], refs[1]], [newer, older, older])
    assert 0 == project.put_exemplars([refs[0]], [newer])
    rows = project.exemplars([[equals("job", "a")]], *EVER)
    assert [[older, newer]] == [list(exemplars) for exemplars in rows.exemplars]
    assert [UP] == rows.labels.maps()
    assert 0 == len(project.exemplars([], 0, 10).exemplars)


def test_series_limits_refuse_new_series_only(store: Store) -> None:
    limits = StoreLimits(
        max_series=2, max_labels_per_series=3, max_label_name_bytes=8, max_label_value_bytes=9
    )
    project = store.project("small", StoreOptions(retention_ms=0, limits=limits))
    keys = [
        series_key(labels)
        for labels in (
            {"__name__": "a"},
            {"__name__": "b", "c": "too long for it"},
            {"__name__": "b", "long_name": "x"},
            {"__name__": "b", "c": "1", "d": "2", "e": "3"},
            {"__name__": "b"},
            {"__name__": "c"},
            {"__name__": "a"},
        )
    ]

    resolution = project.resolve(keys)

    assert [False, True, True, True, False, True, False] == (resolution.refs == REFUSED).tolist()
    assert [1, 2, 3, 5] == [r.row for r in resolution.rejections]
    assert [Reason.LABEL_LIMIT] * 3 + [Reason.SERIES_LIMIT] == [r.reason for r in resolution.rejections]
    assert "'max_series'" in resolution.rejections[3].message
    assert resolution.refs.tolist()[0] == project.resolve(keys).refs.tolist()[0]


def test_stats_tell_series_samples_and_times(project: ProjectStore) -> None:
    assert (0, 0, None, None) == _summary(project)

    write_rows(project, [Row(UP, t, 1.0) for t in (30, 40, 10)] + [Row(DOWN, 50, a_histogram())])

    assert (2, 4, 10, 50) == _summary(project)


def test_dropped_project_is_closed_and_starts_empty_again(store: Store) -> None:
    project = store.project("gone", KEEP_ALL)
    write_rows(project, [Row(UP, 1, 1.0)])

    store.drop_project("gone")
    store.drop_project("never was")

    with pytest.raises(StoreClosed):
        project.stats()
    assert {} == found(store.project("gone", KEEP_ALL))


def test_closed_store_refuses(store: Store, project: ProjectStore) -> None:
    store.close()

    with pytest.raises(StoreClosed):
        project.resolve([series_key(UP)])
    with pytest.raises(StoreClosed):
        project.select([], *EVER)


def test_two_projects_do_not_mix(store: Store) -> None:
    one, two = store.project("one", KEEP_ALL), store.project("two", KEEP_ALL)
    write_rows(one, [Row(UP, 1, 1.0)])
    write_rows(two, [Row(UP, 1, 2.0), Row(DOWN, 1, 3.0)])

    one.delete([[equals("job", "b")]], *EVER)

    assert expected(Row(UP, 1, 1.0)) == found(one)
    assert expected(Row(UP, 1, 2.0), Row(DOWN, 1, 3.0)) == found(two)


def _summary(project: ProjectStore) -> tuple[int, int, int | None, int | None]:
    stats = project.stats()
    return stats.series, stats.samples, stats.min_time, stats.max_time


def test_changes_name_the_oldest_sample_that_was_added_replaced_or_removed(project: ProjectStore) -> None:
    minute = 60_000
    mark = project.changes(None).mark
    assert project.changes(mark).oldest_ms is None

    write_rows(project, [Row(UP, 100 * minute, 1.0)])
    write_rows(project, [Row(UP, 101 * minute, 2.0)])
    later = project.changes(None).mark
    write_rows(project, [Row(UP, 102 * minute, 3.0)])

    assert 100 * minute == project.changes(mark).oldest_ms
    assert 102 * minute == project.changes(later).oldest_ms

    write_rows(project, [Row(UP, 50 * minute, 0.5)])
    assert 50 * minute == project.changes(later).oldest_ms

    deleted = project.changes(None).mark
    project.delete([[Matcher("job", MatchOp.EQUAL, "a")]], 20 * minute, 120 * minute)
    assert 20 * minute == project.changes(deleted).oldest_ms
    assert project.changes(project.changes(None).mark).oldest_ms is None


def test_a_mark_of_another_store_stands_for_no_earlier_look(store: Store) -> None:
    mine, other = store.project("mine", KEEP_ALL), store.project("other", KEEP_ALL)

    assert -(1 << 63) == mine.changes(other.changes(None).mark).oldest_ms


def test_a_selection_that_is_asked_for_again_sees_series_that_came_meanwhile(project: ProjectStore) -> None:
    of_job = [Matcher("job", MatchOp.NOT_EQUAL, "")]
    write_rows(project, [Row(UP, 1000, 1.0)])
    with project.select(of_job, *EVER) as selection:
        assert [UP] == selection.labels.maps()

    write_rows(project, [Row(DOWN, 1000, 2.0), Row(OTHER, 1000, 3.0)])
    with project.select(of_job, *EVER) as selection:
        assert {"a", "b"} == {labels["job"] for labels in selection.labels.maps()}
    with project.select(of_job, 2000, 3000) as selection:
        assert [] == selection.labels.maps()
