"""
From the canonical bytes of native histograms to dense rows, and what each row says of the one before.

The bytes are those of `bongsu.storage.histograms`, in words of 8 bytes: 7 of head, one for each span, one for each float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

(
    SHAPE_FLAGS, SHAPE_SCHEMA, SHAPE_BOUNDS_DIFFER, SHAPE_NEGATIVE_FIRST, SHAPE_NEGATIVE_STOP, SHAPE_POSITIVE_FIRST,
    SHAPE_POSITIVE_STOP, SHAPE_CUSTOM_VALUES,
) = range(8)  # fmt: skip
"""Columns of what `scan_histograms` finds; a side without buckets has its stop at its first index."""

_HEAD_WORDS = 7
_UNKNOWN, _RESET, _NO_RESET, _GAUGE = 0, 1, 2, 3  # ResetHint
_COUNT, _BUCKETS = 0, 3  # columns of a dense row


@kernel
def _counts(words: NDArray[np.int64], at: int) -> tuple[int, int, int, int, int]:
    """Return how many positive spans, negative spans, positive buckets, negative buckets and custom values there are."""
    # Bytes 4 to 24 of the head are five numbers of 32 bits.
    return (
        (words[at] >> 32) & 0xFFFFFFFF,
        words[at + 1] & 0xFFFFFFFF,
        (words[at + 1] >> 32) & 0xFFFFFFFF,
        words[at + 2] & 0xFFFFFFFF,
        (words[at + 2] >> 32) & 0xFFFFFFFF,
    )


@inner_kernel
def _span(words: NDArray[np.int64], at: int) -> tuple[int, int]:
    """Return offset and length of a span."""
    offset: int = np.int64(np.int32(words[at] & 0xFFFFFFFF))  # type: ignore[assignment]
    return offset, (words[at] >> 32) & 0xFFFFFFFF


@kernel
def _scan(words: NDArray[np.int64], places: NDArray[np.int64], shapes: NDArray[np.int64]) -> None:
    first_floats = 0
    for i in range(len(places)):
        at = places[i]
        n_positive_spans, n_negative_spans, n_positive, n_negative, n_custom = _counts(words, at)
        shapes[i, SHAPE_FLAGS] = words[at] & 0xFF
        shapes[i, SHAPE_SCHEMA] = np.int64(np.int8((words[at] >> 8) & 0xFF))
        shapes[i, SHAPE_CUSTOM_VALUES] = n_custom
        for side in range(2):
            begin = at + _HEAD_WORDS + (0 if side == 1 else n_positive_spans)
            spans = n_positive_spans if side == 1 else n_negative_spans
            index = 0
            first = stop = 0
            for s in range(spans):
                offset, length = _span(words, begin + s)
                index += offset
                if length == 0:
                    continue
                if stop == first:
                    first = index
                index += length
                stop = index
            shapes[i, SHAPE_NEGATIVE_FIRST + 2 * side] = first
            shapes[i, SHAPE_NEGATIVE_STOP + 2 * side] = stop
        floats = at + _HEAD_WORDS + n_positive_spans + n_negative_spans + n_positive + n_negative
        if i == 0:
            first_floats = floats
        differ = n_custom != shapes[0, SHAPE_CUSTOM_VALUES] or words[at + 3] != words[places[0] + 3]
        for k in range(n_custom):
            differ |= (
                n_custom == shapes[0, SHAPE_CUSTOM_VALUES] and words[floats + k] != words[first_floats + k]
            )
        shapes[i, SHAPE_BOUNDS_DIFFER] = differ


def scan_histograms(words: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Return the shape of each histogram; see the names of the columns.

    Parameters
    ----------
    words : ndarray of int64
        The bytes of all histograms, one after another.
    places : ndarray of int64, shape (n,)
        Word at which each begins.

    Returns
    -------
    ndarray of int64, shape (n, 8)
        `SHAPE_BOUNDS_DIFFER` tells that zero threshold or custom bounds are not those of the first histogram.
    """
    shapes = np.zeros((len(places), 8), dtype=np.int64)
    _scan(words, places, shapes)
    return shapes


@kernel
def _fill(
    words: NDArray[np.int64],
    places: NDArray[np.int64],
    sides: tuple[int, int, int],
    rows: NDArray[np.float64],
) -> None:
    floats = words.view(np.float64)
    negative_first, positive_first, positive_at = sides
    for i in range(len(places)):
        at = places[i]
        n_positive_spans, n_negative_spans, n_positive, _, _ = _counts(words, at)
        rows[i, :] = 0.0
        rows[i, 0] = floats[at + 5]
        rows[i, 1] = floats[at + 6]
        rows[i, 2] = floats[at + 4]
        for side in range(2):
            begin = at + _HEAD_WORDS + (0 if side == 1 else n_positive_spans)
            spans = n_positive_spans if side == 1 else n_negative_spans
            bucket = at + _HEAD_WORDS + n_positive_spans + n_negative_spans + (0 if side == 1 else n_positive)
            column = positive_at - positive_first if side == 1 else _BUCKETS - negative_first
            for s in range(spans):
                offset, length = _span(words, begin + s)
                column += offset
                for _ in range(length):
                    rows[i, column] = floats[bucket]
                    column += 1
                    bucket += 1


def fill_rows(
    words: NDArray[np.int64],
    places: NDArray[np.int64],
    negative: tuple[int, int],
    positive: tuple[int, int],
) -> NDArray[np.float64]:
    """
    Return histograms as dense rows: count, sum, zero bucket, negative buckets, positive buckets.

    Parameters
    ----------
    negative, positive
        First index and number of the buckets of each side, which hold all buckets of all histograms.
    """
    rows = np.empty((len(places), _BUCKETS + negative[1] + positive[1]))
    _fill(words, places, (negative[0], positive[0], _BUCKETS + negative[1]), rows)
    return rows


@inner_kernel
def _fell(rows: NDArray[np.float64], i: int) -> bool:
    """Tell whether the count or any bucket of a row is below that of the row before, or a bucket is gone; the sum may be."""
    if rows[i, _COUNT] < rows[i - 1, _COUNT] or rows[i, _BUCKETS - 1] < rows[i - 1, _BUCKETS - 1]:
        return True
    fell = False
    for k in range(_BUCKETS, rows.shape[1]):
        now, before = rows[i, k], rows[i - 1, k]
        # Differences count below zero, and a bucket that goes from there to nothing is gone all the same.
        fell |= (now < before) | ((now == 0.0) & (before < 0.0))
    return fell


@kernel
def _settle(rows: NDArray[np.float64], follows: NDArray[np.bool_], hints: NDArray[np.uint8]) -> None:
    for i in range(len(rows)):
        if hints[i] in (_RESET, _GAUGE):
            continue
        hints[i] = _UNKNOWN
        if follows[i]:
            hints[i] = _RESET if _fell(rows, i) else _NO_RESET


def settle_hints(rows: NDArray[np.float64], follows: NDArray[np.bool_], hints: NDArray[np.uint8]) -> None:
    """
    Replace what a writer said about resets by what the samples say, in place; an explicit reset and a gauge stay.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, width)
        Histograms of one layout.
    follows : ndarray of bool, shape (n,)
        Whether the row before is the sample before of the same counter.
    hints : ndarray of uint8, shape (n,)
    """
    _settle(rows, follows, hints)


@kernel
def _mark(
    rows: NDArray[np.float64], hints: NDArray[np.uint8], resets: NDArray[np.uint8], changes: NDArray[np.uint8]
) -> None:
    for i in range(len(rows)):
        resets[i] = changes[i] = 0
        if i == 0:
            continue
        resets[i] = hints[i] == _RESET or (hints[i] != _NO_RESET and _fell(rows, i))
        for k in range(rows.shape[1]):
            now, before = rows[i, k], rows[i - 1, k]
            if now != before and not (k == 1 and np.isnan(now) and np.isnan(before)):
                changes[i] = 1


def mark_transitions(
    rows: NDArray[np.float64], hints: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return which rows are a counter reset after the row before, and which differ from it; all are of one layout."""
    resets, changes = np.empty(len(rows), dtype=np.uint8), np.empty(len(rows), dtype=np.uint8)
    _mark(rows, hints, resets, changes)
    return resets, changes


def warm() -> None:
    """Compile for the types that are called with."""
    words, places = np.zeros(8, dtype=np.int64), np.zeros(1, dtype=np.int64)
    scan_histograms(words, places)
    rows, hints = fill_rows(words, places, (0, 0), (0, 0)), np.zeros(1, dtype=np.uint8)
    settle_hints(rows, np.zeros(1, dtype=np.bool_), hints)
    mark_transitions(rows, hints)
