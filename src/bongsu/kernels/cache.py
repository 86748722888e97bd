"""The folder of compiled kernels: whether it has all of them for this machine, and what older versions left behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from typing import TYPE_CHECKING

import llvmlite.binding as llvm
import orjson

from bongsu.kernels._jit import CACHE_FOLDER
from bongsu.kernels._sources import digest_of, digest_of_all, is_module
from bongsu.runtime.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEPT_DAYS = 30
"""Code that no start has used for this long belongs to a version that is gone; a version takes some ten megabytes."""


def is_writable() -> bool:
    """Tell whether compiled kernels are kept at all."""
    return CACHE_FOLDER is not None


def is_complete() -> bool:
    """Tell whether all is there that `mark_complete` noted for these sources on a processor like this one, as large as it was."""
    if CACHE_FOLDER is None:
        return False
    try:
        noted: dict[str, int] = orjson.loads((CACHE_FOLDER / _mark()).read_bytes())
        return all((CACHE_FOLDER / name).stat().st_size >= size for name, size in noted.items())
    except (OSError, orjson.JSONDecodeError):
        return False


def mark_complete() -> None:
    """Note that every kernel was compiled, and what files that made; a folder that cannot be written any more is no harm."""
    if CACHE_FOLDER is not None:
        with contextlib.suppress(OSError):
            sizes = {str(file.relative_to(CACHE_FOLDER)): file.stat().st_size for file in _code(CACHE_FOLDER)}
            write_whole(CACHE_FOLDER / _mark(), [orjson.dumps(sizes)])


def _code(folder: Path) -> Iterator[Path]:
    """Yield the files of all kernels in their present state; whatever else is there is about to become one of them."""
    for entry in folder.iterdir():
        if entry.is_dir() and _is_used(entry):
            yield from (file for file in entry.iterdir() if file.suffix in (".nbi", ".nbc"))


def forget_unused() -> None:
    """Remove the code of versions that are no longer started: each state of a source file has a folder of its own."""
    if CACHE_FOLDER is None or not os.access(CACHE_FOLDER, os.W_OK):
        return
    oldest = time.time() - _KEPT_DAYS * 86_400
    for entry in CACHE_FOLDER.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another server that starts has removed it
            if _is_used(entry):
                os.utime(entry)
            elif entry.stat().st_mtime < oldest:
                _remove(entry)


def _is_used(entry: Path) -> bool:
    module = entry.name.rpartition("-")[0]
    if entry.is_dir():
        return is_module(module) and entry.name == f"{module}-{digest_of(module)}"
    return entry.name == _mark()


def _remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)


def _mark() -> str:
    """Name of the note: machine code of one processor is of no use to another."""
    return f"complete-{llvm.get_host_cpu_name()}-{digest_of_all()}"
