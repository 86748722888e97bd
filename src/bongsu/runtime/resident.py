"""Memory that a process can do without for now: pages of code that was needed once."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAPS = Path("/proc/self/smaps")
_CODE = "r-xp"


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
