"""Loads every kernel before the server says that it is ready: from the cache, or by compiling it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

import bongsu.kernels

if TYPE_CHECKING:
    from collections.abc import Callable


def compile_all(progress: Callable[[str], None]) -> None:
    """
    Load all kernels.

    Parameters
    ----------
    progress
        Told which module is being loaded.
    """
    names = [module.name for module in pkgutil.iter_modules(bongsu.kernels.__path__) if module.name != "warm"]
    for number, name in enumerate(names, 1):
        progress(f"loading kernels: {name} ({number} of {len(names)})")
        importlib.import_module(f"bongsu.kernels.{name}")


if __name__ == "__main__":
    compile_all(print)
