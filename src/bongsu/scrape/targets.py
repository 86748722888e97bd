"""What is scraped, and where the list of it comes from."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bongsu.scrape.options import ScrapeOptions
from bongsu.scrape.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bongsu.storage.contract import ProjectStore


@dataclass(frozen=True, slots=True)
class ScrapeLimits:
    """The two limits of a scrape that always hold, 0 meaning none; an option of the workspace, else a setting in `scrape`."""

    max_body_bytes: int = 64 << 20
    """Bytes of a body, as sent and after decompression; the largest exporters in the field send some tens of megabytes."""

    max_samples: int = 500_000
    """Samples of a body after relabelling."""


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
        Labels of every series of the target.
    store
        The store of the target's project.
    timeout_s
        At most the interval.
    options
        How to ask and how to read the answer; what `limits` and the times say is already worked out of them.
    reach
        Which addresses its host may lead to.
    refusal
        Why the target is not scraped although it is listed: every attempt fails with these words. Empty for a good one.
    """

    id: str
    url: str
    labels: tuple[tuple[str, str], ...]
    store: ProjectStore = field(repr=False)
    interval_s: float = 15.0
    timeout_s: float = 10.0
    limits: ScrapeLimits = ScrapeLimits()
    options: ScrapeOptions = field(default=ScrapeOptions(), repr=False)
    reach: Reach = field(default=Reach(), repr=False)
    refusal: str = ""

    @property
    def identity(self) -> tuple[str, tuple[tuple[str, str], ...], int]:
        """What must stay the same for the series of the target to go on."""
        return self.id, tuple(sorted(self.labels)), id(self.store)


@dataclass(frozen=True, slots=True)
class TargetChanges:
    """The groups of targets that have changed since an earlier revision, each as a whole; one that is gone is empty."""

    revision: int
    groups: Mapping[str, Sequence[ScrapeTarget]]


class TargetSource(Protocol):
    """Where the scraper learns what to scrape; called from its event loop."""

    async def newer_than(self, revision: int) -> TargetChanges:
        """Return what changed after a revision, as soon as anything did; 0 is before everything."""
        ...


class TargetBoard:
    """
    A `TargetSource` that others publish to, from any thread.

    Targets come in groups (one per project), so that a change costs as much as its group and not as much as all targets.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision = 0
        self._groups: dict[str, tuple[int, tuple[ScrapeTarget, ...]]] = {}
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def publish(self, groups: Mapping[str, Sequence[ScrapeTarget]]) -> None:
        """Replace the named groups; the others stay."""
        with self._lock:
            self._revision += 1
            self._groups |= {name: (self._revision, tuple(targets)) for name, targets in groups.items()}
            waiters, self._waiters = self._waiters, []
        for loop, event in waiters:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    async def newer_than(self, revision: int) -> TargetChanges:
        """Return the groups that were published after `revision`, once there are any."""
        while True:
            event = asyncio.Event()
            with self._lock:
                if self._revision > revision:
                    newer = {name: targets for name, (at, targets) in self._groups.items() if at > revision}
                    return TargetChanges(self._revision, newer)
                self._waiters.append((asyncio.get_running_loop(), event))
            await event.wait()
