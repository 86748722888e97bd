"""Workspaces, targets and servers as `/v1.0` writes them: names, types, null rules and order of its documentation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import tzinfo

    from bongsu.control.values import Project, Server, ServerState, Target, Workspace


class Records:
    """
    Makes records.

    Parameters
    ----------
    time_zone
        Zone of ``lstModYmdt``, which is written without it; None is the machine's own.
    """

    def __init__(self, time_zone: tzinfo | None) -> None:
        self._time_zone = time_zone

    def workspace(self, project: Project, workspace: Workspace) -> dict[str, Any]:
        """Return a workspace. ``lstModifier`` is the UUID of a person, and an API call has none: it is always null."""
        return {
            "jobId": workspace.job_id,
            "projectId": project.project_id,
            "jobName": workspace.name,
            "metricsPath": workspace.metrics_path,
            "description": workspace.description,
            "lstModifier": None,
            "lstModYmdt": self._local(workspace.modified_ms),
            "reservedJobCd": workspace.reserved_code,
        }

    def target(self, target: Target, *, with_state: bool) -> dict[str, Any]:
        """Return a target; ``state`` is ours, and there only when it is asked for."""
        record: dict[str, Any] = {
            "targetId": target.target_id,
            "jobId": target.job_id,
            "hostId": target.host_id,
            "port": target.port,
            "resultCd": target.state.result_code,
            "failReason": target.state.reason,
            "mntrnStatCd": None,
            "lstModifier": None,
            "lstModYmdt": self._local(target.modified_ms),
            "hostNm": target.server_name,
            "svrIp": target.address,
        }
        if with_state:
            record["state"] = {
                "health": target.state.health,
                "since": self._local_or_none(target.state.since_ms),
                "scraped": self._local_or_none(target.state.scraped_ms),
            }
        return record

    def server(self, project: Project, server: Server, state: ServerState | None = None) -> dict[str, Any]:
        """Return a server; ``state`` is ours, and there only when it is asked for."""
        record: dict[str, Any] = {
            "hostId": server.host_id,
            "hostNm": server.name,
            "svrIp": server.address,
            "projectId": project.project_id,
            "instanceId": server.instance_id,
        }
        if state is not None:
            record["state"] = {
                "health": state.health,
                "reason": state.reason,
                "heard": self._local_or_none(state.heard_ms),
                "removed": self._local_or_none(state.removed_ms),
            }
        return record

    def _local(self, ms: int) -> str:
        return datetime.fromtimestamp(ms // 1000, self._time_zone).strftime("%Y-%m-%dT%H:%M:%S")

    def _local_or_none(self, ms: int | None) -> str | None:
        return None if ms is None else self._local(ms)
