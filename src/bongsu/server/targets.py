"""Between the control plane and the scraper: what is scraped goes one way, how it went the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bongsu.api.prometheus.targets import TargetView
from bongsu.control.values import ScrapeOutcome as TargetOutcome
from bongsu.scrape.outcomes import Health
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget, TargetBoard
from bongsu.server.following import follow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import ScrapeTarget as Listed
    from bongsu.runtime.clock import Clock
    from bongsu.scrape.outcomes import ScrapeOutcome
    from bongsu.server.config import ScrapeSettings
    from bongsu.storage.contract import ProjectStore

UNREACHABLE = -1
"""`resultCd` of a target that gave no HTTP answer, or none that can be used."""

FLUSH_S = 5.0
"""Outcomes that changed are written to the control database this often."""


class TargetFeed:
    """
    Publishes the targets of all projects to the scraper, and takes their outcomes.

    `record` is called on the event loop; the listing methods may be called from any thread.
    """

    def __init__(
        self,
        control: ControlPlane,
        open_store: Callable[[str], ProjectStore],
        settings: ScrapeSettings,
        clock: Clock,
    ) -> None:
        self.board = TargetBoard()
        self._control = control
        self._open_store = open_store
        self._settings = settings
        self._clock = clock
        self._outcomes: dict[str, ScrapeOutcome] = {}
        self._listed: tuple[Listed, ...] = ()

    def record(self, outcome: ScrapeOutcome) -> None:
        """Take one outcome: the workspace API shows it at once."""
        self._outcomes[outcome.target_id] = outcome
        self._control.states.report([_for_control(outcome)])

    async def follow_changes(self) -> None:
        """Publish the list whenever it changes, until cancelled."""
        await follow(self._control.targets.subscribe, self.refresh)

    async def flush_regularly(self) -> None:
        """Write changed outcomes to the control database, until cancelled."""
        while True:
            await self._clock.sleep(FLUSH_S)
            await asyncio.to_thread(self._control.states.flush)

    def refresh(self) -> None:
        """Publish the list if it is another than the one before."""
        listed = tuple(self._control.targets.scrape_targets())
        if listed == self._listed:
            return
        self._listed = listed
        known = {entry.target_id for entry in listed}
        self._outcomes = {target_id: kept for target_id, kept in self._outcomes.items() if target_id in known}
        self._control.states.keep_only(known)
        self.board.publish([self._target(entry) for entry in listed])

    def targets(self, project_id: str) -> Sequence[TargetView]:
        """Return a project's targets as the Prometheus API shows them."""
        return [self._view(entry) for entry in self._listed if entry.project_id == project_id]

    def pools(self, project_id: str) -> Sequence[str]:
        """Return the names of a project's workspaces, those without targets too."""
        project = self._control.projects.get(project_id)
        regions = self._control.options.regions
        return sorted({w.name for region in regions for w in self._control.workspaces.all(project, region)})

    def _target(self, entry: Listed) -> ScrapeTarget:
        return ScrapeTarget(
            id=entry.target_id,
            url=_url(entry),
            labels=_labels(entry),
            store=self._open_store(entry.project_id),
            interval_s=self._settings.interval / 1000,
            timeout_s=self._settings.timeout / 1000,
            limits=ScrapeLimits(
                max_body_bytes=self._settings.max_body_bytes, max_samples=self._settings.max_samples
            ),
        )

    def _view(self, entry: Listed) -> TargetView:
        outcome = self._outcomes.get(entry.target_id)
        return TargetView(
            discovered_labels={
                "__address__": _address(entry),
                "__metrics_path__": entry.path,
                "__scheme__": "http",
                "job": entry.job,
            },
            labels=dict(_labels(entry)),
            pool=entry.job,
            url=_url(entry),
            health="unknown" if outcome is None else outcome.health.value,
            interval_ms=self._settings.interval,
            timeout_ms=self._settings.timeout,
            last_error="" if outcome is None else outcome.error,
            last_scrape_ms=None if outcome is None else outcome.time_ms,
            last_duration_s=0.0 if outcome is None else outcome.duration_s,
        )


def _for_control(outcome: ScrapeOutcome) -> TargetOutcome:
    if outcome.health is Health.UP:
        return TargetOutcome(outcome.target_id, outcome.time_ms, 0)
    failed_by_status = outcome.http_status is not None and outcome.http_status >= 300
    code = outcome.http_status if failed_by_status and outcome.http_status else UNREACHABLE
    return TargetOutcome(outcome.target_id, outcome.time_ms, code, outcome.error)


def _address(entry: Listed) -> str:
    host = f"[{entry.address}]" if ":" in entry.address else entry.address
    return f"{host}:{entry.port}"


def _url(entry: Listed) -> str:
    return f"http://{_address(entry)}{entry.path}"


def _labels(entry: Listed) -> tuple[tuple[str, str], ...]:
    labels = {"job": entry.job, "instance": _address(entry), "openmetrics_id": entry.target_id}
    if entry.region:
        labels["region"] = entry.region
    return tuple(labels.items())
