"""Files of every format version are read: what one server wrote, each later one understands."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest
from tests.support.stores import KEEP_ALL, Row, a_histogram, expected, found, open_tsdb, write_rows

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.labels import series_key
from bongsu.model.samples import STALE_NAN, Exemplar
from bongsu.runtime.clock import ManualClock

SAMPLES = Path(__file__).parent / "format"
HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
DAY_BEFORE = BEGIN // (12 * HOUR) * (12 * HOUR) - 24 * HOUR  # in two blocks that are merged
UP = {"__name__": "up", "job": "봉수", "instance": "one:9100"}
LOAD = {"__name__": "load"}
TIME = {"__name__": "time"}
ODD = [float("nan"), STALE_NAN, float("-inf"), -0.0, 5e-324, 0.1, 123.45, -7.0, 1e300, 2.0**53, 3 * 4096.0]


CUSTOM = Histogram(
    schema=CUSTOM_BUCKETS_SCHEMA,
    zero_threshold=0.0,
    zero_count=0.0,
    count=3.0,
    sum=float("nan"),
    positive_spans=((0, 3),),
    positive_buckets=(1.0, 0.0, 2.0),
    custom_values=(0.1, 0.5, 1.0),
)
EXEMPLAR = Exemplar((("trace_id", "봉수"),), float("inf"), BEGIN + 5)


def written_rows(version: int) -> tuple[list[Row], list[Row]]:
    """Return what the checked-in store holds: in blocks or the checkpoint, and in the log only."""
    old = [Row(UP, BEGIN + 60_000 * i, i / 4) for i in range(480)]
    old += [Row(LOAD, BEGIN + 60_000 * i + i % 3, float(i * i), start=BEGIN) for i in range(100)]
    old += [Row(LOAD, BEGIN + 7_000_000 + i, a_histogram(3 + i)) for i in range(3)]
    new = [Row(UP, BEGIN + 8 * HOUR, 1.0), Row(LOAD, BEGIN + 5, -0.0)]
    if version > 1:
        old += [
            Row(TIME, BEGIN + 30_000 * i + i % 7, a_histogram(3 + i, is_float=i > 60), start=BEGIN)
            for i in range(90)
        ]
        old += [Row(TIME, BEGIN + 4 * HOUR + 30_000 * i, CUSTOM) for i in range(5)]
        new += [Row(UP, BEGIN + 8 * HOUR + i, value) for i, value in enumerate(ODD, 1)]
    if version > 2:
        old += [
            Row({"__name__": name}, DAY_BEFORE + 30_000 * i + i * i % 17, (i * i % 23) / 10)
            for name in ("sharing", "shared")
            for i in range(480)
        ]
    return old, new


def write_store(folder: Path, version: int) -> None:
    """Make the files of the current version; run this module to check in a new version."""
    old, new = written_rows(version)
    # A small segment has little room ahead, which is checked in as it is while the store is open.
    store = open_tsdb(folder, clock=ManualClock(BEGIN + 8 * HOUR), segment_bytes=1 << 16)
    project = store.project("one", KEEP_ALL)
    write_rows(project, old)
    project.put_exemplars(project.resolve([series_key(LOAD)]).refs.tolist(), [EXEMPLAR])
    store.upkeep()
    write_rows(project, new)
    project.delete([], BEGIN + 120_000, BEGIN + 180_000)
    as_it_is = {path: path.read_bytes() for path in (folder / "log").glob("*.log")}
    store.close()
    for path, data in as_it_is.items():
        path.write_bytes(data)


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_files_of_every_version_are_read(tmp_path: Path, version: int) -> None:
    shutil.copytree(SAMPLES / f"version-{version}", tmp_path / "store")
    (tmp_path / "store" / "log").mkdir(exist_ok=True)
    with contextlib.closing(open_tsdb(tmp_path / "store", clock=ManualClock(BEGIN + 8 * HOUR))) as store:
        project = store.project("one", KEEP_ALL)
        old, new = written_rows(version)
        kept = [row for row in [*old, *new] if not 120_000 <= row.timestamp - BEGIN <= 180_000]

        assert expected(*kept) == found(project)
        assert [[EXEMPLAR]] * (version > 1) == list(project.exemplars([], BEGIN, BEGIN + HOUR).exemplars)
        assert () == store.verify()


if __name__ == "__main__":
    version = int(os.environ["FORMAT_VERSION"])
    target = SAMPLES / f"version-{version}"
    write_store(target, version)
    (target / "LOCK").unlink()
