"""Keeps stores and real-time states in step with the control plane's projects."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bongsu.control.changes import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bongsu.control.plane import ControlPlane
    from bongsu.server.stores import ProjectStores

REFRESH_S = 30.0
"""Projects that another process changed on the same database are noticed within this time."""


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
        changed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        unsubscribe = self._control.changes.subscribe(Topic.ACCESS, wake)
        try:
            while True:
                changed.clear()
                await asyncio.to_thread(self._refresh)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_S):
                        await changed.wait()
        finally:
            unsubscribe()

    def _refresh(self) -> None:
        for project_id in self._stores.refresh():
            self.drop(project_id)
