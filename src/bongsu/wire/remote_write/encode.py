"""
Remote write 1.0 requests, as a sender makes them: labels as bytes once, samples straight from arrays.

Source: Prometheus' remote write specification 1.0, of which only field numbers and types are used here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.errors import InvalidInput
from bongsu.wire.encode import encode_varint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_SHORT_BYTES = 6
_SHORT_TIMES = (1 << 35, 1 << 42)
"""Times in milliseconds that take six bytes as a varint: 1971 to 2109."""

_LONGEST_BYTES = 10
"""A negative number takes all ten bytes."""


def label_bytes(labels: Mapping[str, str]) -> bytes:
    """Return the labels of a series as its message begins with, sorted by name; empty values are left out."""
    try:
        pairs = sorted((name.encode(), value.encode()) for name, value in labels.items() if value)
    except UnicodeEncodeError as error:
        raise InvalidInput(f"label text is not valid Unicode: {error}", id="invalid-label") from error
    return b"".join(_message(1, _message(1, name) + _message(2, value)) for name, value in pairs)


def encode_series(labels: bytes, times: NDArray[np.int64], values: NDArray[np.float64]) -> Iterator[bytes]:
    """
    Yield the parts of one series' message; a request is nothing but such messages one after the other.

    Parameters
    ----------
    labels
        What `label_bytes` gave.
    times
        Unix milliseconds, shape (n_samples,).
    values
        Shape (n_samples,); every bit is sent.
    """
    samples = encode_samples(times, values)
    yield b"\x0a" + encode_varint(len(labels) + len(samples))
    yield labels
    yield samples


def encode_samples(times: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """Return sample messages one after the other."""
    if not len(times):
        return b""
    if times.min() >= _SHORT_TIMES[0] and times.max() < _SHORT_TIMES[1]:
        return _rows(times, values, _SHORT_BYTES).tobytes()
    return b"".join(
        _rows(times[i : i + 1], values[i : i + 1], _varint_length(int(times[i]))).tobytes()
        for i in range(len(times))
    )


def _rows(times: NDArray[np.int64], values: NDArray[np.float64], length: int) -> NDArray[np.uint8]:
    """Return the messages of samples whose times all take `length` bytes, shape (n_samples, bytes of a message)."""
    out = np.empty((len(times), 12 + length), dtype=np.uint8)
    out[:, 0] = 0x12  # field 2 of a series
    out[:, 1] = 10 + length
    out[:, 2] = 0x09  # field 1 of a sample: the value
    out[:, 3:11] = np.ascontiguousarray(values, dtype="<f8")[:, None].view(np.uint8)
    out[:, 11] = 0x10  # field 2: the time
    word = times.astype(np.int64).view(np.uint64)
    for i in range(length):
        more = 0x80 if i + 1 < length else 0
        out[:, 12 + i] = (word >> np.uint64(7 * i)).astype(np.uint8) & 0x7F | more
    return out


def _varint_length(value: int) -> int:
    return _LONGEST_BYTES if value < 0 else max(1, -(-value.bit_length() // 7))


def _message(tag: int, content: bytes) -> bytes:
    return encode_varint(tag << 3 | 2) + encode_varint(len(content)) + content
