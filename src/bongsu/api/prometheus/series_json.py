"""
Label sets and points as JSON, written column by column.

No Python object is made per sample, and per series only when there are few of them: distinct labels are encoded once, and a
kernel copies them and formats the numbers into a buffer of bounded size.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from bongsu.api.prometheus.ahead import made_ahead
from bongsu.api.respond import json_bytes
from bongsu.kernels.format_floats import (
    MAX_FLOAT_BYTES,
    MAX_TIME_BYTES,
    TEXT_SLACK,
    write_floats,
    write_matrix,
    write_times,
)
from bongsu.model.label_columns import ABSENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns

    Kernel = Callable[[int, NDArray[np.uint8]], tuple[int, int]]
    """Writes from a row on into a buffer; returns the bytes used and the row to go on with."""

PART_BYTES = 1 << 20
"""Size of the pieces of a large answer; its memory is a few of them, however large it is."""

POINT_BYTES = MAX_TIME_BYTES + MAX_FLOAT_BYTES + 6
"""No point is longer: its time, its value, brackets, quotes and commas."""

FEW_SERIES = 48
"""Up to here the labels are quicker to encode one by one than to pack as columns (measured with eight labels)."""

_USUAL_LABEL_BYTES, _USUAL_VALUE_BYTES = 150, 23
"""What labels and a value mostly take, for parts of about the wanted size."""

_NO_KINDS = np.empty((0, 0), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class PackedTexts:
    """
    Pieces of JSON that the kernels copy.

    Attributes
    ----------
    texts : ndarray of uint8
    starts : ndarray of int64, shape (n_texts + 1,)
        Text *i* is ``texts[starts[i]:starts[i + 1]]``.
    codes : ndarray of int32, shape (n_columns, n_series)
        The texts of the labels of each series, negative where it lacks one.
    """

    texts: NDArray[np.uint8]
    starts: NDArray[np.int64]
    codes: NDArray[np.int32]

    def usual_point_bytes(self, n_steps: int) -> float:
        """Return about how many bytes a point takes."""
        openings = int(self.starts[3 + n_steps] - self.starts[3])
        return _USUAL_VALUE_BYTES + (openings / n_steps if n_steps else 0)

    def bytes_for(self, rows: int, points: int) -> int:
        """Return in how many bytes so many series and points fit."""
        return rows * (len(self.texts) + len(self.codes)) + points * POINT_BYTES


def pack_texts(
    frame: tuple[bytes, bytes, bytes], steps: NDArray[np.int64], labels: LabelColumns
) -> PackedTexts:
    """
    Return the pieces of JSON of some series.

    Parameters
    ----------
    frame
        What stands before the labels, between labels and points, and after the points.
    steps : ndarray of int64, shape (n_steps,)
        Unix milliseconds of the points; empty when the series have none, or times of their own.
    """
    opening, opening_ends = _point_openings(steps)
    known = labels.derived("json", lambda: _label_texts(labels))
    first_step, first_label = 3, 3 + len(steps)
    starts = np.empty(first_label + len(known.ends) + 1, dtype=np.int64)
    starts[: first_step + 1] = list(accumulate(map(len, frame), initial=0))
    starts[first_step + 1 : first_label + 1] = starts[first_step] + opening_ends
    starts[first_label + 1 :] = starts[first_label] + known.ends
    codes = np.where(known.codes == ABSENT, np.int32(ABSENT), known.codes + np.int32(first_label))
    texts = b"".join((*frame, opening, known.texts, bytes(TEXT_SLACK)))
    return PackedTexts(np.frombuffer(texts, dtype=np.uint8), starts, codes)


@dataclass(frozen=True, slots=True)
class _LabelTexts:
    """
    The labels of some series as pieces of JSON.

    Attributes
    ----------
    texts
        The pieces one after another.
    ends : ndarray of int64, shape (n_pieces,)
        Where each ends.
    codes : ndarray of int32, shape (n_columns, n_series)
        The pieces of each series, `ABSENT` where it lacks a label.
    """

    texts: bytes
    ends: NDArray[np.int64]
    codes: NDArray[np.int32]


def _label_texts(labels: LabelColumns) -> _LabelTexts:
    fragments, codes = _label_fragments(labels)
    sizes = np.fromiter(map(len, fragments), dtype=np.int64, count=len(fragments))
    return _LabelTexts(b"".join(fragments), sizes.cumsum(), codes)


def _label_fragments(labels: LabelColumns) -> tuple[list[bytes], NDArray[np.int32]]:
    """Return pieces of ``"name":"value"`` and the pieces of each series, shape (n_columns, n_series)."""
    if labels.n_series <= FEW_SERIES:
        whole = [text[1:-1] for text in _label_maps(labels)]
        return whole, np.arange(labels.n_series, dtype=np.int32).reshape(1, -1)
    fragments: list[bytes] = []
    codes = np.empty((len(labels.names), labels.n_series), dtype=np.int32)
    for index, name in enumerate(labels):
        column = labels.get(name)
        assert column is not None
        used = column.compacted()
        codes[index] = np.where(used.codes == ABSENT, ABSENT, used.codes + len(fragments))
        quoted = json_bytes(name) + b":"
        fragments += [quoted + json_bytes(value) for value in used.values]
    return fragments, codes


def _point_openings(steps: NDArray[np.int64]) -> tuple[bytes, NDArray[np.int64]]:
    """Return ``[time,"`` of every step, one after another, and where each ends."""
    out = np.empty(len(steps) * (MAX_TIME_BYTES + 3), dtype=np.uint8)
    ends = np.empty(len(steps), dtype=np.int64)
    write_times(steps, ord("["), ord(","), out, ends)
    return out[: ends[-1] if len(ends) else 0].tobytes(), ends


def in_parts(write: Kernel, rows: int, bound: int, *, follows: bool = False) -> Iterator[bytes]:
    """
    Yield what a kernel writes, in pieces of about `PART_BYTES`; the comma behind the last row is left out.

    Parameters
    ----------
    bound
        Bytes in which everything fits: a small answer must not pay for a large buffer.
    follows
        Whether other rows come before, so that the first piece, too, begins with a comma.
    """
    out = _buffer(min(bound, PART_BYTES))
    row = 0
    while row < rows:
        used, following = write(row, out[1:])
        if used:
            yield out[0 if follows else 1 : used].tobytes()
            follows = True
        elif following < rows:
            out = _buffer(2 * len(out))  # one series is larger than the buffer
        row = following


def _buffer(size: int) -> NDArray[np.uint8]:
    """Return room for so many bytes, behind the comma that parts them from those before: to put it there later would copy them."""
    out = np.empty(1 + size, dtype=np.uint8)
    out[0] = ord(",")
    return out


def matrix_rows(
    packed: PackedTexts,
    values: NDArray[np.float64],
    kinds: NDArray[np.uint8] | None,
    order: NDArray[np.int64],
    helpers: Executor | None = None,
) -> Iterator[bytes]:
    """
    Yield the float points of series at common steps, as `bongsu.kernels.format_floats.write_matrix` writes them.

    Parameters
    ----------
    helpers
        Make parts of a large answer ahead.
    """
    values = np.ascontiguousarray(values)
    kind_matrix = _NO_KINDS if kinds is None else np.ascontiguousarray(kinds)
    n_steps = values.shape[1]

    def write_some(rows: NDArray[np.int64]) -> bytes:
        def write(first: int, out: NDArray[np.uint8]) -> tuple[int, int]:
            return write_matrix(
                packed.texts, packed.starts, packed.codes, values, kind_matrix, rows, first, out
            )

        bound = packed.bytes_for(len(rows), len(rows) * n_steps)
        return b"".join(in_parts(write, len(rows), bound, follows=True))

    together = max(1, int(PART_BYTES / (_USUAL_LABEL_BYTES + packed.usual_point_bytes(n_steps) * n_steps)))
    makers = (
        functools.partial(write_some, order[row : row + together]) for row in range(0, len(order), together)
    )
    begins = 1  # where what is sent of a part begins: the first one has no comma
    for part in made_ahead(makers, helpers if len(order) > together else None):
        if part:
            yield part[begins:]
            begins = 0


def few_rows(labels: LabelColumns, time: bytes, values: NDArray[np.float64], rows: Sequence[int]) -> bytes:
    """Return a few series with a point each: what a kernel needs to write their whole text takes longer than the text."""
    maps = _label_maps(labels)
    return b",".join(
        b'{"metric":%b,"value":[%b,"%b"]}' % (maps[row], time, text)
        for row, text in zip(rows, _float_texts(values), strict=True)
    )


def _label_maps(labels: LabelColumns) -> list[bytes]:
    """Return the label sets of a few series as JSON objects."""
    return labels.derived(
        "json maps", lambda: [json_bytes(labels.labels(row)) for row in range(labels.n_series)]
    )


def label_rows(labels: LabelColumns, order: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield label maps as JSON objects, with commas between them."""
    # Without points the kernel overwrites the comma that the second text ends with.
    packed = pack_texts((b"{", b"},", b","), np.empty(0, dtype=np.int64), labels)
    return matrix_rows(packed, np.empty((labels.n_series, 0)), None, order)


def float_text(value: float) -> str:
    """Return one number as the answers write it."""
    return _float_texts(np.array([value], dtype=np.float64))[0].decode()


def _float_texts(values: NDArray[np.float64]) -> list[bytes]:
    out = np.empty(len(values) * MAX_FLOAT_BYTES, dtype=np.uint8)
    ends = np.empty(len(values), dtype=np.int64)
    write_floats(values, out, ends)
    text, begin = out.tobytes(), 0
    found = []
    for end in ends.tolist():
        found.append(text[begin:end])
        begin = end
    return found
