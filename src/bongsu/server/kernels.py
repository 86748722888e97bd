"""All kernels of all parts, loaded before anything waits for them."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from bongsu.kernels._jit import CACHE_FOLDER
from bongsu.kernels.warm import compile_all
from bongsu.tsdb.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT_DAYS = 30
"""A cache that no start has used for this long belongs to a version that is gone; one takes some ten megabytes."""


def load_kernels(progress: Callable[[str], None]) -> None:
    """
    Load every kernel from the cache, or compile it: some seconds, on the very first start up to a minute.

    Parameters
    ----------
    progress
        Told what is being loaded, in a few words.
    """
    compile_all(progress)
    warm_up(progress)
    _forget_old_caches()


def _forget_old_caches() -> None:
    """Remove the caches of versions that are no longer started; each version has a folder of its own."""
    if CACHE_FOLDER is None:
        return
    os.utime(CACHE_FOLDER)
    oldest = time.time() - _KEPT_DAYS * 86_400
    for folder in CACHE_FOLDER.parent.glob("kernels-*"):
        if folder != CACHE_FOLDER and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
