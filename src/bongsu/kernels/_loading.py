"""
Loading kernels from their cache without waking the compiler.

Before numba loads anything it makes itself ready to compile: it imports and registers what it can translate, and reads the
intermediate code that other kernels would be made from. Of a start with all kernels cached that was half of the processor time
and 45 MB. Here both wait until something is compiled.
"""

# ruff: noqa: SLF001 - numba has no settings for any of this; its versions are pinned, and tests load and link

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import llvmlite.binding as llvm
from numba.core import caching, codegen
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.core.runtime.nrt import rtsys

if TYPE_CHECKING:
    from collections.abc import Callable


def keep_in_cache(compiled: Any) -> None:
    """Do what numba's ``cache=True`` does, with a cache that loads in the way of this module; to be called before the first call."""
    if isinstance(compiled, Dispatcher):  # not while numba is switched off
        numba_dispatcher: Any = compiled
        numba_dispatcher._cache = KernelCache(numba_dispatcher.py_func)


class KernelLibrary(codegen.JITCodeLibrary):
    """The machine code of one kernel; where it was loaded, its intermediate code is read when a kernel that calls it is compiled."""

    _unread: bytes | None = None

    @classmethod
    def _unserialize(cls, generator: Any, state: tuple[str, str, Any]) -> Self:
        name, kind, code = state
        if kind != "object":
            raise AssertionError(f"BUG: {name} is cached as {kind!r}, not as machine code")
        library = generator.create_library(name)
        library.enable_object_caching()
        library._set_compiled_object(code[0])
        library._unread = code[1]
        library._finalize_final_module()
        loaded: Self = library
        return loaded

    def get_pointer_to_function(self, name: str) -> Any:
        """Return the address of a function, 0 if there is none of that name."""
        inherited: Any = super()
        # numba looks for a name among those that it has read; what is asked for here was written together with the code.
        if self._unread is None:
            return inherited.get_pointer_to_function(name)
        return self._engine.get_function_address(name)

    def _get_module_for_linking(self) -> llvm.ModuleRef:
        if self._unread is not None:
            self._shared_module = llvm.parse_bitcode(self._unread)
            self._engine._load_defined_symbols(self._shared_module)
            self._unread = None
        inherited: Any = super()
        return inherited._get_module_for_linking()

    @property
    def _engine(self) -> Any:
        return self._codegen._engine


class KernelCache(caching.FunctionCache):
    """The cached variants of one kernel."""

    def __init__(self, function: Callable[..., Any]) -> None:
        inherited: Any = super()
        inherited.__init__(function)
        cpu_target.target_context.codegen()._library_class = KernelLibrary

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the variant for some types, None if it is not cached: the compiler then makes itself ready."""
        rtsys.initialize(target_context)  # what kernels allocate arrays by
        inherited: Any = self
        with inherited._guard_against_spurious_io_errors():
            return inherited._load_overload(sig, target_context)
