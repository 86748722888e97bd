"""All kernels of all parts, loaded before anything waits for them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from bongsu.kernels import cache
from bongsu.kernels.warm import WIRE, compile_all, kernel_modules
from bongsu.runtime.resident import release_code
from bongsu.tsdb.warmup import STEPS, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable


def _compile_queries(progress: Callable[[str], None]) -> None:
    compile_all(progress, [name for name in kernel_modules() if name not in WIRE])


def _compile_store(progress: Callable[[str], None]) -> None:
    compile_all(progress, WIRE)
    warm_up(progress)


SHARES = {"queries": _compile_queries, "store": _compile_store}
"""What is compiled side by side on the first start: two shares that take about as long, for the two cores of a small machine."""


def load_kernels(progress: Callable[[str], None]) -> None:
    """
    Load every kernel: a second or two from the cache, some two minutes on two processors on the very first start.

    What is not cached is compiled by processes of their own: the compiler keeps a quarter of a gigabyte for itself, and the
    server goes on answering about its health meanwhile.

    Parameters
    ----------
    progress
        Told what is being loaded, in a few words; what it raises ends the loading.
    """
    if cache.is_writable() and not cache.is_complete():
        _compile_beside(progress)
    compile_all(progress)
    warm_up(progress)
    cache.forget_unused()
    # The compiler has done its work: some 50 MB of its code, which come back if it is called once more.
    release_code("llvmlite")


class LoadingBeside:
    """
    The loading of kernels that are all cached, beside a server that answers: whoever needs one before its turn loads it then.

    After each step it rests for as long as the step took, since it holds Python's lock, which requests wait for.

    Parameters
    ----------
    failed
        Told what went wrong; kernels are then loaded when they are needed.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._ending = threading.Event()
        self._worked_s = 0.0
        self._thread = threading.Thread(target=self._load, name="kernels")
        self._thread.start()

    def end(self) -> None:
        """Return when nothing is being loaded any more."""
        self._ending.set()
        self._thread.join()

    def _load(self) -> None:
        try:
            load_kernels(self._go_on)
        except _Ended:
            return
        except Exception as error:  # noqa: BLE001 - nothing depends on it
            self._failed(error)

    def _go_on(self, _: str) -> None:
        worked_s = time.thread_time()
        if self._ending.wait(worked_s - self._worked_s):
            raise _Ended
        self._worked_s = worked_s


class _Ended(Exception):
    """The server stops before all kernels are loaded."""


def _compile_beside(progress: Callable[[str], None]) -> None:
    """Fill the cache; when that fails for any reason, the caller's own loading compiles what is missing."""
    steps = len(kernel_modules()) + len(STEPS)
    with contextlib.ExitStack() as stack:
        reader, writer = os.pipe()
        # Both write to one pipe, in lines short enough to stay whole; it ends when both have.
        lines = stack.enter_context(open(reader, encoding="utf-8"))  # noqa: PTH123 - not a path
        try:
            compilers = [stack.enter_context(_compiler(share, writer)) for share in SHARES]
        finally:
            os.close(writer)
        try:
            for number, line in enumerate(lines, 1):
                progress(f"first start, compiling {number} of {steps}: {line.rstrip()}")
        except BaseException:
            for compiler in compilers:
                compiler.kill()
            raise
        if all(compiler.wait() == 0 for compiler in compilers):
            cache.mark_complete()


def _compiler(share: str, output: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bongsu.server.kernels", share]
    return subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)  # noqa: S603 - this very program


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - read by the process that waits


if __name__ == "__main__":
    SHARES[sys.argv[1]](_say)
