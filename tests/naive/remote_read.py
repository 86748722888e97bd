"""Remote read messages, written and read field by field."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.naive.histogram_stream import read_histogram_chunk
from tests.naive.xor_stream import crc32c, read_xor_chunk

from bongsu.wire.messages import Message, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bongsu.model.histograms import Histogram

Series = tuple[dict[str, str], list[tuple[int, bytes]]]
"""Labels, and pairs of time and the value's eight bytes."""


def varint(value: int) -> bytes:
    """Return a number as protobuf writes it; negative ones as their two's complement."""
    value &= (1 << 64) - 1
    head = [byte | 0x80 for byte in iter_sevens(value)[:-1]]
    return bytes([*head, iter_sevens(value)[-1]])


def iter_sevens(value: int) -> list[int]:
    """Return the groups of seven bits, lowest first."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F)
    return groups


def inner(number: int, content: bytes) -> bytes:
    """Return a field with text or a message."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def samples(times: Sequence[int], values: Sequence[float]) -> bytes:
    """Return the samples of a time series."""
    return b"".join(
        inner(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(time))
        for time, value in zip(times, values, strict=True)
    )


SAMPLES_ONLY, CHUNKS_ONLY, BOTH = b"\x10\x00", b"\x10\x01", b"\x10\x01\x10\x00"
"""Answer types that a reader takes."""


def request(*queries: tuple[int, int, list[tuple[int, str, str]]], types: bytes = SAMPLES_ONLY) -> bytes:
    """Return a request of queries, each of start, end and matchers (type, name, value)."""
    written = b""
    for start, end, matchers in queries:
        parts = b"".join(
            inner(3, b"\x08" + varint(kind) + inner(2, name.encode()) + inner(3, value.encode()))
            for kind, name, value in matchers
        )
        written += inner(1, b"\x08" + varint(start) + b"\x10" + varint(end) + parts)
    return written + types


def response(data: bytes) -> list[list[Series]]:
    """Return the series of each result."""
    return [
        [
            (
                {pair.text(1): pair.text(2) for pair in series.messages(1)},
                [(signed(s.number(2)), struct.pack("<d", s.double(1))) for s in series.messages(2)],
            )
            for series in result.messages(1)
        ]
        for result in Message(data, 0, len(data)).messages(1)
    ]


@dataclass(frozen=True)
class Frame:
    """A frame of a stream: the number of the query, the labels of the series, its floats by their bytes, and its histograms."""

    query: int
    labels: dict[str, str]
    floats: list[tuple[int, bytes]]
    histograms: list[tuple[int, Histogram]]
    encodings: list[int]


def read_stream(data: bytes) -> list[Frame]:
    """Return the frames of a stream, whose chunks must be in the order of time."""
    frames = []
    for content in _contents(data):
        message = Message(content, 0, len(content))
        for series in message.messages(1):
            labels = {pair.text(1): pair.text(2) for pair in series.messages(1)}
            frame = Frame(message.number(2), labels, [], [], [])
            end = -(2**63)
            for chunk in series.messages(2):
                first, last = signed(chunk.number(1)), signed(chunk.number(2))
                assert end < first <= last
                end = last
                _read_chunk(chunk, frame, (first, last))
            frames.append(frame)
    return frames


def _contents(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = shift = 0
        while True:
            byte = data[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        (checksum,) = struct.unpack(">I", data[at : at + 4])
        content = data[at + 4 : at + 4 + size]
        assert checksum == crc32c(content)
        at += 4 + size
        yield content


def _read_chunk(chunk: Message, frame: Frame, bounds: tuple[int, int]) -> None:
    encoding, data = chunk.number(3), chunk.raw(4).partition(b":")[2]
    frame.encodings.append(encoding)
    times: list[int]
    if encoding == 1:
        floats = read_xor_chunk(data)
        frame.floats.extend(floats)
        times = [time for time, _ in floats]
    else:
        histograms = read_histogram_chunk(data, is_float={2: False, 3: True}[encoding])
        frame.histograms.extend(histograms)
        times = [time for time, _ in histograms]
    assert bounds == (times[0], times[-1])
