"""All kernels of all parts, loaded before anything waits for them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bongsu.kernels import cache
from bongsu.kernels.warm import compile_all
from bongsu.tsdb.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable


def load_kernels(progress: Callable[[str], None]) -> None:
    """
    Load every kernel: a second or two from the cache, up to a minute on the very first start.

    What is not cached is compiled by a process of its own: the compiler keeps a quarter of a gigabyte for itself, and the
    server goes on answering about its health meanwhile.

    Parameters
    ----------
    progress
        Told what is being loaded, in a few words; what it raises ends the loading.
    """
    if cache.is_writable() and not cache.is_complete():
        _compile_beside(progress)
    _load(progress)
    cache.forget_unused()


def _load(progress: Callable[[str], None]) -> None:
    compile_all(progress)
    warm_up(progress)


def _compile_beside(progress: Callable[[str], None]) -> None:
    """Fill the cache; when that fails for any reason, the caller's own loading compiles what is missing."""
    command = [sys.executable, "-m", "bongsu.server.kernels"]
    with subprocess.Popen(  # noqa: S603 - this very program
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as compiler:
        try:
            for line in compiler.stdout or ():
                progress(line.rstrip())
        except BaseException:
            compiler.kill()
            raise


def _main() -> None:
    _load(lambda line: print(f"first start: {line}", flush=True))  # noqa: T201 - read by the process that waits
    cache.mark_complete()


if __name__ == "__main__":
    _main()
