"""Keeps stores and real-time states in step with the control plane's projects."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from bongsu.control.changes import Topic
from bongsu.server.following import follow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bongsu.control.plane import ControlPlane
    from bongsu.server.stores import ProjectStores


class ProjectKeeper:
    """
    Applies changed retention and limits, and removes the data of projects that are gone.

    Parameters
    ----------
    forget
        Called with the id of each project that is gone: whatever else keeps something of projects in memory.
    """

    def __init__(
        self, control: ControlPlane, stores: ProjectStores, forget: Sequence[Callable[[str], None]]
    ) -> None:
        self._control = control
        self._stores = stores
        self._forget = forget

    def drop(self, project_id: str) -> None:
        """Remove what is kept of a project that was removed; harmless for one that has nothing. Blocks for the disk."""
        self._stores.drop(project_id)
        for forget in self._forget:
            forget(project_id)

    async def follow_changes(self) -> None:
        """Follow the control plane until cancelled."""
        await follow(functools.partial(self._control.changes.subscribe, Topic.ACCESS), self._refresh)

    def _refresh(self) -> None:
        for project_id in self._stores.refresh():
            self.drop(project_id)
