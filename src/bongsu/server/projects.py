"""Keeps stores and real-time states in step with the control plane's projects."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bongsu.control.changes import Topic

if TYPE_CHECKING:
    from bongsu.apm.engine import ApmEngine
    from bongsu.control.plane import ControlPlane
    from bongsu.server.stores import ProjectStores

REFRESH_S = 30.0
"""Projects that another process changed on the same database are noticed within this time."""


class ProjectKeeper:
    """Applies changed retention and limits, and removes the data of projects that are gone."""

    def __init__(self, control: ControlPlane, stores: ProjectStores, apm: ApmEngine) -> None:
        self._control = control
        self._stores = stores
        self._apm = apm

    def drop(self, project_id: str) -> None:
        """Remove what is kept of a project that was removed; harmless for one that has nothing. Blocks for the disk."""
        self._stores.drop(project_id)
        self._apm.drop_project(project_id)

    async def follow_changes(self) -> None:
        """Follow the control plane until cancelled."""
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        unsubscribe = self._control.changes.subscribe(Topic.ACCESS, wake)
        try:
            while True:
                changed.clear()
                for project_id in await asyncio.to_thread(self._stores.refresh):
                    self._apm.drop_project(project_id)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_S):
                        await changed.wait()
        finally:
            unsubscribe()
