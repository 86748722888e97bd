"""
The segment that takes the next records: a file with room made ahead.

Zeros are written some way ahead of the records, and the records over them: then a sync finds no new length and no new blocks, which
the file system would have to make durable first, and takes a third of the time. What is closed is cut back to its records; after a crash
the zeros are still there, and nothing that was ever a record is among them.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_AHEAD = 1 << 20
"""Bytes made ready at a time: a hundred requests or so, and little for a store that is seldom written to."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: OSError) -> bool:
    """Tell whether an error says that there is no room on the disk."""
    return error.errno in _NO_ROOM


class SegmentFile:
    """
    A new file of the log; one thread at a time.

    Parameters
    ----------
    longest
        No room is made beyond this size.
    sync
        How a file becomes durable.

    Raises
    ------
    OSError
        If the head cannot be made durable; there is no file then.
    """

    def __init__(self, path: Path, head: bytes, *, longest: int, sync: Callable[[int], None]) -> None:
        self.size = 0
        self._room = 0
        self._longest = longest
        self._sync = sync
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            # Without room ahead: a file shorter than its head is one that was never begun.
            self._put(head, 0)
            self.keep(len(head))
        except OSError:
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    def write(self, data: bytes) -> None:
        """Write behind what is kept; nothing of it counts before `keep`."""
        end = self.size + len(data)
        self._put(data, self.size)
        if end > self._room:
            self._make_room(end)

    def keep(self, size: int) -> None:
        """Make so many bytes of what was written durable."""
        self._sync(self._file)
        self.size += size

    def take_back(self) -> None:
        """Remove what was written and not kept, and all room ahead."""
        os.ftruncate(self._file, self.size)
        self._room = self.size

    def close(self) -> None:
        """Cut the file back to what is kept."""
        with contextlib.suppress(OSError):  # zeros at its end are no harm
            self.take_back()
        os.close(self._file)

    def _make_room(self, end: int) -> None:
        self._room = end
        room = max(min(end + _AHEAD, self._longest) - end, 0)
        try:
            self._put(bytes(room), end)
            self._room += room
        except OSError as error:
            if not is_full(error):
                raise
            os.ftruncate(self._file, end)

    def _put(self, data: bytes, at: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._file, rest, at)
            rest, at = rest[written:], at + written
