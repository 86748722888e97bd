"""Between the control plane and the scraper: what is scraped goes one way, how it went the other."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from bongsu.api.prometheus.targets import ScrapePool, TargetView
from bongsu.control.values import ScrapeOutcome as TargetOutcome
from bongsu.model.errors import InvalidInput, NotFound
from bongsu.scrape.discovery import (
    Discovered,
    Place,
    ScrapeDefaults,
    discover,
    labels_before,
    over_target_limit,
)
from bongsu.scrape.outcomes import Failure, result_code
from bongsu.scrape.reach import Reach
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget, TargetBoard
from bongsu.server.following import follow
from bongsu.server.limits import SCRAPE_BYTES, SCRAPE_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import ProjectSettings
    from bongsu.control.values import ScrapeTarget as Listed
    from bongsu.runtime.clock import Clock
    from bongsu.scrape.outcomes import ScrapeOutcome
    from bongsu.server.settings import ScrapeSettings
    from bongsu.storage.contract import ProjectStore

_ONE_BY_ONE = 20
"""Projects that are read each by itself: a query of one costs a small part of that of all."""

_LIMITS: Mapping[Failure, str] = {
    Failure.SAMPLE_LIMIT: SCRAPE_SAMPLES,
    Failure.BODY_LIMIT: SCRAPE_BYTES,
}
"""Limits by the failure that they cause; a workspace's own, stricter option counts as well."""

FLUSH_S = 5.0
"""Outcomes that changed are written to the control database this often."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """One registered target: what the control plane says, and what became of it."""

    entry: Listed
    found: Discovered


class TargetFeed:
    """
    Publishes the targets of all projects to the scraper, and takes their outcomes.

    A change is worked out for its own project only. `record` is called on the event loop; the listing methods may be called from any
    thread.

    Parameters
    ----------
    own_ports
        Ports on which the server listens; tenants' targets may not reach them.
    count_refusal
        Told a project's id, a limit's name, and how many scrapes it refused.
    """

    def __init__(
        self,
        control: ControlPlane,
        open_store: Callable[[str], ProjectStore],
        settings: ScrapeSettings,
        clock: Clock,
        *,
        own_ports: frozenset[int] = frozenset(),
        count_refusal: Callable[[str, str, int], None] = lambda _project, _limit, _count: None,
    ) -> None:
        self.board = TargetBoard()
        self._control = control
        self._open_store = open_store
        self._clock = clock
        self._defaults = ScrapeDefaults(
            settings.interval,
            settings.timeout,
            ScrapeLimits(max_body_bytes=settings.max_body_bytes, max_samples=settings.max_samples),
        )
        self._reach = (
            Reach(own_ports=own_ports).closing(settings.denied_networks).allowing(settings.allowed_networks)
        )
        self._count_refusal = count_refusal
        self._outcomes: dict[str, ScrapeOutcome] = {}
        # Written by `refresh` alone, which runs in one thread at a time; readers see a project's old or new list.
        self._revisions: dict[str, int] = {}
        self._listed: dict[str, list[_Listed]] = {}
        self._owners: dict[str, str] = {}

    def record(self, outcome: ScrapeOutcome) -> None:
        """Take one outcome: the workspace API shows it at once."""
        self._outcomes[outcome.target_id] = outcome
        limit = _LIMITS.get(outcome.failure) if outcome.failure is not None else None
        owner = self._owners.get(outcome.target_id)
        if limit is not None and owner is not None:
            self._count_refusal(owner, limit, 1)
        self._control.states.report([_for_control(outcome)])

    async def follow_changes(self) -> None:
        """Publish what changes, until cancelled."""
        await follow(self._control.targets.subscribe, self.refresh)

    async def flush_regularly(self) -> None:
        """Write changed outcomes to the control database, until cancelled."""
        while True:
            await self._clock.sleep(FLUSH_S)
            await asyncio.to_thread(self._control.states.flush)

    def refresh(self) -> None:
        """Publish the targets of every project whose targets are others than before."""
        revisions = self._control.targets.revisions()
        changed = {name for name, revision in revisions.items() if self._revisions.get(name) != revision}
        fresh = {name: self._discover(name, entries) for name, entries in self._entries(changed).items()}
        fresh |= {name: [] for name in self._revisions.keys() - revisions.keys()}
        if not fresh:
            return
        gone = {item.entry.target_id for name in fresh for item in self._listed.get(name, ())}
        gone -= {item.entry.target_id for items in fresh.values() for item in items}
        self._listed = {name: items for name, items in (self._listed | fresh).items() if name in revisions}
        self._revisions = revisions
        self._owners |= {item.entry.target_id: name for name, items in fresh.items() for item in items}
        self.board.publish({name: _scraped(items) for name, items in fresh.items()})
        for target_id in gone:
            self._outcomes.pop(target_id, None)
            self._owners.pop(target_id, None)
        self._control.states.forget(gone)

    def targets(self, project_id: str) -> Sequence[TargetView]:
        """Return a project's targets as the Prometheus API shows them, dropped ones too."""
        return [self._view(item) for item in self._listed.get(project_id, ())]

    def pools(self, project_id: str) -> Sequence[ScrapePool]:
        """Return a project's workspaces, those without targets too."""
        project = self._control.projects.get(project_id)
        regions = self._control.options.regions
        return [
            ScrapePool(w.name, w.metrics_path, self._control.scraping.get(project, w.job_id))
            for region in regions
            for w in self._control.workspaces.all(project, region)
        ]

    def of_host(self, project_id: str, host_id: str) -> list[dict[str, object]]:
        """Return the targets of a machine that scrapes them itself, as its agent is told them. Blocks."""
        defaults = self._defaults_of(self._control.projects.get(project_id).settings)
        return [
            {
                "place": asdict(_place(entry)),
                "workspaceOptions": entry.workspace_options,
                "targetOptions": entry.target_options,
                "intervalMs": self._defaults.interval_ms,
                "timeoutMs": self._defaults.timeout_ms,
                "limits": asdict(defaults.limits),
            }
            for entry in self._control.targets.scrape_targets(project_id, host_id=host_id)
        ]

    def to_scrape(self, entry: Listed) -> ScrapeTarget:
        """
        Return what the scraper would be given for an entry; for a test of it. Blocks.

        Raises
        ------
        NotFound, InvalidInput
            If the project is gone, or relabelling drops the target.
        """
        store = self._open_store(entry.project_id)
        settings = self._control.projects.get(entry.project_id).settings
        found = discover(
            _place(entry),
            entry.workspace_options,
            entry.target_options,
            self._defaults_of(settings),
            store,
            self._reach_of(entry.project_id, settings),
        )
        if found.target is None:
            raise InvalidInput(
                "the workspace's relabelling drops this target; change its option 'relabel_configs'",
                id="target-dropped",
            )
        return found.target

    def _entries(self, project_ids: set[str]) -> dict[str, list[Listed]]:
        """Return what is registered for some projects: one by one, or in one go when most of them are wanted."""
        if len(project_ids) <= _ONE_BY_ONE:
            return {name: self._control.targets.scrape_targets(name) for name in project_ids}
        found: dict[str, list[Listed]] = {name: [] for name in project_ids}
        for entry in self._control.targets.scrape_targets():
            if entry.project_id in found:
                found[entry.project_id].append(entry)
        return found

    def _discover(self, project_id: str, entries: Sequence[Listed]) -> list[_Listed]:
        if not entries:
            return []
        try:
            store = self._open_store(project_id)
            settings = self._control.projects.get(project_id).settings
        except NotFound:  # removed a moment ago; the next refresh knows
            return []
        reach, defaults = self._reach_of(project_id, settings), self._defaults_of(settings)
        return [
            _Listed(
                entry,
                discover(
                    _place(entry),
                    entry.workspace_options,
                    entry.target_options,
                    defaults,
                    store,
                    reach,
                ),
            )
            for entry in entries
        ]

    def _defaults_of(self, settings: ProjectSettings) -> ScrapeDefaults:
        """Return what holds for the targets of a project that say nothing themselves."""
        common = self._defaults.limits
        limits = ScrapeLimits(
            settings.limit(SCRAPE_BYTES, common.max_body_bytes),
            settings.limit(SCRAPE_SAMPLES, common.max_samples),
        )
        return self._defaults if limits == common else replace(self._defaults, limits=limits)

    def _reach_of(self, project_id: str, settings: ProjectSettings) -> Reach:
        """Return where the targets of a project may lead: to the very addresses of an operator's entries too, closed or not."""
        common = self._reach.allowing(settings.allowed_networks) if settings.allowed_networks else self._reach
        return common.trusting(self._control.targets.operators_addresses(project_id))

    def _view(self, item: _Listed) -> TargetView:
        entry, target = item.entry, item.found.target
        if target is None:
            return TargetView(
                discovered_labels=labels_before(_place(entry), item.found.options, self._defaults),
                pool=entry.job,
                dropped=True,
                keep_dropped=item.found.options.keep_dropped_targets,
            )
        outcome = self._outcomes.get(entry.target_id)
        return TargetView(
            discovered_labels=labels_before(_place(entry), item.found.options, self._defaults),
            labels=dict(target.labels),
            pool=entry.job,
            url=target.url,
            health="unknown" if outcome is None else outcome.health.value,
            interval_ms=round(target.interval_s * 1000),
            timeout_ms=round(target.timeout_s * 1000),
            last_error="" if outcome is None else outcome.error,
            last_scrape_ms=None if outcome is None else outcome.time_ms,
            last_duration_s=0.0 if outcome is None else outcome.duration_s,
        )


def _scraped(items: Sequence[_Listed]) -> list[ScrapeTarget]:
    """Return the targets that relabelling left; those of a workspace that has too many are refused."""
    counts = Counter(item.entry.job_id for item in items if item.found.target is not None)
    scraped: list[ScrapeTarget] = []
    for item in items:
        target = item.found.target
        if target is not None:
            refusal = over_target_limit(counts[item.entry.job_id], target.options.target_limit)
            scraped.append(replace(target, refusal=refusal) if refusal else target)
    return scraped


def _for_control(outcome: ScrapeOutcome) -> TargetOutcome:
    return TargetOutcome(outcome.target_id, outcome.time_ms, result_code(outcome), outcome.error or None)


def _address(entry: Listed) -> str:
    host = f"[{entry.address}]" if ":" in entry.address else entry.address
    return f"{host}:{entry.port}"


def _place(entry: Listed) -> Place:
    labels = [("job", entry.job), ("openmetrics_id", entry.target_id)]
    if entry.region:
        labels.append(("region", entry.region))
    meta = {
        "server": entry.server_name,
        "server_id": entry.host_id,
        "server_address": entry.address,
        "instance_id": entry.instance_id or "",
        "port": str(entry.port),
        "job_id": entry.job_id,
    }
    return Place(entry.target_id, _address(entry), entry.path, tuple(labels), tuple(meta.items()))
