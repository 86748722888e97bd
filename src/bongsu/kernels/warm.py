"""Loads every kernel before the server says that it is ready: from the cache, or by compiling it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import bongsu.kernels

if TYPE_CHECKING:
    from collections.abc import Callable


WIRE = frozenset(
    {
        "exposition",
        "known_writes",
        "known_writes_2",
        "otlp_points",
        "protobuf_shape",
        "remote_read",
        "remote_write",
        "xor_stream",
    }
)
"""Modules that read what comes over the network."""

_FIRST = ("fused", "format_floats", "groups", "windows")
"""What most queries call comes first: they may be waiting already."""


def compile_all(progress: Callable[[str], None], *, only: Callable[[str], bool] = lambda _: True) -> None:
    """
    Load all kernels; a module's own ``warm`` function compiles its kernels for the types that they are called with.

    Parameters
    ----------
    progress
        Told which module is being loaded.
    only
        Tells by a module's name whether it is to be loaded.
    """
    modules = (module.name for module in pkgutil.iter_modules(bongsu.kernels.__path__))
    names = sorted((name for name in modules if name != "warm" and only(name)), key=_turn)
    for number, name in enumerate(names, 1):
        progress(f"loading kernels: {name} ({number} of {len(names)})")
        warm = getattr(importlib.import_module(f"bongsu.kernels.{name}"), "warm", None)
        if warm is not None:
            warm()


def _turn(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)
