"""Parts of a large answer made ahead by several threads, in order and with bounded memory."""

from __future__ import annotations

from collections import deque
from concurrent.futures import CancelledError
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

    Make = Callable[[], bytes]

PARTS_AHEAD = 4
"""Parts that are made or wait to be taken beside the one in hand: two for each of two processors, so that neither waits for the other."""


def made_ahead(makers: Iterable[Make], executor: Executor | None) -> Iterator[bytes]:
    """
    Yield what the makers give, in their order.

    Whoever takes the parts makes the next one itself when no thread of the executor has begun it, so that a busy executor, even one
    that is busy with those who wait here, costs time and nothing else.

    Parameters
    ----------
    executor
        Its threads help; None when there is nobody to help.
    """
    left = iter(makers)
    under_way: deque[tuple[Make, Future[bytes] | None]] = deque()
    try:
        under_way.extend((make, _begin(make, executor)) for make in islice(left, 1 + PARTS_AHEAD))
        while under_way:
            yield _taken(*under_way.popleft())
            under_way.extend((make, _begin(make, executor)) for make in islice(left, 1))
    finally:
        for _, future in under_way:
            if future is not None:
                future.cancel()


def _begin(make: Make, executor: Executor | None) -> Future[bytes] | None:
    try:
        return None if executor is None else executor.submit(make)
    except RuntimeError:  # the executor takes no more work: the server is stopping
        return None


def _taken(make: Make, future: Future[bytes] | None) -> bytes:
    if future is None or future.cancel():
        return make()
    try:
        return future.result()
    except CancelledError:
        return make()
