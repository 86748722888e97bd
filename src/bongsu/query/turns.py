"""A waiting line in which owners take turns: whoever asks for much waits for itself, not the others for it."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Turns(Generic[Item]):
    """
    First in, first out for each owner; owners one after another. May be used from any thread.

    An owner is any text that tells one from another; nothing else is known of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()

    def put(self, owner: str, item: Item) -> None:
        """Add an item behind its owner's others; an owner without any comes behind all other owners."""
        with self._lock:
            self._lines.setdefault(owner, deque()).append(item)

    def take(self) -> Item | None:
        """Remove and return the next item, None when there is none; its owner is then the last in turn."""
        with self._lock:
            if not self._lines:
                return None
            owner, line = self._lines.popitem(last=False)
            item = line.popleft()
            if line:
                self._lines[owner] = line
            return item
