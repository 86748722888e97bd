"""
Samples as the chunks that Prometheus stores and sends: timestamps as differences of differences, values as XOR with the one before.

Sources: T. Pelkonen et al., "Gorilla: A Fast, Scalable, In-Memory Time Series Database", VLDB 2015, section 4.1, and Prometheus'
documentation ``tsdb/docs/format/chunks.md``, "XOR chunk data", for the widths. The checksum of frames is CRC-32C
(RFC 3720, appendix B.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._bit_stream import new_windows, put_bits, put_varint, put_xor
from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER_BYTES = 2
"""The number of samples, as a big-endian number, comes first."""

MAX_CHUNK_SAMPLES = 120
"""What Prometheus puts into one chunk, so what readers are used to; the header could hold 65,535."""

MAX_SAMPLE_BYTES = 20
"""A timestamp takes at most 4 + 64 bits (the first ones 10 bytes), a value 2 + 5 + 6 + 64 bits."""

_ONE = np.uint64(1)
_WIDTHS = np.array([14, 17, 20], dtype=np.int64)
"""Bits of the three short forms of a timestamp; their prefixes are 10, 110 and 1110."""

_CRC32C = 0x82F63B78
"""The polynomial 0x1EDC6F41 with its bits reversed."""


@inner_kernel
def _put_time(out: NDArray[np.uint8], at: int, change: np.int64) -> int:
    """Write the difference of two differences of timestamps."""
    if change == 0:
        return put_bits(out, at, np.uint64(0), 1)
    for i in range(len(_WIDTHS)):
        half = np.int64(1) << (_WIDTHS[i] - 1)
        if -(half - 1) <= change <= half:
            # A prefix of i + 1 ones and a zero.
            at = put_bits(out, at, (_ONE << np.uint64(i + 2)) - np.uint64(2), i + 2)
            return put_bits(out, at, np.uint64(change), _WIDTHS[i])
    at = put_bits(out, at, np.uint64(0b1111), 4)
    return put_bits(out, at, np.uint64(change), 64)


@kernel
def write_xor_chunk(times: NDArray[np.int64], values: NDArray[np.float64], out: NDArray[np.uint8]) -> int:
    """
    Write one chunk and return the bytes used.

    Parameters
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds, strictly increasing; at most 65,535 of them.
    values : ndarray of float64, shape (n_samples,)
        Written bit by bit, NaN payloads too.
    out : ndarray of uint8, shape (at least HEADER_BYTES + n_samples * MAX_SAMPLE_BYTES,)
        Output; what it held is overwritten.
    """
    count = len(times)
    out[: HEADER_BYTES + count * MAX_SAMPLE_BYTES] = 0
    out[0] = np.uint8(count >> 8)
    out[1] = np.uint8(count & 255)
    at = HEADER_BYTES * 8
    bits = values.view(np.uint64)
    window = new_windows(1)[0]
    step = np.int64(0)
    for i in range(count):
        if i == 0:
            # Signed numbers as varints alternate: 0, -1, 1, -2, ...
            at = put_varint(out, at, np.uint64((times[0] << 1) ^ (times[0] >> 63)))
            at = put_bits(out, at, bits[0], 64)
            continue
        difference = times[i] - times[i - 1]
        at = put_varint(out, at, np.uint64(difference)) if i == 1 else _put_time(out, at, difference - step)
        step = difference
        at = put_xor(out, at, bits[i], bits[i - 1], window)
    return (at + 7) >> 3


@kernel
def crc32c(data: NDArray[np.uint8], table: NDArray[np.uint32]) -> int:
    """Return the CRC-32C of some bytes; `table` is that of `crc32c_table`."""
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ np.uint32(byte)) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return int(crc ^ np.uint32(0xFFFFFFFF))


def crc32c_table() -> NDArray[np.uint32]:
    """Return the remainder of every byte; shape (256,)."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_CRC32C), table >> 1).astype(np.uint32)
    return table


def warm() -> None:
    """Compile what answers call, with the types that they call it with."""
    out = np.empty(HEADER_BYTES + MAX_SAMPLE_BYTES, dtype=np.uint8)
    write_xor_chunk(np.zeros(1, dtype=np.int64), np.zeros(1), out)
    crc32c(np.frombuffer(b"0", dtype=np.uint8), crc32c_table())
