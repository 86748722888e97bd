"""Targets that are scraped once, on the word of whoever sets them up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project
    from bongsu.control.values import ScrapeTarget as Listed
    from bongsu.scrape.scraper import Scraper
    from bongsu.scrape.targets import ScrapeTarget


class TargetTrials:
    """
    Scrapes a server's port with the options of a workspace, whether it is a target of it already or not.

    Parameters
    ----------
    to_scrape
        Makes the scraper's target of the control plane's, options and refusals included.
    """

    def __init__(
        self, control: ControlPlane, scraper: Scraper, to_scrape: Callable[[Listed], ScrapeTarget]
    ) -> None:
        self._control = control
        self._scraper = scraper
        self._to_scrape = to_scrape

    async def __call__(self, project: Project, job_id: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """Return how a scrape of ``hostId`` and ``port`` went; raises as `bongsu.control.targets.Targets.candidate`."""
        target = await asyncio.to_thread(self._find, project, job_id, fields)
        outcome = await self._scraper.test(target)
        return {
            "url": target.url,
            "health": outcome.health.value,
            "httpStatus": outcome.http_status,
            "reason": outcome.error or None,
            "samples": outcome.samples,
            "durationMs": round(outcome.duration_s * 1000, 1),
        }

    def _find(self, project: Project, job_id: str, fields: Mapping[str, object]) -> ScrapeTarget:
        return self._to_scrape(self._control.targets.candidate(project, job_id, fields))
