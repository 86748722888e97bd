"""Loads every kernel before the server says that it is ready: from the cache, or by compiling it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import bongsu.kernels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


EDGE = (
    "exposition",
    "format_floats",
    "known_writes",
    "known_writes_2",
    "otlp_points",
    "protobuf_shape",
    "remote_read",
    "remote_write",
    "xor_stream",
)
"""Modules that read what comes over the network, and that write answers."""

KEYS = ("log_columns", "identity", "labels")
"""Modules that the first write of a series calls."""

CHUNKS = ("chunks",)
"""What writes chunks."""

HISTOGRAMS = ("histogram_statistics", "histogram_samples", "histogram_windows", "counters")
"""Modules of queries that read native histograms, and windows with start times."""

_TOOLS = ("beside", "cache", "warm")
"""Modules without kernels."""

_FIRST = ("fused", "format_floats", "groups", "windows")
"""What most queries call comes first: they may be waiting already."""


def kernel_modules() -> list[str]:
    """Return the names of all modules of kernels but private ones, which the others import, in the order in which a server that is asked already wants them."""
    modules = (module.name for module in pkgutil.iter_modules(bongsu.kernels.__path__))
    return sorted((name for name in modules if name not in _TOOLS and not name.startswith("_")), key=_turn)


def compile_all(progress: Callable[[str], None], names: Sequence[str] | None = None) -> None:
    """
    Load kernels; a module's own ``warm`` function compiles its kernels for the types that they are called with.

    Parameters
    ----------
    progress
        Told which module is being loaded.
    names
        Modules in their order; all of them if not given.
    """
    for name in kernel_modules() if names is None else names:
        progress(f"kernels: {name}")
        warm = getattr(importlib.import_module(f"bongsu.kernels.{name}"), "warm", None)
        if warm is not None:
            warm()


def _turn(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)
