"""
The log's files: segments of checksummed records, read back after a crash.

See `docs/format/log.md` for every byte. Behind its records a segment may have zeros, room made ahead. A *group* is what one fsync made durable; its first record is marked. A bad record that
a later group follows was durable once, so it is damage; one that nothing but its own group follows is a torn tail.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bongsu.runtime.files import checksum

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMAT_VERSION = 3
_READABLE = (1, 2, 3)
"""Version 1 has samples in records of another type, 1 and 2 have no room made ahead; everything else is the same."""

SEGMENT_MAGIC = b"BONGSUWL"
RECORD_MAGIC = b"BGWR"
SEGMENT_HEAD = struct.Struct("<8sIIQII")
RECORD_HEAD = struct.Struct("<4sIIIQBBHI")
GROUP_START = 1
_CHECKED_FROM = 8  # magic and checksum themselves are outside the checksum
_PIECE = 1 << 16
MAX_PAYLOAD = 1 << 30
"""A record is far smaller; a larger length is damage and must not be believed."""


class Record(NamedTuple):
    """One record of the log; `payload` is a view of the segment's bytes."""

    project: int
    sequence: int
    type: int
    flags: int
    payload: memoryview
    end: int


@dataclass(slots=True)
class SegmentScan:
    """
    What reading a segment found.

    Attributes
    ----------
    whole_until
        Where the last whole record of an undamaged run ends; a torn tail begins here.
    damaged
        Byte ranges of damage, (start, stop).
    torn
        Bytes of the torn tail.
    unused
        Zeros at the end, room made ahead for records that did not come.
    """

    whole_until: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list)
    torn: int = 0
    unused: int = 0


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"{number:08d}.log"


def segment_head(number: int, first_sequence: int) -> bytes:
    """Return the first bytes of a segment."""
    head = SEGMENT_HEAD.pack(SEGMENT_MAGIC, FORMAT_VERSION, number, first_sequence, 0, 0)
    return head[:-4] + struct.pack("<I", checksum(head[:-4]))


def pack_record(project: int, sequence: int, type_: int, payload: bytes, *, group_start: bool) -> bytes:
    """Return the bytes of one record."""
    flags = GROUP_START if group_start else 0
    head = RECORD_HEAD.pack(RECORD_MAGIC, 0, len(payload), project, sequence, type_, flags, 0, 0)
    crc = checksum(payload, checksum(head[_CHECKED_FROM:]))
    return b"".join((head[:4], struct.pack("<I", crc), head[_CHECKED_FROM:], payload))


def list_segments(folder: Path) -> list[tuple[int, Path]]:
    """Return number and path of all segments, oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob("*.log") if path.stem.isdigit())


def first_sequence(path: Path) -> int | None:
    """Return the first sequence number that a segment may hold; None if its header is damaged."""
    with path.open("rb") as file:
        head = memoryview(file.read(SEGMENT_HEAD.size))
    return int(SEGMENT_HEAD.unpack_from(head)[3]) if has_good_head(head) else None


def written_before(segments: list[tuple[int, Path]], path: Path) -> int:
    """Return the last record that was durable when the segment after one began; 0 where that is not known."""
    paths = [path for _, path in segments]
    following = paths[paths.index(path) + 1 :][:1]
    return (first_sequence(following[0]) or 1) - 1 if following else 0


def has_good_head(data: memoryview) -> bool:
    """Tell whether the bytes begin with the header of a segment of a version that can be read."""
    if len(data) < SEGMENT_HEAD.size:
        return False
    magic, version, *_, crc = SEGMENT_HEAD.unpack_from(data)
    if magic != SEGMENT_MAGIC or version not in _READABLE:
        return False
    return checksum(data[: SEGMENT_HEAD.size - 4]) == int(crc)


def read_records(
    data: memoryview, scan: SegmentScan, *, is_last: bool, written_until: int = 0
) -> Iterator[Record]:
    """
    Yield every whole record; write into `scan` what was not whole.

    Parameters
    ----------
    is_last
        No other segment follows, so that the end of this one may be unfinished.
    written_until
        The log was durable up to this record when the next segment began: zeros in its place are damage.
    """
    at = scan.whole_until = SEGMENT_HEAD.size
    content = max(_content_end(data), at)
    scan.unused = len(data) - content
    last = int(SEGMENT_HEAD.unpack_from(data)[3]) - 1
    while at < content:
        record = _record_at(data, at)
        if record is not None:
            at = scan.whole_until = record.end
            last = record.sequence
            yield record
            continue
        found = _next_record(data, at + 1)
        if is_last and not _leads_to_group(data, found):
            scan.torn = content - at
            return
        stop = content if found is None else found
        scan.damaged.append((at, stop))
        at = stop
    # The last record may itself end in zeros.
    scan.unused = len(data) - max(content, scan.whole_until)
    if scan.unused and last < written_until and not scan.damaged:
        scan.damaged.append((at, len(data)))


def _content_end(data: memoryview) -> int:
    """Return where nothing but zeros follows."""
    for low in range((len(data) - 1) // _PIECE * _PIECE, -1, -_PIECE):
        content = len(data[low : low + _PIECE].tobytes().rstrip(b"\0"))
        if content:
            return low + content
    return 0


def _record_at(data: memoryview, at: int) -> Record | None:
    if len(data) - at < RECORD_HEAD.size:
        return None
    magic, crc, length, project, sequence, type_, flags, _, _ = RECORD_HEAD.unpack_from(data, at)
    end = at + RECORD_HEAD.size + length
    if magic != RECORD_MAGIC or length > MAX_PAYLOAD or end > len(data):
        return None
    if checksum(data[at + _CHECKED_FROM : end]) != crc:
        return None
    return Record(project, sequence, type_, flags, data[at + RECORD_HEAD.size : end], end)


def _next_record(data: memoryview, start: int) -> int | None:
    """Return where the next whole record begins."""
    rest = bytes(data[start:])
    at = rest.find(RECORD_MAGIC)
    while at >= 0:
        if _record_at(data, start + at) is not None:
            return start + at
        at = rest.find(RECORD_MAGIC, at + 1)
    return None


def _leads_to_group(data: memoryview, at: int | None) -> bool:
    """Tell whether a later group begins at or after a whole record at `at`."""
    while at is not None:
        record = _record_at(data, at)
        if record is None:
            at = _next_record(data, at + 1)
            continue
        if record.flags & GROUP_START:
            return True
        at = record.end if record.end < len(data) else None
    return False
