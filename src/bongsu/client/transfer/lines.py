"""Lines of a file, a pipe or a URL, gzipped or not, some megabytes at a time."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import orjson

from bongsu.client.transfer.summary import Summary
from bongsu.model.errors import InvalidInput
from bongsu.runtime.compress import GunzipStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.client.transfer.cursor import Cursor
    from bongsu.client.transfer.summary import Sink

FORMATS = ("json", "openmetrics", "prometheus")

CHUNK_BYTES = 4 << 20
"""Lines that are sent at once: some 80,000 samples of text."""

_READ_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_TAIL_BYTES = 4096
_TIMEOUT_S = 60.0


class LineChunk(NamedTuple):
    """
    Whole lines.

    Attributes
    ----------
    first_line, end_line
        Numbers of the first and the last one, from 1.
    bytes_read
        Bytes of the source, compressed or not, that were read up to their end.
    """

    data: bytes
    first_line: int
    end_line: int
    bytes_read: int


@dataclass(slots=True)
class Source:
    """An open source; `size` is None where it is not known, `name` what the user called it."""

    name: str
    file: IO[bytes]
    size: int | None
    identity: str


@contextlib.contextmanager
def open_source(name: str) -> Iterator[Source]:
    """
    Open a file, the standard input (``-``) or an HTTP address.

    Raises
    ------
    InvalidInput
        If it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        if name == "-":
            yield Source(name, sys.stdin.buffer, None, "-")
            return
        try:
            if name.startswith(("http://", "https://")):
                answer = stack.enter_context(urllib.request.urlopen(name, timeout=_TIMEOUT_S))  # noqa: S310 - checked
                length = answer.headers.get("Content-Length")
                source = Source(name, answer, int(length) if length else None, name)
            else:
                file = stack.enter_context(Path(name).open("rb"))
                status = os.fstat(file.fileno())
                size = status.st_size if Path(name).is_file() else None
                source = Source(name, file, size, f"{Path(name).absolute()} {status.st_ino}")
        except (OSError, urllib.error.URLError) as error:
            reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
            raise InvalidInput(f"cannot read {name}: {reason}", id="cannot-read-source") from error
        yield source


def transfer_lines(
    source: Source, start: bytes, sink: Sink, cursor: Cursor, told: Callable[[int, Summary], None]
) -> Summary:
    """
    Send all lines of a source that the cursor has not passed, and return what came of them.

    Parameters
    ----------
    start
        Bytes of the source that were read already.
    told
        Called after every chunk with the bytes of the source that were read, and what came of all chunks so far.
    """
    total = Summary()
    for chunk in read_chunks(source, start):
        done, rest = _split(chunk, cursor.place)
        if done:
            sink.pass_over(done)
        if rest:
            total.add(sink.send(rest, chunk.first_line + done.count(b"\n")))
            cursor.move(chunk.end_line)
        told(chunk.bytes_read, total)
    return total


def read_chunks(source: Source, start: bytes = b"") -> Iterator[LineChunk]:
    """
    Yield the lines of a source.

    Parameters
    ----------
    start
        Bytes of the source that were read already.
    """
    held: list[bytes] = []
    size, line, bytes_read = 0, 1, 0
    has_end = False
    for part, position in _content(source, start):
        bytes_read = position
        held.append(part)
        size += len(part)
        has_end = has_end or b"\n" in part
        if has_end and size >= CHUNK_BYTES:
            data = b"".join(held)
            end = data.rfind(b"\n") + 1
            lines = data.count(b"\n", 0, end)
            yield LineChunk(data[:end], line, line + lines - 1, bytes_read)
            line += lines
            held, size, has_end = [data[end:]], len(data) - end, False
    if size:
        data = b"".join(held)
        yield LineChunk(data, line, line + data.count(b"\n") - data.endswith(b"\n"), bytes_read)


def detect_format(source: Source, start: bytes) -> str:
    """
    Return the format of a source from its first bytes and, for a file, its last ones.

    Raises
    ------
    InvalidInput
        If it cannot be told: text with timestamps in seconds and in milliseconds looks the same.
    """
    head = b"".join(GunzipStream().add(start)) if start.startswith(_GZIP_MAGIC) else start
    first = next((line for line in head.splitlines() if line.strip()), b"")
    if first.startswith(b"{") and _is_series(first, is_whole=head.count(b"\n") > 0):
        return "json"
    if b"# EOF" in head.splitlines() or _ends_as_openmetrics(source, start):
        return "openmetrics"
    lines = [line.split() for line in head.splitlines()[:-1] if line.strip() and not line.startswith(b"#")]
    times = [words[-1] for words in lines if len(words) > 1]
    if times and all(time.isdigit() and len(time) >= 12 for time in times):
        # Twelve digits are milliseconds from 1973 on; as seconds they would be in the year 33658.
        return "prometheus"
    raise InvalidInput(
        f"the format of {source.name} cannot be told; say --format openmetrics (timestamps in seconds), "
        "--format prometheus (milliseconds) or --format json",
        id="format-unknown",
    )


def read_start(source: Source) -> bytes:
    """Return the first bytes of a source."""
    return source.file.read(_READ_BYTES) or b""


def _split(chunk: LineChunk, done_lines: int) -> tuple[bytes, bytes]:
    """Return the lines up to a number, and those after it."""
    if chunk.end_line <= done_lines:
        return chunk.data, b""
    at = 0
    for _ in range(chunk.first_line, done_lines + 1):
        at = chunk.data.index(b"\n", at) + 1
    return chunk.data[:at], chunk.data[at:]


def _content(source: Source, start: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the content with the bytes of the source that were read for it."""
    position = 0
    stream = GunzipStream() if start.startswith(_GZIP_MAGIC) else None
    part = start
    while part:
        position += len(part)
        for content in stream.add(part) if stream is not None else (part,):
            yield content, position
        part = source.file.read(_READ_BYTES)
    if stream is not None:
        stream.finish()


def _is_series(line: bytes, *, is_whole: bool) -> bool:
    if not is_whole:
        return line.lstrip().startswith((b'{"metric":', b'{"metric" :', b'{"values":', b'{"timestamps":'))
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and "metric" in document


def _ends_as_openmetrics(source: Source, start: bytes) -> bool:
    if source.size is None or start.startswith(_GZIP_MAGIC) or not isinstance(source.file, io.BufferedReader):
        return False
    position = source.file.tell()
    source.file.seek(max(0, source.size - _TAIL_BYTES))
    tail = source.file.read().rstrip()
    source.file.seek(position)
    return tail.endswith(b"# EOF")
