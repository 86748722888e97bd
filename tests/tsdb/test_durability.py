"""What the store promises about the disk: nothing acknowledged is lost, and what is broken is told."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry
from tests.support.stores import (
    EVER,
    KEEP_ALL,
    Row,
    a_histogram,
    bits_of,
    equals,
    expected,
    found,
    open_tsdb,
    write_rows,
)

from bongsu.model.labels import series_key
from bongsu.model.samples import Exemplar, MetricMetadata
from bongsu.storage.contract import Reason, StoreLimits, StoreOptions
from bongsu.storage.errors import StoreClosed, StoreLocked, StoreReadOnly
from bongsu.tsdb.segments import RECORD_MAGIC, SEGMENT_HEAD

if TYPE_CHECKING:
    from pathlib import Path

UP = {"__name__": "up", "job": "a"}
LOAD = {"__name__": "load", "job": "b"}


def test_restart_finds_everything(tmp_path: Path) -> None:
    rows = [Row(UP, 15_000 * i, float(i), start=i // 100) for i in range(300)]
    late = [
        Row(UP, 7, 7.0),
        Row(LOAD, 20, a_histogram()),
        Row(LOAD, 10, a_histogram(5, is_float=True), start=3),
    ]
    with contextlib.closing(open_tsdb(tmp_path)) as store:
        project = store.project("one", KEEP_ALL)
        write_rows(project, rows)
        write_rows(project, late)
        write_rows(project, [Row(UP, 15_000, 5.0)])  # refused
        write_rows(project, [Row(UP, 30_000, 5.0)], overwrite=True)
        project.delete([[equals("job", "a")]], 45_000, 60_000)
        write_rows(project, [Row(UP, 45_000, 1.0)])
        project.put_metadata([MetricMetadata("up", "gauge", "is up")])
        ref = project.resolve([series_key(UP)]).refs.tolist()
        project.put_exemplars(ref, [Exemplar((("a", "b"),), float("nan"), 5)])
        write_rows(store.project("two", KEEP_ALL), [Row(UP, 1, 1.0)])
        before = found(project)

    with contextlib.closing(open_tsdb(tmp_path)) as store:
        project = store.project("one", KEEP_ALL)
        assert before == found(project)
        assert expected(Row(UP, 1, 1.0)) == found(store.project("two", KEEP_ALL))
        assert [MetricMetadata("up", "gauge", "is up")] == list(project.metadata()["up"])
        assert 1 == len(project.exemplars([], *EVER).exemplars)
        assert ref == project.resolve([series_key(UP)]).refs.tolist()
        assert () == store.status().damage
        assert store.status().replayed_records > 0
        write_rows(project, [Row(UP, 10_000_000, 1.0)])


def test_dropped_project_stays_dropped(tmp_path: Path) -> None:
    with contextlib.closing(open_tsdb(tmp_path)) as store:
        write_rows(store.project("one", KEEP_ALL), [Row(UP, 1, 1.0)])
        store.drop_project("one")
        write_rows(store.project("one", KEEP_ALL), [Row(LOAD, 2, 2.0)])
        write_rows(store.project("two", KEEP_ALL), [Row(UP, 3, 3.0)])

    with contextlib.closing(open_tsdb(tmp_path)) as store:
        assert expected(Row(LOAD, 2, 2.0)) == found(store.project("one", KEEP_ALL))
        assert expected(Row(UP, 3, 3.0)) == found(store.project("two", KEEP_ALL))


def test_data_folder_has_one_owner(tmp_path: Path) -> None:
    with (
        contextlib.closing(open_tsdb(tmp_path)),
        pytest.raises(StoreLocked, match="another process has the data folder"),
    ):
        open_tsdb(tmp_path)
    open_tsdb(tmp_path).close()


def test_log_cut_at_any_byte_keeps_every_whole_record(tmp_path: Path) -> None:
    ends = []
    with contextlib.closing(open_tsdb(tmp_path)) as store:
        project = store.project("one", KEEP_ALL)
        for i in range(4):
            write_rows(project, [Row(UP, i, float(i))])
            ends.append(store.status().log_bytes)
    (path,) = (tmp_path / "log").glob("*.log")
    whole = path.read_bytes()
    for cut, room in itertools.product(range(len(whole)), (0, 5_000)):
        for other in (tmp_path / "log").glob("*.log"):
            other.unlink()
        # A file that its head is not in yet has no room ahead.
        path.write_bytes(whole[:cut] + bytes(room if cut >= SEGMENT_HEAD.size else 0))
        with contextlib.closing(open_tsdb(tmp_path)) as store:
            # What is missing of a record may be zeros itself.
            kept = sum(end <= cut or (room > 0 and not any(whole[cut:end])) for end in ends)

            assert expected(*(Row(UP, i, float(i)) for i in range(kept))) == found(
                store.project("one", KEEP_ALL)
            )
            assert () == store.status().damage


def test_a_crash_leaves_room_ahead_that_is_no_damage(tmp_path: Path) -> None:
    """Also where it was in the middle of the log, since cutting a closed segment back is not synced."""
    rows = [Row(UP, i, float(i)) for i in range(52)]
    registry = CollectorRegistry()
    with contextlib.closing(open_tsdb(tmp_path / "live", segment_bytes=900)) as store:
        write_rows(store.project("one", KEEP_ALL), rows[:20])
        for row in rows[20:]:
            write_rows(store.project("one", KEEP_ALL), [row])
        shutil.copytree(tmp_path / "live", tmp_path / "crashed")
        open_bytes, log_bytes = max((tmp_path / "live" / "log").glob("*.log")).stat().st_size, store._log.size
    logs = sorted((tmp_path / "crashed" / "log").glob("*.log"))
    for path in logs[:-1]:
        path.write_bytes(path.read_bytes() + bytes(700))

    with contextlib.closing(open_tsdb(tmp_path / "crashed", registry=registry)) as store:
        assert expected(*rows) == found(store.project("one", KEEP_ALL))
        assert () == store.status().damage
        assert 0.0 == registry.get_sample_value("bongsu_tsdb_log_torn_bytes_total")
        assert log_bytes == logs[-1].stat().st_size < open_bytes <= 900
        assert not (tmp_path / "crashed" / "log" / "quarantine").exists()


def test_zeros_in_the_place_of_the_last_record_of_a_closed_segment_are_damage(tmp_path: Path) -> None:
    rows = [Row(UP, i, float(i)) for i in range(3)]
    with contextlib.closing(open_tsdb(tmp_path)) as store:
        project = store.project("one", KEEP_ALL)
        for row in rows[:2]:
            write_rows(project, [row])
            end = store.status().log_bytes
        store._log.roll()
        write_rows(project, rows[2:])
    path = min((tmp_path / "log").glob("*.log"))
    whole = path.read_bytes()
    begin = whole.rfind(RECORD_MAGIC)
    path.write_bytes(whole[:begin] + bytes(end - begin))

    with contextlib.closing(open_tsdb(tmp_path)) as store:
        (line,) = store.status().damage

        assert f"{path.name}: bytes {begin} to {end} are damaged" in line
        assert expected(rows[0], rows[2]) == found(store.project("one", KEEP_ALL))


def test_damaged_record_costs_only_itself_and_is_told(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    with contextlib.closing(open_tsdb(tmp_path)) as store:
        project = store.project("one", KEEP_ALL)
        ends = []
        for i in range(4):
            write_rows(project, [Row(UP, i, float(i))])
            ends.append(store.status().log_bytes)
    (path,) = (tmp_path / "log").glob("*.log")
    whole = bytearray(path.read_bytes())
    for at in range(ends[0], ends[1], 3):
        for other in (tmp_path / "log").glob("*.log"):
            other.unlink()
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        registry = CollectorRegistry()
        with contextlib.closing(open_tsdb(tmp_path, registry=registry)) as store:
            rows = [Row(UP, i, float(i)) for i in (0, 2, 3)]

            assert expected(*rows) == found(store.project("one", KEEP_ALL))
            (line,) = store.status().damage
            assert f"bytes {ends[0]} to {ends[1]} are damaged" in line
            assert 1.0 == registry.get_sample_value("bongsu_tsdb_damaged_parts_total", {"where": "log"})
            assert (
                bytes(damaged[ends[0] : ends[1]])
                == (tmp_path / "log" / "quarantine" / f"{path.stem}-{ends[0]}.bin").read_bytes()
            )


def test_log_goes_on_in_new_segments(tmp_path: Path) -> None:
    rows = [Row(UP, i, float(i)) for i in range(50)]
    with contextlib.closing(open_tsdb(tmp_path, segment_bytes=500)) as store:
        for row in rows:
            write_rows(store.project("one", KEEP_ALL), [row])
        assert store.status().log_segments > 5

    with contextlib.closing(open_tsdb(tmp_path)) as store:
        assert expected(*rows) == found(store.project("one", KEEP_ALL))


def test_failed_sync_is_final_until_the_restart(tmp_path: Path) -> None:
    broken = threading.Event()

    def sync(descriptor: int) -> None:
        if broken.is_set():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(descriptor)

    registry = CollectorRegistry()
    with contextlib.closing(open_tsdb(tmp_path, sync=sync, registry=registry)) as store:
        project = store.project("one", KEEP_ALL)
        write_rows(project, [Row(UP, 1, 1.0)])
        broken.set()
        with pytest.raises(StoreReadOnly, match="could not be synced"):
            write_rows(project, [Row(UP, 2, 2.0)])
        broken.clear()
        with pytest.raises(StoreReadOnly, match="could not be synced"):
            write_rows(project, [Row(UP, 3, 3.0)])

        assert expected(Row(UP, 1, 1.0)) == found(project)
        assert "could not be synced" in (store.status().refuses_writes or "")
        assert 1.0 == registry.get_sample_value("bongsu_tsdb_read_only")

    with contextlib.closing(open_tsdb(tmp_path)) as store:
        assert (1, bits_of(1.0), 0) in found(store.project("one", KEEP_ALL))['up{job="a"}']
        write_rows(store.project("one", KEEP_ALL), [Row(UP, 4, 4.0)])


def test_full_disk_refuses_writes_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_write, room = os.pwrite, [1 << 30]

    def write(descriptor: int, data: bytes, at: int) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = real_write(descriptor, data[: room[0]], at)
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "pwrite", write)
    with contextlib.closing(open_tsdb(tmp_path)) as store:
        project = store.project("one", KEEP_ALL)
        write_rows(project, [Row(UP, 1, 1.0)])
        room[0] = 10
        with pytest.raises(StoreReadOnly, match="full"):
            write_rows(project, [Row(UP, 2, 2.0)])
        with pytest.raises(StoreReadOnly, match="full"):
            project.resolve([series_key(LOAD)])
        assert "the disk is full" == store.status().refuses_writes
        assert expected(Row(UP, 1, 1.0)) == found(project)
        room[0] = 1 << 30
        write_rows(project, [Row(UP, 2, 3.0), Row(LOAD, 3, 3.0)])
        assert None is store.status().refuses_writes

    with contextlib.closing(open_tsdb(tmp_path)) as store:
        assert () == store.status().damage
        assert expected(Row(UP, 1, 1.0), Row(UP, 2, 3.0), Row(LOAD, 3, 3.0)) == found(
            store.project("one", KEEP_ALL)
        )


def test_one_sync_serves_all_writers_that_wait(tmp_path: Path) -> None:
    entered, go_on, syncs = threading.Event(), threading.Event(), []

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        entered.set()
        assert go_on.wait(30)

    go_on.set()
    with contextlib.closing(open_tsdb(tmp_path, sync=sync)) as store:
        project = store.project("one", KEEP_ALL)
        project.resolve([series_key({"__name__": f"m{i}"}) for i in range(8)])
        entered.clear()
        go_on.clear()
        before = len(syncs)
        writers = [
            threading.Thread(target=write_rows, args=(project, [Row({"__name__": f"m{i}"}, 1, 1.0)]))
            for i in range(8)
        ]
        sequence = store.status().last_sequence
        for writer in writers:
            writer.start()
        assert entered.wait(30)
        while store.status().last_sequence < sequence + 8:
            pass
        go_on.set()
        for writer in writers:
            writer.join(30)

        assert 8 == len(found(project))
        assert len(syncs) - before <= 3  # the first writer alone, then all who came meanwhile


def test_writes_under_way_end_well_when_the_store_closes_and_later_ones_are_refused(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def sync(_: int) -> None:
        entered.set()
        assert go_on.wait(30)

    go_on.set()
    store = open_tsdb(tmp_path, sync=sync)
    project = store.project("one", KEEP_ALL)
    project.resolve([series_key(UP)])
    entered.clear()
    go_on.clear()
    with ThreadPoolExecutor(64) as pool:
        writes = [pool.submit(write_rows, project, [Row(UP, 1, 1.0)])]
        assert entered.wait(30)
        closing = pool.submit(store.close)
        # The one that ends while no sync does is the first one that came after the close.
        while not wait(writes, timeout=0.02, return_when=FIRST_COMPLETED).done:
            writes.append(pool.submit(write_rows, project, [Row(UP, 1 + len(writes), 1.0)]))
        refused = {write for write in writes if write.done()}
        go_on.set()
        closing.result(30)

    assert [StoreClosed] * len(refused) == [type(write.exception()) for write in refused]
    assert writes[0] not in refused
    acknowledged = [row for row, write in enumerate(writes, 1) if write not in refused]
    assert [1] * len(acknowledged) == [writes[row - 1].result().written for row in acknowledged]
    with contextlib.closing(open_tsdb(tmp_path)) as again:
        assert expected(*(Row(UP, row, 1.0) for row in acknowledged)) == found(again.project("one", KEEP_ALL))


def test_refusals_are_counted_by_project_and_reason(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    with contextlib.closing(open_tsdb(tmp_path, registry=registry)) as store:
        project = store.project("one", StoreOptions(retention_ms=1000, limits=StoreLimits(max_series=1)))
        now = 1_700_000_000_000
        write_rows(project, [Row(UP, now, 1.0)])
        result = write_rows(project, [Row(UP, now, 2.0), Row(UP, now - 1001, 2.0), Row(LOAD, now, 1.0)])

        assert [Reason.DUPLICATE_TIMESTAMP, Reason.OUT_OF_RETENTION, Reason.UNKNOWN_SERIES] == [
            r.reason for r in result.rejections
        ]
        for reason in ("duplicate-timestamp", "out-of-retention", "series-limit"):
            labels = {"project": "one", "reason": reason}
            assert 1.0 == registry.get_sample_value("bongsu_tsdb_refused_rows_total", labels)
