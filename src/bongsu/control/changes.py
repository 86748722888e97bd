"""Who must hear of a change at once: the key cache, the scraper, the stores' options."""

from __future__ import annotations

import enum
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Topic(enum.Enum):
    """What can change: keys and projects, users with their roles and sessions, or what is scraped."""

    ACCESS = "access"
    PEOPLE = "people"
    TARGETS = "targets"


class Changes:
    """
    A counter and listeners for each topic. Safe from any thread.

    A writer announces after its commit, in its own thread; so who reads the counter first and the data second never keeps
    old data under a new count. Listeners must return at once: they set a flag or wake a loop
    (``loop.call_soon_threadsafe``).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._versions = dict.fromkeys(Topic, 0)
        self._listeners: dict[Topic, list[Callable[[], None]]] = {topic: [] for topic in Topic}

    def version(self, topic: Topic) -> int:
        """Return how many changes of the topic this process has made."""
        return self._versions[topic]

    def announce(self, *topics: Topic) -> None:
        """Count a committed change and tell the listeners."""
        for topic in topics:
            with self._lock:
                self._versions[topic] += 1
                listeners = [*self._listeners[topic]]
            for listener in listeners:
                listener()

    def subscribe(self, topic: Topic, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after every change of the topic; return a function that ends it."""
        with self._lock:
            self._listeners[topic].append(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners[topic].remove(listener)

        return unsubscribe
