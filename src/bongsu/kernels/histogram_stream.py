"""
Native histograms as the chunks that Prometheus stores and sends: the layout once, then each column as differences or as XOR.

Source: Prometheus' documentation ``tsdb/docs/format/chunks.md``, "Histogram chunk data" and "Float histogram chunk data". All histograms of a
chunk have its layout, and none of a counter has a reset but the first: readers take that for granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._bit_stream import (
    MAX_VARBIT_BYTES,
    new_windows,
    put_bits,
    put_varbit_int,
    put_varbit_uint,
    put_xor,
)
from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER_BYTES = 3
"""The number of samples, as a big-endian number, and the kind of counter come first."""

_MANTISSA = np.uint64((1 << 52) - 1)
_SMALLEST_POWER, _LARGEST_POWER = 780, 1033
"""Exponents of floats, with their bias of 1,023, from 2 ** -243 to 2 ** 10: zero thresholds that are such a power take a byte, from 1 on."""

_IN_FULL = np.uint64(255)
"""Byte before a zero threshold that takes eight more."""


def layout_room(n_spans: int, n_bounds: int) -> int:
    """Return the bytes that a chunk takes at most before its first sample."""
    return HEADER_BYTES + 9 + (4 + 2 * n_spans + n_bounds) * MAX_VARBIT_BYTES


def samples_room(n_samples: int, n_numbers: int) -> int:
    """Return the bytes that the samples take at most, of so many numbers each beside the time; XOR takes a byte and a half more than a number."""
    return (n_samples + 1) * (n_numbers + 1) * (MAX_VARBIT_BYTES + 1)


@kernel
def write_layout(
    head: NDArray[np.int64],
    positive: NDArray[np.int64],
    negative: NDArray[np.int64],
    bounds: NDArray[np.float64],
    out: NDArray[np.uint8],
) -> int:
    """
    Write what the histograms of a chunk have in common, and return the bit position of the first of them.

    Parameters
    ----------
    head : ndarray of int64, shape (5,)
        Samples, byte of flags, bits of the zero threshold, schema, and whether it is the one with bounds of its own.
    positive, negative : ndarray of int64, shape (n_spans, 2)
        Offset and length of each span.
    bounds : ndarray of float64, shape (n_bounds,)
        Written with the schema of own bounds only.
    out : ndarray of uint8
        Zeroed; with `layout_room`.
    """
    out[0] = np.uint8(head[0] >> 8)
    out[1] = np.uint8(head[0] & 255)
    out[2] = np.uint8(head[1])
    at = _put_threshold(out, HEADER_BYTES * 8, np.uint64(head[2]))
    at = put_varbit_int(out, at, head[3])
    for spans in (positive, negative):
        at = put_varbit_uint(out, at, np.uint64(len(spans)))
        for i in range(len(spans)):
            at = put_varbit_uint(out, at, np.uint64(spans[i, 1]))
            at = put_varbit_int(out, at, spans[i, 0])
    if head[4] != 0:
        at = put_varbit_uint(out, at, np.uint64(len(bounds)))
        bits = bounds.view(np.uint64)
        for i in range(len(bounds)):
            # A zero bit says that the bound follows in full; thousandths could be shorter.
            at = put_bits(out, at, np.uint64(0), 1)
            at = put_bits(out, at, bits[i], 64)
    return at


@inner_kernel
def _put_threshold(out: NDArray[np.uint8], at: int, bits: np.uint64) -> int:
    power = np.int64(bits >> np.uint64(52))
    if bits == np.uint64(0):
        return put_bits(out, at, bits, 8)
    if bits & _MANTISSA == np.uint64(0) and _SMALLEST_POWER <= power <= _LARGEST_POWER:
        return put_bits(out, at, np.uint64(power - _SMALLEST_POWER + 1), 8)
    at = put_bits(out, at, _IN_FULL, 8)
    return put_bits(out, at, bits, 64)


@kernel
def write_counts(
    times: NDArray[np.int64],
    counts: NDArray[np.int64],
    sums: NDArray[np.float64],
    out: NDArray[np.uint8],
    at: int,
) -> int:
    """
    Write the samples of a chunk of whole counts, and return the bytes used.

    Parameters
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds, strictly increasing.
    counts : ndarray of int64, shape (n_samples, 2 + n_buckets)
        Count, count of the zero bucket, and the buckets, each as the difference to the one before it, the first of a side to 0.
    sums : ndarray of float64, shape (n_samples,)
        Written bit by bit.
    out : ndarray of uint8
        Zeroed from `at`, a bit position, on; with `samples_room`.
    """
    bits = sums.view(np.uint64)
    window = new_windows(1)[0]
    steps = np.zeros(counts.shape[1] + 1, dtype=np.int64)
    for i in range(len(times)):
        if i == 0:
            at = put_varbit_int(out, at, times[0])
            at = put_varbit_uint(out, at, np.uint64(counts[0, 0]))
            at = put_varbit_uint(out, at, np.uint64(counts[0, 1]))
            at = put_bits(out, at, bits[0], 64)
            for k in range(2, counts.shape[1]):
                at = put_varbit_int(out, at, counts[0, k])
            continue
        at = _put_step(out, at, times[i] - times[i - 1], steps, counts.shape[1])
        for k in range(2):
            at = _put_step(out, at, counts[i, k] - counts[i - 1, k], steps, k)
        at = put_xor(out, at, bits[i], bits[i - 1], window)
        for k in range(2, counts.shape[1]):
            at = _put_step(out, at, counts[i, k] - counts[i - 1, k], steps, k)
    return (at + 7) >> 3


@inner_kernel
def _put_step(out: NDArray[np.uint8], at: int, step: np.int64, steps: NDArray[np.int64], k: int) -> int:
    """Write by how much a step differs from the one before it, which is kept in `steps`."""
    at = put_varbit_int(out, at, step - steps[k])
    steps[k] = step
    return at


@kernel
def write_floats(
    times: NDArray[np.int64], numbers: NDArray[np.float64], out: NDArray[np.uint8], at: int
) -> int:
    """
    Write the samples of a chunk of fractional counts, and return the bytes used.

    Parameters
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds, strictly increasing.
    numbers : ndarray of float64, shape (n_samples, 3 + n_buckets)
        Count, count of the zero bucket, sum, and the buckets; written bit by bit.
    out : ndarray of uint8
        Zeroed from `at`, a bit position, on; with `samples_room`.
    """
    bits = numbers.view(np.uint64)
    n_numbers = bits.shape[1]
    windows = new_windows(n_numbers)
    steps = np.zeros(1, dtype=np.int64)
    for i in range(len(times)):
        if i == 0:
            at = put_varbit_int(out, at, times[0])
            for k in range(n_numbers):
                at = put_bits(out, at, bits[0, k], 64)
            continue
        at = _put_step(out, at, times[i] - times[i - 1], steps, 0)
        for k in range(n_numbers):
            at = put_xor(out, at, bits[i, k], bits[i - 1, k], windows[k])
    return (at + 7) >> 3


def warm() -> None:
    """Compile what answers call, with the types that they call it with."""
    out = np.zeros(layout_room(0, 0) + samples_room(1, 3), dtype=np.uint8)
    spans, times = np.zeros((0, 2), dtype=np.int64), np.zeros(1, dtype=np.int64)
    at = write_layout(np.array([1, 0, 0, 0, 0], dtype=np.int64), spans, spans, np.zeros(0), out)
    write_counts(times, np.zeros((1, 2), dtype=np.int64), np.zeros(1), out, at)
    write_floats(times, np.zeros((1, 3)), out, at)
