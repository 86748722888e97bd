"""
The one decorator of all kernels, and where their machine code is cached.

numba notices an edit in a kernel's own file only, not in a callee from another file, and returns the stale result. So the
cache folder's name carries a digest of all kernel sources: any edit starts a new cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., Any]")


def _sources_digest() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path | None:
    """Return the first usable cache folder, or None: kernels are then compiled at every start, which is only slower."""
    home = os.environ.get("BONGSU_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    candidates = [Path(home) / "bongsu"] if home else []
    with contextlib.suppress(RuntimeError):  # no home folder is known
        candidates.append(Path.home() / ".cache" / "bongsu")
    name = f"kernels-{_sources_digest()}"
    return next((folder / name for folder in candidates if _is_writable(folder / name)), None)


CACHE_FOLDER = _cache_folder()
if CACHE_FOLDER is not None:
    os.environ.setdefault("NUMBA_CACHE_DIR", str(CACHE_FOLDER))

import numba  # noqa: E402 - the cache folder must be named before numba reads its settings


def kernel(function: Function) -> Function:
    """
    Compile a kernel: no Python objects, GIL released, fast-math off, cached on disk where a folder can be written.

    Fast-math stays off: with it a NaN count returned 0, and a compensated sum lost its correction.
    """
    compiled: Function = numba.njit(
        function, nogil=True, cache=CACHE_FOLDER is not None, fastmath=False, error_model="numpy"
    )
    return compiled
