"""The folder of compiled kernels: whether it has all of them for this machine, and what older versions left behind."""

from __future__ import annotations

import os
import shutil
import time

import llvmlite.binding as llvm

from bongsu.kernels._jit import CACHE_FOLDER

_KEPT_DAYS = 30
"""A cache that no start has used for this long belongs to a version that is gone; one takes some ten megabytes."""


def is_writable() -> bool:
    """Tell whether compiled kernels are kept at all."""
    return CACHE_FOLDER is not None


def is_complete() -> bool:
    """Tell whether `mark_complete` was called for these sources on a processor like this one."""
    return CACHE_FOLDER is not None and (CACHE_FOLDER / _mark()).exists()


def mark_complete() -> None:
    """Note that every kernel was compiled; a folder that cannot be written any more is no harm."""
    if CACHE_FOLDER is not None and os.access(CACHE_FOLDER, os.W_OK):
        (CACHE_FOLDER / _mark()).touch()


def forget_unused() -> None:
    """Remove the caches of versions that are no longer started; each version has a folder of its own."""
    if CACHE_FOLDER is None or not os.access(CACHE_FOLDER, os.W_OK):
        return
    os.utime(CACHE_FOLDER)
    oldest = time.time() - _KEPT_DAYS * 86_400
    for folder in CACHE_FOLDER.parent.glob("kernels-*"):
        if folder != CACHE_FOLDER and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


def _mark() -> str:
    """Name of the note: machine code of one processor is of no use to another."""
    return f"complete-{llvm.get_host_cpu_name()}"
