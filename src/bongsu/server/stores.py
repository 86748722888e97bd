"""The stores of projects, opened with each project's own options."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bongsu.storage.contract import StoreLimits, StoreOptions
from bongsu.storage.limited import RATE_LIMIT, LimitedStore

if TYPE_CHECKING:
    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project, ProjectSettings
    from bongsu.runtime.clock import Clock
    from bongsu.server.settings import LimitSettings
    from bongsu.storage.contract import ProjectStore, Store
    from bongsu.storage.limited import LimitMetrics


class ProjectStores:
    """
    Opens the store of a project with its retention and limits, and again when these change. Safe from any thread.

    The same project always gets the same view, whatever its options: who holds one may go on using it. Views hold a project to its
    rate of samples, but for those of `own`.
    """

    def __init__(
        self, store: Store, control: ControlPlane, limits: LimitSettings, clock: Clock, metrics: LimitMetrics
    ) -> None:
        self._store = store
        self._control = control
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()
        self._open: dict[str, tuple[ProjectSettings, LimitedStore]] = {}

    def of(self, project: Project) -> LimitedStore:
        """Return the store of a project that the caller has looked up."""
        known = self._open.get(project.project_id)
        if known is not None and known[0] == project.settings:
            return known[1]
        with self._lock:
            inner = self._store.project(project.project_id, self._options(project.settings))
            known = self._open.get(project.project_id)
            view = (
                LimitedStore(inner, project.project_id, self._clock, self._metrics)
                if known is None
                else known[1]
            )
            view.rate.per_second = project.settings.limit(RATE_LIMIT, self._limits.max_samples_per_second)
            self._open[project.project_id] = (project.settings, view)
            return view

    def by_id(self, project_id: str) -> LimitedStore:
        """Return the store of a project; raises NotFound when there is no such project."""
        known = self._open.get(project_id)
        return known[1] if known is not None else self.of(self._control.projects.get(project_id))

    def own(self, project_id: str) -> ProjectStore:
        """Return the store of a project for what the server itself writes, which is not held to the project's rate."""
        return self.by_id(project_id).inner

    def settings_of(self, project_id: str) -> ProjectSettings | None:
        """Return the settings of a project whose store is open, as of the newest change that was heard of."""
        known = self._open.get(project_id)
        return None if known is None else known[0]

    def refresh(self) -> list[str]:
        """
        Apply changed options and return the ids of projects that have data but are gone.

        A crash between the removal of a project and of its data leaves such data behind.
        """
        projects = {project.project_id: project for project in self._control.projects.all()}
        for project_id in list(self._open):
            if project_id in projects:
                self.of(projects[project_id])
        return [project_id for project_id in self._store.project_ids() if project_id not in projects]

    def drop(self, project_id: str) -> None:
        """Remove the data of a project that is gone."""
        with self._lock:
            self._open.pop(project_id, None)
            self._metrics.forget(project_id)
            self._store.drop_project(project_id)

    def _options(self, settings: ProjectSettings) -> StoreOptions:
        def limit(name: str) -> int:
            return settings.limit(name, getattr(self._limits, name))

        return StoreOptions(
            retention_ms=settings.retention_ms,
            retention_bytes=limit("retention_bytes"),
            limits=StoreLimits(
                max_series=limit("max_series"),
                max_labels_per_series=limit("max_labels_per_series"),
                max_label_name_bytes=limit("max_label_name_bytes"),
                max_label_value_bytes=limit("max_label_value_bytes"),
            ),
        )
