"""
How kernels are compiled: each for one type of argument where numba would take several, and for Python only if Python calls it.

numba makes of every function that it compiles machine code, and wrappers that take Python's objects. Of a function that only other
kernels call all of that is thrown away: it becomes part of its callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import types
from numba.core import compiler, dispatcher
from numba.core.registry import CPUDispatcher, cpu_target

from bongsu.kernels._loading import Callee, KernelCache, KernelLibrary
from bongsu.kernels.beside import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = {"nopython": True, "nogil": True, "fastmath": False, "error_model": "numpy"}


class KernelDispatcher(CPUDispatcher):
    """Finds the variant of a kernel for the types of its arguments, and compiles it."""

    def __init__(self, py_func: Callable[..., Any], **others: Any) -> None:
        super().__init__(py_func, **{"targetoptions": dict(_OPTIONS), **others})
        cpu_target.target_context.codegen()._library_class = KernelLibrary  # noqa: SLF001 - there is no setting for it

    def compile(self, sig: Any) -> Any:
        """Load or compile the variant for some types; what another process is about to have compiled is waited for."""
        own: Any = self
        cache = own._cache  # noqa: SLF001 - its own
        if isinstance(cache, KernelCache):
            wait_until(lambda: cache.holds(sig, self.targetctx))
        return super().compile(sig)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return the variant for a call by another kernel: one for all numbers of a type, where numba makes one for each literal."""
        plain: Any = types.unliteral
        named = {name: plain(kind) for name, kind in kws.items()}
        return super().get_call_template([plain(kind) for kind in args], named)


class CalledDispatcher(KernelDispatcher):
    """The dispatcher of a kernel that only other kernels call."""

    def __init__(self, py_func: Callable[..., Any], **others: Any) -> None:
        super().__init__(py_func, **others)
        self._compiler = _InnerCompiler(
            self.py_func, self.targetdescr, self.targetoptions, self.locals, compiler.Compiler
        )

    def add_overload(self, cres: Any) -> None:
        """Keep a variant for the kernels that call it, out of Python's reach: there is nothing that Python could call."""
        self.overloads[tuple(cres.signature.args)] = cres

    def _compile_for_args(self, *_: Any, **__: Any) -> None:
        name = self.py_func.__qualname__
        raise TypeError(f"only kernels can call {name}; for Python to call it, too, mark it as `kernel`")


class InnerDispatcher(CalledDispatcher):
    """
    The dispatcher of a kernel that becomes part of each kernel that calls it.

    The compiler's own judgement leaves all but the smallest to be called, with seven words for each array; and each array is counted
    before and after, which locks its memory for the other processors.
    """

    def __init__(self, py_func: Callable[..., Any], **others: Any) -> None:
        super().__init__(py_func, **{"targetoptions": {**_OPTIONS, "forceinline": True}, **others})


class _InnerCompiler(dispatcher._FunctionCompiler):  # type: ignore[name-defined,misc]  # noqa: SLF001 - it has no other name
    def _customize_flags(self, flags: Any) -> Any:
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        return flags

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        compiled = super()._compile_core(args, return_type)._replace(entry_point=Callee())
        compiled.target_context.insert_user_function(
            compiled.entry_point, compiled.fndesc, [compiled.library]
        )
        return compiled
