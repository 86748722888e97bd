"""Memory that a process can do without: pages of code that was needed once, and what threads free and no other thread takes."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAPS = Path("/proc/self/smaps")
_CODE = "r-xp"

_M_ARENA_MAX = -8
"""The parameter's number in glibc's malloc.h."""


def share_one_heap() -> bool:
    """
    Let all threads take memory from one heap; to be called before they start. Return whether the C library knows such a choice.

    glibc gives threads heaps of their own, up to eight for each processor, and what one of them has freed serves no other: ten heavy queries in a
    pool of threads left 900 MB behind, where 270 MB are left with one heap. Kernels allocate outside their loops, and the rest waits for
    Python's lock anyway, so that the one heap is hardly ever waited for: the same queries took no more processor time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, 1))


def release_code(library: str) -> int:
    """
    Let the pages of a shared library's machine code leave memory; return how many bytes were mapped.

    What is called later on comes back, page by page, from the file, or the page cache. Mappings of which a page was written to are left
    alone, and so is everything where the kernel does not tell its mappings as Linux does.

    Parameters
    ----------
    library
        What the file's name contains.
    """
    if not _MAPS.exists() or not hasattr(mmap, "MADV_DONTNEED"):
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    released = 0
    for start, stop in _clean_code(_MAPS.read_text(), library):
        if madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED) == 0:
            released += stop - start
    return released


def _clean_code(maps: str, library: str) -> Iterator[tuple[int, int]]:
    """Yield the bounds of a library's mappings that hold nothing but code as it is in the file."""
    bounds: tuple[int, int] | None = None
    for line in maps.splitlines():
        fields = line.split()
        if not fields[0].endswith(":"):
            start, _, stop = fields[0].partition("-")
            is_code = fields[1] == _CODE and library in Path(fields[-1]).name
            bounds = (int(start, 16), int(stop, 16)) if is_code else None
        elif fields[0] == "Private_Dirty:" and bounds is not None and fields[1] == "0":
            yield bounds
