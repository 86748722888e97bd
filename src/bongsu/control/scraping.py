"""
Scrape options of workspaces and of single targets.

Options are JSON objects whose meaning is the scraper's: here they are kept. They may hold credentials, so the trail of changes has
their names only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.rows import find_target, find_workspace, lock_project, touch_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.tables import TargetRow, WorkspaceRow
    from bongsu.control.values import Actor, Project

    Options = Mapping[str, Any]
    Change = Callable[[Options], Options]
    """From the options that are kept to those that replace them; raises what the caller is to hear."""


class ScrapeOptionStore:
    """The scrape options of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def get(self, project: Project, job_id: str, target_id: str | None = None) -> dict[str, Any]:
        """
        Return the own options of a workspace, or of one of its targets; secrets included.

        Raises
        ------
        UnknownWorkspace, UnknownTarget
            If the project has no such one.
        """
        with self._context.database.read() as session:
            return _options(_find(session, project.pcode, job_id, target_id))

    def change(
        self,
        project: Project,
        job_id: str,
        change: Change,
        *,
        target_id: str | None = None,
        actor: Actor = SYSTEM,
    ) -> dict[str, Any]:
        """Replace the own options of a workspace or target by what `change` makes of them, and return these; raises as `get`."""
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            row = _find(session, owner.pcode, job_id, target_id)
            options = dict(change(_options(row)))
            row.scrape = json.dumps(options, sort_keys=True) if options else ""
            row.modified_ms = self._context.clock.now_ms()
            touch_targets(owner)
            action = "workspace.scrape" if target_id is None else "target.scrape"
            self._context.audit.record(
                session, actor, action, target_id or job_id, project.project_id, options=sorted(options)
            )
        self._context.changes.announce(Topic.TARGETS)
        return options


def _find(session: Session, pcode: int, job_id: str, target_id: str | None) -> WorkspaceRow | TargetRow:
    workspace = find_workspace(session, pcode, job_id)
    return workspace if target_id is None else find_target(session, job_id, target_id)


def _options(row: WorkspaceRow | TargetRow) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(row.scrape) if row.scrape else {}
    return options
