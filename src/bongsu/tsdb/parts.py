"""A part of a selection: what one source, the head or a block, has of the selected series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KIND_SHIFT = 16
"""SHAPE is ``codec | flags << 8 | is_histogram << KIND_SHIFT``."""


class Extra(NamedTuple):
    """
    Samples of some rows that are in no chunk.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_rows,)
        Rising.
    first : ndarray of int64, shape (n_rows + 1,)
        ``rows[i]`` owns ``samples[:, first[i]:first[i + 1]]``, in order of time.
    samples : ndarray of int64, shape (4, n_samples)
        As in `bongsu.kernels.merge`.
    owners
        What keeps the histograms' bytes alive.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.int64]
    samples: NDArray[np.int64]
    owners: tuple[object, ...] = ()


def no_extra() -> Extra:
    """Return no samples."""
    return Extra(np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64), np.empty((4, 0), dtype=np.int64))


def none_hidden() -> NDArray[np.int64]:
    """Return no deletions."""
    return np.empty((0, 3), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Part:
    """
    Frozen samples of some rows.

    Attributes
    ----------
    first : ndarray of int64, shape (n_rows + 1,)
        Row *i* owns chunks ``first[i]:first[i + 1]`` of the table, oldest first.
    table : ndarray of int64, shape (n_chunks, 8)
        Chunks as in `bongsu.kernels.chunks`; places are addresses.
    owners
        What keeps the memory behind the addresses alive.
    extra
        Samples that are in no chunk; they hide chunk samples of the same time.
    hidden : ndarray of int64, shape (n_hidden, 3)
        Row, first and last deleted time; they hide chunk samples, not extra ones.
    """

    first: NDArray[np.int64]
    table: NDArray[np.int64]
    owners: tuple[object, ...]
    extra: Extra = field(default_factory=no_extra)
    hidden: NDArray[np.int64] = field(default_factory=none_hidden)
