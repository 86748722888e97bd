"""
Bongsu's own metrics in the first project's store, as the workspace `@Bongsu`: a new server has something to show.

They are written as a scrape of ``/metrics`` would write them, but without a request: the address, the certificate and the proxies of
the listener do not matter, and a server that refuses connections still tells of itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bongsu.model.errors import BongsuError, NotFound
from bongsu.scrape.fetch import FetchedBody
from bongsu.scrape.metrics import ScrapeMetrics
from bongsu.scrape.targets import ScrapeTarget
from bongsu.scrape.writer import TargetWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore

WORKSPACE = "@Bongsu"
"""The label `job` of the series; users' workspaces cannot have an '@' in their names."""
EVERY_MS = 15_000
"""The interval of scraping by default."""
_OK = 200
_MARGIN_S = 0.01
"""Timers may fire a little early; the moment must have come when the time is read again."""


class SelfWatch:
    """
    Writes the process's own metrics until cancelled, or until the project is gone.

    Parameters
    ----------
    registry
        What is written.
    open_store
        Returns the store of the project; raises NotFound when there is no such project any more.
    instance
        The label `instance`: where people reach the server.
    describes
        Series get labels of type and unit.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        open_store: Callable[[], ProjectStore],
        *,
        instance: str,
        clock: Clock,
        log: FilteringBoundLogger,
        describes: bool = False,
    ) -> None:
        self._registry = registry
        self._open_store = open_store
        self._instance = instance
        self._clock = clock
        self._log = log
        self._describes = describes
        self._writer: TargetWriter | None = None

    async def run(self) -> None:
        """Write at every multiple of the interval."""
        while True:
            wait_ms = EVERY_MS - self._clock.now_ms() % EVERY_MS
            await self._clock.sleep(wait_ms / 1000 + _MARGIN_S)
            try:
                await asyncio.to_thread(self.write)
            except NotFound:
                return
            except BongsuError as error:
                # A full disk or a closed store: the next moment tries again.
                self._log.warning("own metrics are not stored", cause=error.message)

    def write(self) -> None:
        """Write the metrics as they are now."""
        begun = self._clock.monotonic()
        encoder, content_type = choose_encoder("")
        answer = FetchedBody(encoder(self._registry), content_type, _OK)
        now = self._clock.now_ms()
        self._own_writer().write(
            answer, time_ms=now - now % EVERY_MS, elapsed=lambda: self._clock.monotonic() - begun
        )

    def _own_writer(self) -> TargetWriter:
        store = self._open_store()
        if self._writer is None:
            labels = (("job", WORKSPACE), ("instance", self._instance))
            target = ScrapeTarget(WORKSPACE, "", labels, store, interval_s=EVERY_MS / 1000)
            # Counted apart: the server's own scrapes are not those that its operator asked for.
            self._writer = TargetWriter(target, ScrapeMetrics(CollectorRegistry()), describes=self._describes)
        return self._writer
