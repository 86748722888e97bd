"""
Compiling all kernels in processes of their own, for the first start of a server on a machine.

The compiler keeps a quarter of a gigabyte for itself, which goes with its process, and the server goes on answering meanwhile. There
are two, for the two cores of a small machine; each first compiles its share of what a server cannot do without.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from itertools import islice
from typing import TYPE_CHECKING, Self

from bongsu.kernels import cache
from bongsu.kernels.warm import CHUNKS, EDGE, HISTOGRAMS, KEYS, compile_all, kernel_modules
from bongsu.tsdb.warmup import BLOCKS, STEPS, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FIRST_ENDS = "what a server needs at once is compiled"
"""Said by each compiler when its part of it is."""


def _compile_edge(told: Callable[[str], None]) -> None:
    # The keys of series first: the other compiler comes to them when it has compiled what writes chunks.
    compile_all(told, (*KEYS, *EDGE))
    told(_FIRST_ENDS)
    compile_all(told, HISTOGRAMS)


def _compile_store(told: Callable[[str], None]) -> None:
    def tell(step: str) -> None:
        if step == BLOCKS:
            told(_FIRST_ENDS)
        told(step)

    compile_all(told, CHUNKS)
    warm_up(tell)
    compile_all(told, [name for name in kernel_modules() if name not in {*CHUNKS, *KEYS, *EDGE, *HISTOGRAMS}])


_SHARES = {"edge": _compile_edge, "store": _compile_store}
"""Two that take about as long, until a server can start and until the end."""


class KernelCompilers:
    """The processes that fill the cache; a context manager, at whose end they are gone."""

    def __init__(self) -> None:
        self._steps = len(kernel_modules()) + len(STEPS)
        self._done = 0
        reader, writer = os.pipe()
        # All write to one pipe, in lines short enough to stay whole; it ends when they have.
        self._lines = open(reader, encoding="utf-8")  # noqa: PTH123, SIM115 - not a path; closed at the end of all
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for share in _SHARES:
                self._processes.append(_start(share, writer))
        except BaseException:
            self.__exit__()
            raise
        finally:
            os.close(writer)

    def __enter__(self) -> Self:
        """Return these."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        self.end()
        for process in self._processes:
            process.wait()
        self._lines.close()

    def end(self) -> None:
        """Stop compiling; whoever follows returns. May be called by any thread."""
        for process in self._processes:
            process.kill()

    def follow_first(self, progress: Callable[[str], None]) -> None:
        """
        Return when a server can start, or when the compilers have ended.

        Parameters
        ----------
        progress
            Told what is being compiled, in a few words; what it raises ends the following.
        """
        for _ in islice(self._first_ends(progress), len(self._processes)):
            pass

    def follow(self, progress: Callable[[str], None]) -> bool:
        """Return when all have ended; tell whether all is compiled, and note it. The parameter is that of `follow_first`."""
        for _ in self._first_ends(progress):
            pass
        is_whole = all(process.wait() == 0 for process in self._processes)
        if is_whole:
            cache.mark_complete()
        return is_whole

    def _first_ends(self, progress: Callable[[str], None]) -> Iterator[None]:
        """Tell what is being compiled, and yield for each compiler when its part of the first is."""
        for line in self._lines:
            step = line.rstrip()
            if step == _FIRST_ENDS:
                yield
            else:
                self._done += 1
                progress(f"first start, compiling {self._done} of {self._steps}: {step}")


def _start(share: str, output: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bongsu.server.kernel_compilers", share]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)  # noqa: S603 - this very program


def _say(line: str) -> None:
    # By one write, which `print` makes two of where Python does not buffer: the lines of two processes would run into each other.
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    gc.disable()  # it would look for garbage among millions of objects that all live on
    _SHARES[sys.argv[1]](_say)
