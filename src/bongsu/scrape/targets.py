"""What is scraped, and where the list of it comes from."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.storage.contract import ProjectStore
    from bongsu.wire.exposition.negotiation import Format


@dataclass(frozen=True, slots=True)
class ScrapeLimits:
    """Limits of one scrape, 0 meaning none; each is a setting of the same name in the section `scrape`."""

    max_body_bytes: int = 64 << 20
    """Bytes of a body, as sent and after decompression; the largest exporters in the field send some tens of megabytes."""

    max_samples: int = 500_000
    """Samples of a body."""


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """
    One thing to scrape.

    Two targets with the same `id`, `labels` and `store` are the same target: a change of anything else is taken over without a
    mark in its series.

    Attributes
    ----------
    id
        Identifies the target among all targets of all projects.
    url
        What is fetched; no other host is ever contacted for it.
    labels
        Labels of every series of the target; they win over scraped ones, which become ``exported_...``.
    store
        The store of the target's project.
    timeout_s
        At most the interval.
    headers
        Request headers to send, such as Authorization.
    native_histograms
        Ask for protobuf, the only format that has native histograms.
    classic_histograms
        Keep the classic buckets of histograms that are native too.
    fallback_format
        How to read an answer whose content type names no exposition format; None fails such a scrape.
    """

    id: str
    url: str
    labels: tuple[tuple[str, str], ...]
    store: ProjectStore = field(repr=False)
    interval_s: float = 15.0
    timeout_s: float = 10.0
    limits: ScrapeLimits = ScrapeLimits()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    native_histograms: bool = False
    classic_histograms: bool = False
    fallback_format: Format | None = None

    @property
    def identity(self) -> tuple[str, tuple[tuple[str, str], ...], int]:
        """What must stay the same for the series of the target to go on."""
        return self.id, tuple(sorted(self.labels)), id(self.store)


@dataclass(frozen=True, slots=True)
class TargetList:
    """All targets at one moment; the revision differs from that of every other list."""

    revision: int
    targets: Sequence[ScrapeTarget]


class TargetSource(Protocol):
    """Where the scraper learns what to scrape; called from its event loop."""

    async def newer_than(self, revision: int | None) -> TargetList:
        """Return the current list as soon as its revision is not the given one; at once when that is None."""
        ...


class TargetBoard:
    """A `TargetSource` that others publish to, from any thread."""

    def __init__(self, targets: Sequence[ScrapeTarget] = ()) -> None:
        self._lock = threading.Lock()
        self._current = TargetList(0, tuple(targets))
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def publish(self, targets: Sequence[ScrapeTarget]) -> None:
        """Replace the list."""
        with self._lock:
            self._current = TargetList(self._current.revision + 1, tuple(targets))
            waiters, self._waiters = self._waiters, []
        for loop, event in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    async def newer_than(self, revision: int | None) -> TargetList:
        """Return the list once it is another one than that of `revision`."""
        while True:
            event = asyncio.Event()
            with self._lock:
                if self._current.revision != revision:
                    return self._current
                self._waiters.append((asyncio.get_running_loop(), event))
            await event.wait()
