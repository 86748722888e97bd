"""
Loading kernels from their cache without waking the compiler.

Before numba loads anything it makes itself ready to compile: it imports and registers what it can translate, and reads the
intermediate code that other kernels would be made from. Of a start with all kernels cached that was half of the processor time
and 45 MB. Here both wait until something is compiled.
"""

# ruff: noqa: SLF001 - numba has no settings for any of this; its versions are pinned, and tests load and link

from __future__ import annotations

import contextlib
import hashlib
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import llvmlite.binding as llvm
from numba.core import caching, codegen
from numba.core.compiler import compile_result
from numba.core.runtime.nrt import rtsys

if TYPE_CHECKING:
    from collections.abc import Callable


_DIGEST_BYTES = 16
"""More than enough against chance; nobody is kept out by it."""

_INNER = "inner"
"""Marks what is cached of a kernel that has no machine code of its own."""


class Callee:
    """What stands where numba has a kernel's function for Python; by it numba finds the code of a kernel that is called by another one."""


def keep_in_cache(compiled: Any) -> None:
    """Do what numba's ``cache=True`` does, with a cache that loads in the way of this module; to be called before the first call."""
    compiled._cache = KernelCache(compiled.py_func)


class KernelLibrary(codegen.JITCodeLibrary):
    """
    The code of one kernel: machine code once somebody asks where it is, and the intermediate code that its callers are made from.

    Where machine code was loaded, the intermediate code is read when a kernel that calls it is compiled.
    """

    _unread: bytes | None = None
    _is_emitted = False

    @classmethod
    def _unserialize(cls, generator: Any, state: tuple[str, str, Any]) -> Self:
        name, kind, code = state
        library: Any = generator.create_library(name)
        if kind == _INNER:
            library._unread = code
            library._finalized = True
            return cast("Self", library)
        if kind != "object":
            raise AssertionError(f"BUG: {name} is cached as {kind!r}, not as machine code")
        library.enable_object_caching()
        library._set_compiled_object(code[0])
        library._unread = code[1]
        library._emit()
        return cast("Self", library)

    def serialize_using_object_code(self) -> tuple[str, str, Any]:
        """Return what is cached of the kernel: its machine code only if there is any."""
        inherited: Any = super()
        if self._is_emitted:
            code: tuple[str, str, Any] = inherited.serialize_using_object_code()
            return code
        return self.name, _INNER, self._get_module_for_linking().as_bitcode()

    def get_pointer_to_function(self, name: str) -> Any:
        """Return the address of a function, 0 if there is none of that name."""
        inherited: Any = super()
        # numba looks for a name among those that it has read; what is asked for here was written together with the code.
        if self._unread is not None:
            return self._engine.get_function_address(name)
        inherited._ensure_finalized()
        self._emit()
        return inherited.get_pointer_to_function(name)

    def _finalize_final_module(self) -> None:
        inherited: Any = super()
        inherited._finalize_dynamic_globals()  # which forbid to cache
        self._finalized = True

    def _emit(self) -> None:
        if not self._is_emitted:
            self._is_emitted = True
            inherited: Any = super()
            inherited._finalize_final_module()

    def _get_module_for_linking(self) -> llvm.ModuleRef:
        if self._unread is not None:
            self._shared_module = llvm.parse_bitcode(self._unread)
            if self._is_emitted:
                self._engine._load_defined_symbols(self._shared_module)
            self._unread = None
        inherited: Any = super()
        return inherited._get_module_for_linking()

    @property
    def _engine(self) -> Any:
        return self._codegen._engine


class _Results(caching.CompileResultCacheImpl):
    """What is cached of a variant, and how it comes back."""

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        if payload[0][1] != _INNER:
            inherited: Any = super()
            return inherited.rebuild(target_context, payload)
        code, fndesc, environment, signature, objectmode, lifted, annotation, reload_init, _ = payload
        result: Any = compile_result
        return result(
            typing_context=target_context.typing_context,
            target_context=target_context,
            entry_point=Callee(),
            library=target_context.codegen().unserialize_library(code),
            fndesc=fndesc,
            environment=environment,
            signature=signature,
            objectmode=objectmode,
            lifted=lifted,
            type_annotation=annotation,
            reload_init=reload_init,
        )


class _Files(caching.IndexDataCacheFile):
    """
    The files of one kernel in the cache. What is gone, cut short or garbage counts as not cached, and is written anew.

    Machine code that is damaged would end the process, so a digest stands before it.
    """

    def _load_index(self) -> Any:
        inherited: Any = super()
        try:
            return inherited._load_index()
        except Exception:  # noqa: BLE001 - garbage can make pickle raise anything
            return {}

    def _load_data(self, name: str) -> Any:
        inherited: Any = super()
        stored = Path(inherited._data_path(name)).read_bytes()
        data = stored[_DIGEST_BYTES:]
        if _digest(data) != stored[:_DIGEST_BYTES]:
            raise OSError(f"{name} is damaged")  # which numba takes for one that is not there
        return pickle.loads(data)  # noqa: S301 - from a folder that only the server's user can write

    def _save_data(self, name: str, data: Any) -> None:
        inherited: Any = super()
        dumped: bytes = inherited._dump(data)
        with inherited._open_for_write(inherited._data_path(name)) as file:
            file.write(_digest(dumped) + dumped)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


class KernelCache(caching.FunctionCache):
    """The cached variants of one kernel."""

    _impl_class = _Results

    def __init__(self, function: Callable[..., Any]) -> None:
        inherited: Any = super()
        inherited.__init__(function)
        files, ours = cast("Any", self._cache_file), cast("Any", _Files)
        self._cache_file = ours(files._cache_path, self._impl.filename_base, files._source_stamp)

    def holds(self, sig: Any, target_context: Any) -> bool:
        """Tell whether the variant for some types is there, as far as the index knows."""
        inherited: Any = self
        key = inherited._index_key(sig, target_context.codegen())
        return key in inherited._cache_file._load_index()

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a variant; one that cannot be kept, in a folder that is read-only or full, is compiled again at the next start."""
        inherited: Any = super()
        with contextlib.suppress(OSError):
            inherited.save_overload(sig, data)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the variant for some types, None if it is not cached: the compiler then makes itself ready."""
        rtsys.initialize(target_context)  # what kernels allocate arrays by
        inherited: Any = self
        with inherited._guard_against_spurious_io_errors():
            return inherited._load_overload(sig, target_context)
