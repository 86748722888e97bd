"""Samples as the protobuf messages of a remote read answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_SAMPLE_BYTES = 22
"""Tag and length (2), tag and double (9), tag and varint (1 + 10)."""

_SEVEN_BITS = np.uint64(0x7F)
_MORE = np.uint64(0x80)
_SHIFT = np.uint64(7)
_BYTE = np.uint64(0xFF)
_EIGHT = np.uint64(8)


@kernel
def write_samples(times: NDArray[np.int64], values: NDArray[np.float64], out: NDArray[np.uint8]) -> int:
    """
    Write ``TimeSeries.samples`` (field 2), each a ``Sample`` of value (field 1) and timestamp (field 2); return the bytes used.

    Parameters
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds.
    values : ndarray of float64, shape (n_samples,)
        Written bit by bit, NaN payloads too.
    out : ndarray of uint8, shape (at least n_samples * MAX_SAMPLE_BYTES,)
    """
    at = 0
    bits = values.view(np.uint64)
    for i in range(len(times)):
        out[at] = 0x12
        length_at = at + 1
        out[at + 2] = 0x09
        word = bits[i]
        for place in range(at + 3, at + 11):
            out[place] = np.uint8(word & _BYTE)
            word >>= _EIGHT
        out[at + 11] = 0x10
        at += 12
        rest = np.uint64(times[i])
        while rest > _SEVEN_BITS:
            out[at] = np.uint8((rest & _SEVEN_BITS) | _MORE)
            rest >>= _SHIFT
            at += 1
        out[at] = np.uint8(rest)
        at += 1
        out[length_at] = at - length_at - 1
    return at


def warm() -> None:
    """Compile what answers call, with the types that they call it with."""
    write_samples(np.zeros(1, dtype=np.int64), np.zeros(1), np.empty(MAX_SAMPLE_BYTES, dtype=np.uint8))
