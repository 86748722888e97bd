"""Steps of kernels that must not cost a call: an array is passed as seven words, and a loop that calls passes them each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")


def inlined(function: Function) -> Function:
    """Make a function part of every kernel that calls it, before the compiler's own judgement; for small steps of inner loops."""
    compiled: Function = numba.njit(
        function, nogil=True, fastmath=False, error_model="numpy", inline="always"
    )
    return compiled
