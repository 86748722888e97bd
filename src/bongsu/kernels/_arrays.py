"""
Arrays in the one form that a kernel is compiled for.

numba compiles anew for each mixture of memory layouts and of writable and read-only arrays. Public kernel functions bring their
arrays into one form first, so that what was compiled at the start is what runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Element = TypeVar("Element", bound=np.generic)


def plain(array: NDArray[Element]) -> NDArray[Element]:
    """Return the array contiguous and writable: itself, or a copy where it is a broadcast, a slice across, or read-only."""
    return array if array.flags.c_contiguous and array.flags.writeable else array.copy()


def read_only(array: NDArray[Element]) -> NDArray[Element]:
    """Return a read-only view of a contiguous array; bytes of a mapped file are that already."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
