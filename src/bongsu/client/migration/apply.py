"""Making workspaces, servers and targets of a plan on a running server; what is there already is left and filled up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bongsu.client.transport import CallFailed, call_json

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient
    from bongsu.client.migration.plan import PlannedJob, PlannedTarget

_KEY_TIME = "15m"
"""The key that the workspace API needs lives so long at most; it is revoked when all is done."""


@dataclass(slots=True)
class Applied:
    """What was made, and what was refused."""

    workspaces: int = 0
    servers: int = 0
    targets: int = 0
    refused: list[str] = field(default_factory=list)


class Migration:
    """Applies plans to one project, through the admin API and, with a key made for it, the workspace API."""

    def __init__(self, admin: AdminClient, project_id: str) -> None:
        self._admin = admin
        self._project_id = project_id
        self._key = self._region = ""
        self._servers: dict[str, str] = {}
        self._names: set[str] = set()
        self.applied = Applied()

    def apply(self, jobs: list[PlannedJob]) -> Applied:
        """Make everything; one refusal does not keep the rest from being made. Raises CallFailed when nothing can be made."""
        projects = {project["projectId"]: project for project in self._admin.projects()}
        if self._project_id not in projects:
            raise CallFailed(f"there is no project {self._project_id!r}; 'bongsu project list' shows them")
        self._region = projects[self._project_id]["region"]
        made = self._admin.create_key(
            self._project_id, name="import of a configuration", scopes=["read", "manage"], expiresIn=_KEY_TIME
        )
        self._key = made["key"]
        try:
            for server in self._admin.servers(self._project_id):
                self._servers.setdefault(server["svrIp"], server["hostId"])
                self._names.add(server["hostNm"])
            known = {w["jobName"]: w["jobId"] for w in self._admin.workspaces(self._project_id)}
            for job in jobs:
                self._apply_job(job, known.get(job.name))
        finally:
            self._admin.delete_key(self._project_id, made["keyId"])
        return self.applied

    def _apply_job(self, job: PlannedJob, job_id: str | None) -> None:
        try:
            if job_id is None:
                made = self._sysmon("jobs", {"jobName": job.name, "metricsPath": job.metrics_path})
                job_id = str(made["jobId"])
                self.applied.workspaces += 1
        except CallFailed as error:
            self._refuse(job.source, error)
            return
        self._set_options(job.source, job_id, None, job.options)
        listed = self._admin.workspace_targets(self._project_id, job_id)
        known = {(target["svrIp"], target["port"]) for target in listed}
        for target in job.targets:
            if (target.host, target.port) not in known:
                self._add_target(job, job_id, target)
                known.add((target.host, target.port))

    def _add_target(self, job: PlannedJob, job_id: str, target: PlannedTarget) -> None:
        place = f"{job.source} {target.host}:{target.port}"
        try:
            host_id = self._servers.get(target.host) or self._add_server(target.host)
            body = {"hostId": host_id, "port": target.port}
            target_id = str(self._sysmon(f"jobs/{quote(job_id, safe='')}/targets", body))
        except CallFailed as error:
            self._refuse(place, error)
            return
        self.applied.targets += 1
        if target.labels:
            self._set_options(place, job_id, target_id, {"labels": dict(target.labels)})

    def _add_server(self, host: str) -> str:
        name = host
        number = 1
        while name in self._names:
            number += 1
            name = f"{host}-{number}"
        made = self._admin.create_server(self._project_id, hostNm=name, svrIp=host)
        self._names.add(name)
        self._servers[host] = made["hostId"]
        self.applied.servers += 1
        host_id: str = made["hostId"]
        return host_id

    def _set_options(self, place: str, job_id: str, target_id: str | None, options: dict[str, Any]) -> None:
        """Set all options; when that is refused, one by one, so that a bad one costs only itself."""
        if not options:
            return
        try:
            self._admin.merge_scrape_options(self._project_id, job_id, target_id, options)
        except CallFailed as error:
            if len(options) == 1:
                self._refuse(place, error)
                return
            for name, value in options.items():
                self._set_options(place, job_id, target_id, {name: value})

    def _sysmon(self, path: str, body: object) -> Any:
        """Return the body of an answer of the workspace API: an object, or an id."""
        answer = call_json(
            "POST",
            f"{self._admin.url.rstrip('/')}/v1.0/projects/{quote(self._project_id, safe='')}/{path}",
            headers={"X-TC-APP-KEY": self._key, "X-SYSMON-REGION": self._region},
            body=body,
        )
        header = answer["header"]
        if not header["isSuccessful"]:
            raise CallFailed(str(header.get("reason") or header["resultMessage"]))
        return answer["body"]

    def _refuse(self, place: str, error: CallFailed) -> None:
        self.applied.refused.append(f"{place}: {error.message}")
