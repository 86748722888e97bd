"""The limits of projects over all parts: what holds, what counts against it now, and what it has refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prometheus_client import Gauge

from bongsu.control.limits import LimitCount, LimitUse
from bongsu.model.errors import NotFound
from bongsu.storage.limited import RATE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import CollectorRegistry

    from bongsu.apm.settings import ApmLimits
    from bongsu.control.plane import ControlPlane
    from bongsu.runtime.clock import Clock
    from bongsu.server.stores import ProjectStores
    from bongsu.storage.limited import LimitMetrics

QUERY_SAMPLES, SCRAPE_SAMPLES, SCRAPE_BYTES = (
    "max_query_samples",
    "max_scrape_samples",
    "max_scrape_body_bytes",
)
AGENTS, STREAMS = "max_agents", "max_streams"
SHOWN_EVERY_S = 15.0
"""The interval of scraping by default: more often nobody looks at gauges."""


class ProjectLimits:
    """
    Answers what holds for a project, and what it uses. May be used from any thread.

    Parameters
    ----------
    refusals
        Where every part counts what a limit refused.
    agents_and_streams
        Returns what a project has of both in its real-time numbers, by its id.
    """

    def __init__(
        self,
        control: ControlPlane,
        stores: ProjectStores,
        refusals: LimitMetrics,
        agents_and_streams: Callable[[str], ApmLimits],
    ) -> None:
        self._control = control
        self._stores = stores
        self._refusals = refusals
        self._agents_and_streams = agents_and_streams
        self._defaults = {limit.name: limit.default for limit in control.options.all_limits()}

    def of(self, project_id: str, name: str) -> int:
        """Return a limit of a project, 0 for none; at once, and the server's default for a project that is not open."""
        settings = self._stores.settings_of(project_id)
        return self._defaults[name] if settings is None else settings.limit(name, self._defaults[name])

    def counts(self, project_id: str) -> Mapping[str, LimitCount]:
        """Return what counts against each limit now, as far as it is one number, and what it has refused. Blocks."""
        view = self._stores.by_id(project_id)
        stats, apm = view.stats(), self._agents_and_streams(project_id)
        used = {
            "max_series": stats.series,
            "retention_bytes": stats.bytes,
            RATE_LIMIT: view.rate.used(),
            AGENTS: apm.max_agents,
            STREAMS: apm.max_streams,
        }
        refused = self._refusals.of(project_id)
        return {name: LimitCount(used.get(name), refused.get(name, 0)) for name in self._defaults}


class LimitGauges:
    """
    Shows limits and their use in the server's own metrics, as of a moment ago: a look at the metrics must not wait for a database.

    Limits that hold are shown, and the use of those whose use is one number: a label's length, for one, has none.
    """

    def __init__(
        self, control: ControlPlane, limits: ProjectLimits, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._control = control
        self._limits = limits
        self._clock = clock
        labels = ["project", "limit"]
        self._limit = Gauge("bongsu_limit", "A limit of a project.", labels, registry=registry)
        self._used = Gauge(
            "bongsu_limit_used", "What counts against a limit of a project.", labels, registry=registry
        )
        self._shown: set[tuple[Gauge, tuple[str, str]]] = set()

    async def run(self) -> None:
        """Show them again and again until cancelled."""
        while True:
            await asyncio.to_thread(self.refresh)
            await self._clock.sleep(SHOWN_EVERY_S)

    def refresh(self) -> None:
        """Show them as they are now. Blocks."""
        shown = set()
        for project in self._control.projects.all():
            for use in self._holding(project.project_id):
                labels = (project.project_id, use.name)
                for gauge, value in ((self._limit, use.limit), (self._used, use.used)):
                    if value is not None:
                        gauge.labels(*labels).set(value)
                        shown.add((gauge, labels))
        for gauge, gone in self._shown - shown:
            gauge.remove(*gone)
        self._shown = shown

    def _holding(self, project_id: str) -> list[LimitUse]:
        try:
            uses = self._control.projects.limits(project_id)
            counts = self._limits.counts(project_id)
        except NotFound:  # removed a moment ago
            return []
        return [use.with_count(counts.get(use.name)) for use in uses if use.limit]
