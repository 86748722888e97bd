"""Reading the log back: every whole record is applied, a torn tail is cut, damage is set aside and told."""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING

from bongsu.runtime.files import write_whole
from bongsu.tsdb.segments import (
    SEGMENT_HEAD,
    SegmentScan,
    has_good_head,
    list_segments,
    read_records,
    written_before,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from bongsu.tsdb.metrics import StoreMetrics
    from bongsu.tsdb.segments import Record

_QUARANTINE = "quarantine"


class Recovery:
    """
    One replay of the log.

    Attributes
    ----------
    last_segment, last_sequence, highest_project
        The highest numbers seen.
    replayed
        Records read.
    damage
        What was set aside, one line each.
    """

    def __init__(self, folder: Path, *, metrics: StoreMetrics, logger: FilteringBoundLogger) -> None:
        self.last_segment = 0
        self.last_sequence = 0
        self.highest_project = 0
        self.replayed = 0
        self.damage: list[str] = []
        self._folder = folder
        self._metrics = metrics
        self._logger = logger

    def run(self, apply: Callable[[Record], None]) -> None:
        """Apply every record of every segment, oldest first."""
        segments = list_segments(self._folder)
        for number, path in segments:
            self.last_segment = number
            is_last = path == segments[-1][1]
            self._read_segment(path, apply, is_last=is_last, written_until=written_before(segments, path))

    def _read_segment(
        self, path: Path, apply: Callable[[Record], None], *, is_last: bool, written_until: int
    ) -> None:
        size = path.stat().st_size
        scan = SegmentScan()
        with path.open("rb") as file:
            data = (
                memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else memoryview(b"")
            )
        if has_good_head(data):
            first = SEGMENT_HEAD.unpack_from(data)[3]
            self.last_sequence = max(self.last_sequence, first - 1)
            for record in read_records(data, scan, is_last=is_last, written_until=written_until):
                self._apply(path, record, apply)
        elif is_last and size < SEGMENT_HEAD.size:
            scan.torn = size  # the process died while it made the file
        else:
            scan.damaged.append((0, size))
        self._set_aside(path, data, scan)
        if scan.torn:
            self._keep_torn(path, data, scan)
        if is_last and scan.torn + scan.unused:
            _cut(path, size - scan.torn - scan.unused)

    def _apply(self, path: Path, record: Record, apply: Callable[[Record], None]) -> None:
        self.last_sequence = max(self.last_sequence, record.sequence)
        self.highest_project = max(self.highest_project, record.project)
        try:
            apply(record)
        except (ValueError, struct.error, KeyError, TypeError) as error:
            # The checksum is good and the content is not: written by another version, or by a defect.
            self._tell(f"{path.name}: record {record.sequence} cannot be applied: {error}")
        self.replayed += 1
        self._metrics.replayed()

    def _set_aside(self, path: Path, data: memoryview, scan: SegmentScan) -> None:
        for start, stop in scan.damaged:
            copy = self._keep_bytes(path, data, start, stop)
            self._tell(f"{path.name}: bytes {start} to {stop} are damaged; a copy is in {copy}")

    def _keep_torn(self, path: Path, data: memoryview, scan: SegmentScan) -> None:
        stop = len(data) - scan.unused
        copy = self._keep_bytes(path, data, stop - scan.torn, stop)
        self._metrics.torn(scan.torn)
        self._logger.warning(
            "cut an unfinished write off the log", segment=path.name, bytes=scan.torn, copy=str(copy)
        )

    def _keep_bytes(self, path: Path, data: memoryview, start: int, stop: int) -> Path:
        folder = self._folder / _QUARANTINE
        folder.mkdir(exist_ok=True)
        copy = folder / f"{path.stem}-{start}.bin"
        try:
            write_whole(copy, [data[start:stop]])
        except OSError as error:
            self._logger.warning("no copy of damaged bytes could be kept", path=str(copy), error=str(error))
        return copy

    def _tell(self, message: str) -> None:
        self.damage.append(message)
        self._metrics.damaged("log")
        self._logger.error("damage in the log", what=message)


def _cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
