"""
How kernels are compiled: each for one type of argument where numba would take several, and for Python only if Python calls it.

numba makes of every function that it compiles machine code, and wrappers that take Python's objects. Of a function that only other
kernels call all of that is thrown away: it becomes part of its callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from numba import types
from numba.core import compiler, dispatcher
from numba.core.registry import CPUDispatcher, cpu_target

from bongsu.kernels._loading import Callee, KernelCache, KernelLibrary
from bongsu.kernels.beside import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = {
    "nopython": True,
    "nogil": True,
    "fastmath": False,
    "error_model": "numpy",
    # Said of every kernel: one that is compiled for another one would take them over from it.
    "forceinline": False,
    "_nrt": True,
}


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


_BORROWS = {"_nrt": False}
"""numba counts an array's users at every call and slice, by steps that lock memory for the other processors; who only borrows need not."""

_COPIED = {"forceinline": True}
"""The compiler's own judgement leaves all but the smallest kernels to be called, with seven words for each array."""


_OF_NOBODY = f"{__package__}._addresses"
"""What this module's kernels return is memory that belongs to no array, and is never counted."""


class InnerDispatcher(KernelDispatcher):
    """The dispatcher of a kernel that only other kernels call, and that becomes part of each of them."""

    options: ClassVar[dict[str, bool]] = {**_COPIED, **_BORROWS}

    def __init__(self, py_func: Callable[..., Any], **others: Any) -> None:
        super().__init__(py_func, **{"targetoptions": {**_OPTIONS, **self.options}, **others})
        self._compiler = _InnerCompiler(
            self.py_func, self.targetdescr, self.targetoptions, self.locals, compiler.Compiler
        )

    def add_overload(self, cres: Any) -> None:
        """Keep a variant for the kernels that call it, out of Python's reach: there is nothing that Python could call."""
        self.overloads[tuple(cres.signature.args)] = cres

    def _compile_for_args(self, *_: Any, **__: Any) -> None:
        name = self.py_func.__qualname__
        raise TypeError(f"only kernels can call {name}; for Python to call it, too, mark it as `kernel`")


class CalledDispatcher(InnerDispatcher):
    """The dispatcher of a kernel that only other kernels call, and that stays one for all of them."""

    options = _BORROWS


class OwningDispatcher(InnerDispatcher):
    """The dispatcher of an inner kernel that makes arrays."""

    options = _COPIED


class _InnerCompiler(dispatcher._FunctionCompiler):  # type: ignore[name-defined,misc]  # noqa: SLF001 - it has no other name
    def _customize_flags(self, flags: Any) -> Any:
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        return flags

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        compiled = super()._compile_core(args, return_type)
        if not self.targetoptions["_nrt"]:
            _check_borrowing(self.py_func.__qualname__, compiled)
        compiled = compiled._replace(entry_point=Callee())
        compiled.target_context.insert_user_function(
            compiled.entry_point, compiled.fndesc, [compiled.library]
        )
        return compiled


def _check_borrowing(name: str, compiled: Any) -> None:
    """
    Stop a kernel that does not count the users of arrays, and would lose one or give one away.

    That it makes none itself is checked by numba.
    """
    advice = "mark it as `owning_kernel`"
    if _has_arrays(compiled.signature.return_type) and any(map(_has_arrays, compiled.signature.args)):
        raise AssertionError(f"BUG: {name} may return an array that it was given; {advice}")
    types_of = compiled.type_annotation.typemap
    for call, signature in compiled.type_annotation.calltypes.items():
        if getattr(call, "op", "") != "call" or not _has_arrays(signature.return_type):
            continue
        callee = getattr(types_of[call.func.name], "dispatcher", None)
        if not isinstance(callee, KernelDispatcher) or callee.py_func.__module__ == _OF_NOBODY:
            continue
        if callee.targetoptions["_nrt"]:
            raise AssertionError(f"BUG: {name} is given an array by {callee.py_func.__qualname__}; {advice}")


def _has_arrays(kind: Any) -> bool:
    return isinstance(kind, types.Array) or any(map(_has_arrays, getattr(kind, "types", ())))
