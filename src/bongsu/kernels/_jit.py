"""
The one decorator of all kernels, and where their machine code is cached.

numba notices an edit in a kernel's own file only, not in a callee from another file, and would return the stale result. So
each file's code is kept in a folder of its own, whose name carries a digest of that file and of all that it imports.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numba
from numba.core import caching

from bongsu.kernels._dispatchers import CalledDispatcher, InnerDispatcher, KernelDispatcher, OwningDispatcher
from bongsu.kernels._loading import keep_in_cache
from bongsu.kernels._sources import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

Function = TypeVar("Function", bound="Callable[..., Any]")


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
    return next((folder / "kernels" for folder in candidates if _is_writable(folder / "kernels")), None)


CACHE_FOLDER = _cache_folder()


class KernelLocator(caching._CacheLocator):  # noqa: SLF001 - numba's documented way to place a cache is to derive from it
    """Places the code of one of this package's functions; of any other function it says that it is not the one to ask."""

    def __init__(self, function: FunctionType, folder: Path) -> None:
        self._line = function.__code__.co_firstlineno
        self._folder = folder

    def get_cache_path(self) -> str:
        """Return the folder of the function's file in its present state."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Return what must be equal for cached code to be good: the folder's name says it all."""
        return self._folder.name

    def get_disambiguator(self) -> str:
        """Return what tells apart functions of one name in one file."""
        return str(self._line)

    @classmethod
    def from_function(cls, function: FunctionType, file: str) -> Self | None:
        """Return the locator of a kernel, None for a function of another package."""
        source = Path(file)
        if CACHE_FOLDER is None or source.parent != Path(__file__).parent:
            return None
        locator = cls(function, CACHE_FOLDER / f"{source.stem}-{digest_of(source.stem)}")
        locator._folder.mkdir(exist_ok=True)
        return locator


def _register() -> None:
    """Put the locator before numba's own, which stay for functions that are not ours."""
    default = ",".join(locator.__name__ for locator in caching.CacheImpl._locator_classes)  # noqa: SLF001
    ours = f"{KernelLocator.__module__}.{KernelLocator.__qualname__}"
    settings: Any = (
        numba.config
    )  # a module without type hints, which takes its attributes from the environment
    others = settings.CACHE_LOCATOR_CLASSES or default
    if ours not in others:
        settings.CACHE_LOCATOR_CLASSES = f"{ours},{others}"


_register()


def kernel(function: Function) -> Function:
    """
    Compile a kernel: no Python objects, GIL released, fast-math off, cached on disk where a folder can be written.

    Fast-math stays off: with it a NaN count returned 0, and a compensated sum lost its correction.
    """
    return _compiled_by(KernelDispatcher, function)


def inner_kernel(function: Function) -> Function:
    """
    Compile a kernel that only other kernels call, as a part of each of them. A call from Python is a `TypeError`.

    It borrows its arrays: it makes none, and returns none that it was given.
    """
    return _compiled_by(InnerDispatcher, function)


def owning_kernel(function: Function) -> Function:
    """Compile an inner kernel that makes arrays."""
    return _compiled_by(OwningDispatcher, function)


def called_kernel(function: Function) -> Function:
    """
    Compile an inner kernel that is not copied into its callers.

    For large ones with several callers, which are compiled in half the time then, where a call of some ten nanoseconds counts for nothing.
    """
    return _compiled_by(CalledDispatcher, function)


def _compiled_by(dispatcher: type[KernelDispatcher], function: Function) -> Function:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]  # it takes its attributes from the environment
        return function
    compiled: Any = dispatcher(function)
    if CACHE_FOLDER is not None:
        keep_in_cache(compiled)
    kept: Function = compiled
    return kept
