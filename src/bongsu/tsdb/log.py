"""
The write-ahead log: one for all projects, one fsync for all writers that wait.

Whoever finds nobody leading writes and syncs for everybody in the queue; those who come meanwhile form the next group. There is
no timer. A full disk refuses the group, takes its bytes back and lets the next writer try again; any other failure, and every
failed fsync, is final, because nobody can know any more what the disk holds.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from bongsu.runtime.files import sync_folder
from bongsu.storage.errors import StoreClosed, StoreReadOnly
from bongsu.tsdb.segment_file import SegmentFile, is_full
from bongsu.tsdb.segments import SEGMENT_HEAD, pack_record, segment_head, segment_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bongsu.tsdb.metrics import StoreMetrics

SEGMENT_BYTES = 64 << 20
"""A segment is closed at this size: small enough to give room back soon, large enough for few files."""


class Ticket:
    """A record on its way to the disk; `sequence` is its place in the log."""

    __slots__ = ("done", "error", "record", "sequence")

    def __init__(self, sequence: int, record: tuple[int, int, bytes]) -> None:
        self.sequence = sequence
        self.record = record
        self.done = False
        self.error: StoreReadOnly | None = None


class CommitLog:
    """
    Appends records durably, in the order of `submit`.

    Parameters
    ----------
    folder
        Where the segments are; numbers up to `last_segment` are taken.
    last_sequence
        The highest sequence number ever given out.
    sync
        How a file becomes durable.
    """

    def __init__(
        self,
        folder: Path,
        *,
        last_segment: int,
        last_sequence: int,
        metrics: StoreMetrics,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self._folder = folder
        self._metrics = metrics
        self._segment_bytes = segment_bytes
        self._sync = sync
        self._sequence = last_sequence
        self._written = last_sequence
        self._segment = last_segment
        self._file: SegmentFile | None = None
        self._queue: list[Ticket] = []
        self._leading = False
        self._closed = False
        self._final: str | None = None
        self._full = False
        self._changed = threading.Condition()
        try:
            self._open_segment()
        except OSError as error:
            if not is_full(error):
                raise
            self._set_full(full=True)  # reads can go on; the first write tries again

    @property
    def segment(self) -> int:
        """Number of the segment that takes the next records."""
        return self._segment

    @property
    def size(self) -> int:
        """Bytes of that segment's records and head; the file may have room for more."""
        return 0 if self._file is None else self._file.size

    @property
    def last_sequence(self) -> int:
        """The highest sequence number given out."""
        return self._sequence

    @property
    def refuses(self) -> str | None:
        """Why writes are refused at the moment, or None."""
        return self._final or ("the disk is full" if self._full else None)

    def submit(self, project: int, type_: int, payload: bytes) -> Ticket:
        """Give a record its place in the log; nothing is written before `wait`."""
        with self._changed:
            if self._closed:
                raise StoreClosed
            if self._final is not None:
                raise StoreReadOnly(self._final)
            self._sequence += 1
            ticket = Ticket(self._sequence, (project, type_, payload))
            self._queue.append(ticket)
            return ticket

    def wait(self, ticket: Ticket) -> None:
        """Return when the record is durable; raise StoreReadOnly if it will never be."""
        with self._changed:
            while not ticket.done and self._leading:
                self._changed.wait()
            lead = not ticket.done
            if lead:
                self._leading = True
                group, self._queue = self._queue, []
        if lead:
            self._lead(group)
        if ticket.error is not None:
            raise ticket.error

    def _lead(self, group: list[Ticket]) -> None:
        error: StoreReadOnly | None = StoreReadOnly("the log's writer was interrupted")
        try:
            error = self._write(group)
        finally:
            with self._changed:
                for ticket in group:
                    ticket.error = error
                    ticket.done = True
                self._leading = False
                self._changed.notify_all()

    def close(self) -> None:
        """Refuse new records, wait for those under way, close the file."""
        with self._changed:
            self._closed = True
            while self._leading or self._queue:
                self._changed.wait()
            if self._file is not None:
                self._file.close()
                self._file = None

    def roll(self) -> int:
        """Begin a new segment, so that the ones before can be removed once their records are elsewhere; return the last of these."""
        with self._changed:
            while self._leading:
                self._changed.wait()
            self._leading = True
        try:
            if self._final is None and not self._closed and self.size > SEGMENT_HEAD.size:
                self._roll_if_possible()
            return self._written
        finally:
            with self._changed:
                self._leading = False
                self._changed.notify_all()

    def _write(self, group: list[Ticket]) -> StoreReadOnly | None:
        """Write and sync; only the leader is here. Returns the error that the whole group gets."""
        if self._final is not None:
            return StoreReadOnly(self._final)
        data = b"".join(
            pack_record(project, ticket.sequence, type_, payload, group_start=i == 0)
            for i, ticket in enumerate(group)
            for project, type_, payload in (ticket.record,)
        )
        try:
            file = self._file if self._file is not None else self._open_segment()
            file.write(data)
        except OSError as error:
            return self._take_back(error)
        try:
            file.keep(len(data))
        except OSError as error:
            return self._fail(
                f"the log could not be synced: {error}; restart the server when the disk is sound"
            )
        self._written = group[-1].sequence
        self._set_full(full=False)
        self._metrics.group_written(len(group), len(data))
        if file.size >= self._segment_bytes:
            self._roll_if_possible()
        return None

    def _take_back(self, error: OSError) -> StoreReadOnly:
        """Remove what a failed write left behind."""
        if not is_full(error):
            return self._fail(
                f"the log could not be written: {error}; restart the server when the disk is sound"
            )
        try:
            if self._file is not None:
                self._file.take_back()
        except OSError as second:
            return self._fail(f"the log could not be cut back after {error}: {second}; restart the server")
        self._set_full(full=True)
        return StoreReadOnly(
            f"the disk of the data folder is full ({error.strerror}); nothing of this write was kept, free some space "
            "and send it again"
        )

    def _fail(self, message: str) -> StoreReadOnly:
        self._final = message
        self._metrics.set_read_only(read_only=True)
        return StoreReadOnly(message)

    def _set_full(self, *, full: bool) -> None:
        if full != self._full:
            self._full = full
            self._metrics.set_read_only(read_only=full)

    def _roll_if_possible(self) -> None:
        try:
            self._open_segment()
        except OSError as error:
            # The records are durable where they are; a segment that is too long is no harm.
            if not is_full(error):
                self._fail(
                    f"a new log segment could not be made: {error}; restart the server when the disk is sound"
                )

    def _open_segment(self) -> SegmentFile:
        number = self._segment + 1
        path = self._folder / segment_name(number)
        head = segment_head(number, self._written + 1)
        file = SegmentFile(path, head, longest=self._segment_bytes, sync=self._sync)
        try:
            sync_folder(self._folder)
        except OSError:
            file.close()
            path.unlink(missing_ok=True)
            raise
        if self._file is not None:
            self._file.close()
        self._file, self._segment = file, number
        return file
