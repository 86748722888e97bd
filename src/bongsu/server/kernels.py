"""All kernels of all parts, loaded before anything waits for them."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bongsu.kernels import cache
from bongsu.kernels.beside import compiled_elsewhere
from bongsu.kernels.warm import compile_all
from bongsu.runtime.resident import release_code
from bongsu.server.kernel_compilers import KernelCompilers
from bongsu.tsdb.warmup import warm_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger


def load_kernels(progress: Callable[[str], None]) -> None:
    """
    Load every kernel: a second or two from the cache, a minute or two on two processors where nothing is cached.

    What is not cached is compiled by processes of their own, if it can be kept.

    Parameters
    ----------
    progress
        Told what is being loaded, in a few words; what it raises ends the loading.
    """
    if cache.is_writable() and not cache.is_complete():
        with KernelCompilers() as compilers:
            compilers.follow(progress)
    _load_all(progress)


class KernelLoading:
    """
    The loading of kernels for a server that starts: it waits for those that it cannot do without, the others come beside it.

    Where all are cached it waits for none: whoever needs one before its turn loads it then. On the first start on a machine it waits
    until the kernels are compiled that take samples in, store them, read them and write answers; a query that needs another
    one waits for that. Where nothing can be cached it waits for all.

    Parameters
    ----------
    log
        Told what happens beside the server. When that goes wrong, kernels are compiled when they are needed.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._ending = threading.Event()
        self._worked_s = 0.0
        self._stack = ExitStack()
        self._compilers: KernelCompilers | None = None
        self._thread: threading.Thread | None = None

    def load_first(self, progress: Callable[[str], None]) -> None:
        """
        Return when a server can start.

        Parameters
        ----------
        progress
            As `load_kernels` has it.
        """
        if cache.is_complete():
            return
        progress("loading kernels")
        if not cache.is_writable():
            _load_all(progress)
            return
        with ExitStack() as stack:
            self._compilers = stack.enter_context(KernelCompilers())
            stack.enter_context(compiled_elsewhere())
            self._compilers.follow_first(progress)
            self._stack = stack.pop_all()

    def load_others(self) -> None:
        """
        Load the other kernels in a thread.

        After each step it rests for as long as the step took, since it holds Python's lock, which requests wait for.
        """
        self._thread = threading.Thread(target=self._load, name="kernels")
        self._thread.start()

    def end(self) -> None:
        """Return when nothing is being compiled or loaded any more."""
        self._ending.set()
        if self._compilers is not None:
            self._compilers.end()
        if self._thread is not None:
            self._thread.join()
        self._stack.close()

    def _load(self) -> None:
        try:
            self._follow_compilers()
            _load_all(self._go_on)
        except _Ended:
            return
        except Exception as error:  # noqa: BLE001 - nothing depends on it
            self._log.warning("kernels could not be loaded", error=str(error))

    def _follow_compilers(self) -> None:
        if self._compilers is None:
            return
        self._log.info("some kernels are still being compiled; queries that need one wait for it")
        with self._stack:
            is_whole = self._compilers.follow(lambda _: None)
        if is_whole:
            self._log.info("all kernels are compiled")
        elif not self._ending.is_set():
            self._log.warning(
                "not all kernels could be compiled ahead; queries that need others wait longer, once"
            )

    def _go_on(self, _: str) -> None:
        worked_s = time.thread_time()
        if self._ending.wait(worked_s - self._worked_s):
            raise _Ended
        self._worked_s = worked_s


class _Ended(Exception):
    """The server stops before all kernels are loaded."""


def _load_all(progress: Callable[[str], None]) -> None:
    compile_all(progress)
    warm_up(progress)
    cache.forget_unused()
    # The compiler has done its work: some 50 MB of its code, which come back if it is called once more.
    release_code("llvmlite")
