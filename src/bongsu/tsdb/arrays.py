"""What several modules need of arrays: growing, where readers may hold the old one, and the numbers of ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def grown(array: NDArray[Any], rows: int, *, fill: int | None = None) -> NDArray[Any]:
    """
    Return an array of at least `rows` rows that begins with `array`, itself when it is long enough.

    It grows by half, so that the copying stays a small multiple of the writing; new rows hold `fill`, or anything.
    """
    if rows <= len(array):
        return array
    length = max(rows, len(array) + len(array) // 2)
    larger = np.empty((length, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    if fill is not None:
        larger[len(array) :] = fill
    return larger


def ranges(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of all ranges one after another."""
    sizes = ends - begins
    stops = np.cumsum(sizes)
    return np.repeat(begins - stops + sizes, sizes) + np.arange(int(stops[-1]) if len(stops) else 0)
