"""Remote write bodies of many series with the same times, as arrays of bytes: a sender that takes less time than the receivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.runtime.compress import compress_snappy
from bongsu.wire.encode import encode_varint, field, number
from bongsu.wire.remote_write.encode import label_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.compare.dataset import Host

_TIME_BYTES = 6
"""A time in milliseconds takes six bytes as a varint from 2004 to 2109."""

_SAMPLE_BYTES = 2 + 9 + 1 + _TIME_BYTES


class SeriesHead:
    """
    The bytes of a series in a request of version 1.0 but its samples, made once.

    Attributes
    ----------
    tag
        Begins a series in a request.
    before, after
        What stands before and after the samples.
    """

    __slots__ = ("after", "before", "tag")

    def __init__(self, labels: Mapping[str, str]) -> None:
        self.tag, self.before, self.after = b"\x0a", label_bytes(labels), b""


class Symbols:
    """The symbol table of a request of version 2.0, under construction."""

    def __init__(self) -> None:
        self._places = {"": 0}

    def head(self, labels: Mapping[str, str], kind: int, help_text: str) -> SeriesHead:
        """Return the head of a series with metadata, as Prometheus sends it with every request; `kind` is the protocol's number."""
        head = SeriesHead({})
        references = [self._place(text) for pair in sorted(labels.items()) for text in pair]
        head.tag, head.before = b"\x2a", field(1, b"".join(map(encode_varint, references)))
        head.after = field(5, number(1, kind) + number(3, self._place(help_text)))
        return head

    def encode(self) -> bytes:
        """Return the table."""
        return b"".join(field(4, text.encode()) for text in self._places)

    def _place(self, text: str) -> int:
        return self._places.setdefault(text, len(self._places))


def compress_request(parts: Iterable[bytes]) -> bytes:
    """Return the compressed request of series that `encode_series` gave, after its symbols if it has some."""
    return compress_snappy(b"".join(parts))


def encode_series(
    heads: Sequence[SeriesHead], times: NDArray[np.int64], values: NDArray[np.float64]
) -> Iterator[bytes]:
    """
    Yield the bytes of series that have the same times.

    Parameters
    ----------
    times
        Shape (n_steps,), from 2004 to 2109.
    values
        Shape (n_series, n_steps).
    """
    samples = sample_bytes(times, values)
    size = samples.shape[1] * samples.shape[2]
    for head, row in zip(heads, samples, strict=True):
        yield head.tag + encode_varint(len(head.before) + size + len(head.after))
        yield head.before
        yield row.tobytes()
        yield head.after


def sample_bytes(times: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the bytes of every sample message, shape (n_series, n_steps, 18)."""
    out = np.empty((*values.shape, _SAMPLE_BYTES), dtype=np.uint8)
    out[..., 0] = 0x12
    out[..., 1] = _SAMPLE_BYTES - 2
    out[..., 2] = 0x09
    out[..., 3:11] = np.ascontiguousarray(values)[..., None].view(np.uint8)
    out[..., 11] = 0x10
    for i in range(_TIME_BYTES):
        more = 0x80 if i + 1 < _TIME_BYTES else 0
        out[..., 12 + i] = ((times >> (7 * i)) & 0x7F) | more
    return out


def encode_step(hosts: Sequence[Host], heads: Sequence[Sequence[SeriesHead]], step: int) -> Iterator[bytes]:
    """Yield the bytes of all series of hosts, whose heads are given, with their samples of one step."""
    for host, own in zip(hosts, heads, strict=True):
        yield from encode_series(own, host.times[step : step + 1], host.values[:, step : step + 1])
