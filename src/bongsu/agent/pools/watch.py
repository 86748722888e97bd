"""
How pools become known: their constructors are wrapped as soon as the library is imported, and each pool is remembered weakly.

A library that has changed so that it cannot be wrapped or read costs its numbers, never the application.
"""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger("bongsu.agent")


class Watched:
    """
    Objects of one kind that are alive. Safe from any thread, and across forks: a child has its parent's pools.

    Parameters
    ----------
    is_over
        Tells of an object that cannot be remembered weakly that it is of no use any more; it is held until then.
    """

    def __init__(self, is_over: Callable[[Any], bool] = lambda _: False) -> None:
        self._is_over = is_over
        self._references: dict[int, weakref.ref[Any]] = {}
        self._held: dict[int, Any] = {}

    def add(self, item: object) -> None:
        """Remember an object until it is gone; by identity, since pools may compare equal."""
        key = id(item)

        def forget(reference: weakref.ref[Any]) -> None:
            if self._references.get(key) is reference:
                self._references.pop(key, None)

        try:
            self._references[key] = weakref.ref(item, forget)
        except TypeError:  # a class with slots
            self._held[key] = item

    def __iter__(self) -> Iterator[Any]:
        for reference in list(self._references.values()):
            item = reference()
            if item is not None:
                yield item
        for key, item in list(self._held.items()):
            if self._is_over(item):
                self._held.pop(key, None)
            else:
                yield item


def when_imported(module: str, patch: Callable[[Any], None]) -> None:
    """Call `patch` with a module as soon as it is imported, at once if it is already; what it raises is logged."""

    def guarded(imported: Any) -> None:
        try:
            patch(imported)
        except Exception as error:  # noqa: BLE001 - another version of a library must not stop its import
            _log.warning("bongsu agent: %s is not measured: %s", module, error)

    wrapt.register_post_import_hook(guarded, module)


def wrap_when_imported(module: str, function: str, wrapper: Callable[..., Any]) -> None:
    """Wrap a function of a module, named by its dotted path, as soon as the module is imported (`wrapt` has the signature)."""

    def patch(imported: Any) -> None:
        wrapt.wrap_function_wrapper(imported, function, wrapper)

    when_imported(module, patch)


def watch_constructor(module: str, class_name: str, pools: Watched) -> None:
    """Remember every object of a class whose constructor ends well."""

    def made(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        result = wrapped(*args, **kwargs)
        pools.add(instance)
        return result

    wrap_when_imported(module, f"{class_name}.__init__", made)


def read_each(pools: Watched, read: Callable[[Any], Any]) -> Iterator[Any]:
    """Yield what is read of each pool; one that cannot be read is left out."""
    for pool in pools:
        try:
            yield read(pool)
        except Exception as error:  # noqa: BLE001 - a pool that is being closed may raise anything
            _log.debug("bongsu agent: a pool was not read: %s", error)
