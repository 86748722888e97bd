"""
Kernels that another process is compiling meanwhile: whoever needs one waits until it is in the cache.

That is so only in the first minute of a server's life on a machine. To compile the kernel here would take as long, and leave the
quarter of a gigabyte behind that the compiler keeps for itself.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_POLL_S = 0.05

_nobody_compiles = threading.Event()
_nobody_compiles.set()


@contextlib.contextmanager
def compiled_elsewhere() -> Iterator[None]:
    """Say that another process fills the cache as long as this lasts."""
    _nobody_compiles.clear()
    try:
        yield
    finally:
        _nobody_compiles.set()


def wait_until(is_cached: Callable[[], bool]) -> None:
    """Return when the kernel is there, or when nobody compiles it any more."""
    while not (_nobody_compiles.is_set() or is_cached()):
        _nobody_compiles.wait(_POLL_S)
