"""From an address in this process's memory to the words there: how kernels read chunks where they are, without a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import carray, types  # type: ignore[attr-defined]
from numba.extending import intrinsic

from bongsu.kernels._jit import owning_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNBOUNDED = 1 << 40
"""Length of the arrays made here: what a chunk's bytes say decides how far is read, and no kernel checks bounds."""


@intrinsic
def _pointer(_typing: Any, _address: Any) -> Any:
    """Turn a number into a pointer; `Any`, since numba's compiler types have no annotations."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.uint64)(types.int64), generate  # type: ignore[no-untyped-call]


@owning_kernel
def words_at(address: int) -> NDArray[np.uint64]:
    """Return the words from an address on; whoever calls keeps the memory alive and stays inside."""
    # `Any`: numba completes the call of an intrinsic, and marks nothing as exported.
    make_array: Any = carray
    pointer: Any = _pointer
    words: NDArray[np.uint64] = make_array(pointer(np.int64(address)), (_UNBOUNDED,))
    return words
