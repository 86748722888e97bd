"""
A project as one document, to be made again on another server, or beside the first.

The document has what the control plane keeps of a project: settings, limits, servers, workspaces, targets, scrape options, layouts. It
has no secrets: keys are made anew, and whoever gives the scrape options out leaves theirs out. Ids are kept where they are free, so
that samples which are brought along, and addresses that people have written down, go on with the same names.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bongsu.control.audit import SYSTEM
from bongsu.control.checks import (
    MAX_DESCRIPTION,
    check_address,
    check_job_name,
    check_known,
    check_optional_text,
    check_os,
    check_path,
    check_port,
    check_region,
    check_text,
)
from bongsu.control.errors import BadValue
from bongsu.control.layout_checks import check_layout
from bongsu.control.layout_table import LayoutRow
from bongsu.control.reserved import LINUX, WINDOWS
from bongsu.control.rows import find_project, is_id, project_of, refusing_duplicates
from bongsu.control.tables import (
    AuditRow,
    ProjectRow,
    RemovedServerRow,
    ServerRow,
    TargetRow,
    WorkspaceRow,
)
from bongsu.model.durations import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.projects import NewProject, Projects
    from bongsu.control.values import Actor

    Options = Mapping[str, Any]
    CheckOptions = Callable[[Options, str], Options]
    """From scrape options of a document, and words that tell whose they are, to those that are kept; raises what the caller hears."""

FORMAT, VERSION = "bongsu-project", 1
_ID_CHARACTERS = 36
_KINDS = {kind.code: kind for kind in (LINUX, WINDOWS)}
_TABLES: Mapping[str, tuple[type[Any], ...]] = {
    # A removed server's id must not come back: it is a key of what is remembered.
    "hostId": (ServerRow, RemovedServerRow),
    "jobId": (WorkspaceRow,),
    "targetId": (TargetRow,),
    "layoutId": (LayoutRow,),
}


class _CheckedOnly(Exception):
    """Ends the transaction of an import that was only to be checked."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """
    What an import has made, or would make.

    Attributes
    ----------
    made
        The new project with its keys; None after a mere check.
    counts
        Number of servers, workspaces, targets and layouts.
    notes
        What is not as it was: ids that were taken, and what has to be set again.
    """

    made: NewProject | None
    counts: Mapping[str, int]
    notes: tuple[str, ...]


class ProjectMoves:
    """Exports and imports projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext, projects: Projects) -> None:
        self._context = context
        self._projects = projects

    def export(self, project_id: str, show_options: Callable[[Options], Options]) -> dict[str, Any]:
        """
        Return a project as a document, as of one moment, or raise UnknownProject.

        Parameters
        ----------
        show_options
            Takes the secrets out of scrape options.
        """
        with self._context.database.read() as session:
            row = find_project(session, project_id)
            return {
                "format": FORMAT,
                "version": VERSION,
                "project": _project_document(row),
                "servers": [_server_document(each) for each in _rows(session, ServerRow, row)],
                "workspaces": [
                    _workspace_document(session, each, show_options)
                    for each in _rows(session, WorkspaceRow, row)
                ],
                "layouts": [_layout_document(each) for each in _rows(session, LayoutRow, row)],
            }

    def import_(
        self,
        document: Mapping[str, object],
        check_options: CheckOptions,
        *,
        name: str | None = None,
        only_check: bool = False,
        actor: Actor = SYSTEM,
    ) -> ImportReport:
        """
        Make a project from a document: all of it or nothing.

        Parameters
        ----------
        name
            Instead of the document's.
        only_check
            Go through everything, limits and ids included, and make nothing.

        Raises
        ------
        BadValue, AlreadyExists, LimitExceeded
            At the first thing in the document that cannot be on this server, with the place where it stands.
        """
        _check_format(document)
        settings = dict(_object(document, "project"))
        wanted_id = settings.pop("projectId", None)
        if name is not None:
            settings["name"] = name
        filling = _Filling(self._context, document, check_options)

        def fill(session: Session, owner: ProjectRow) -> None:
            filling.fill(session, owner, actor)
            if only_check:
                raise _CheckedOnly

        project_id = self._free_project_id(wanted_id, filling.notes)
        made = None
        with contextlib.suppress(_CheckedOnly):
            made = self._projects.create(settings, project_id=project_id, actor=actor, fill=fill)
        return ImportReport(made, dict(filling.counts), tuple(filling.notes))

    def _free_project_id(self, wanted: object, notes: list[str]) -> str | None:
        """Return the id that a project had if no project of this server ever had it."""
        if not isinstance(wanted, str) or not is_id(wanted):
            return None
        with self._context.database.read() as session:
            used = select(AuditRow.sequence).where(AuditRow.project_id == wanted).limit(1)
            known = select(ProjectRow.pcode).where(ProjectRow.project_id == wanted)
            if session.scalar(known) is None and session.scalar(used) is None:
                return wanted
        notes.append(f"the projectId {wanted!r} was used here already; the new project has another")
        return None


@dataclass
class _Filling:
    """Puts what a document holds into a project that was made a moment ago, in its transaction."""

    context: ControlContext
    document: Mapping[str, object]
    check_options: CheckOptions
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def fill(self, session: Session, owner: ProjectRow, actor: Actor) -> None:
        for number, sent in enumerate(_objects(self.document, "servers")):
            with _added(session, f"servers[{number}]"):
                session.add(self._server(session, owner, sent))
        for number, sent in enumerate(_objects(self.document, "workspaces")):
            self._fill_workspace(session, owner, f"workspaces[{number}]", sent)
        for number, sent in enumerate(_objects(self.document, "layouts")):
            with _added(session, f"layouts[{number}]"):
                session.add(self._layout(session, owner, sent))
        self._check_room(owner)
        self.context.audit.record(
            session, actor, "project.import", owner.project_id, owner.project_id, **self.counts
        )

    def _fill_workspace(
        self, session: Session, owner: ProjectRow, where: str, sent: Mapping[str, object]
    ) -> None:
        with _added(session, where):
            session.add(self._workspace(session, owner, sent))
            targets = _objects(sent, "targets")
        for number, target in enumerate(targets):
            with _added(session, f"{where}.targets[{number}]"):
                session.add(self._target(session, sent, target))

    def _server(self, session: Session, owner: ProjectRow, sent: Mapping[str, object]) -> ServerRow:
        check_known(sent, ("hostId", "hostNm", "svrIp", "instanceId", "region", "os"))
        self.counts["servers"] += 1
        return ServerRow(
            host_id=self._id(session, "hostId", sent),
            pcode=owner.pcode,
            region=check_region(sent.get("region"), self.context.options.regions),
            name=check_text("hostNm", sent.get("hostNm")),
            address=check_address(sent.get("svrIp")),
            instance_id=check_optional_text("instanceId", sent.get("instanceId")),
            os=check_os(sent.get("os")),
            created_ms=self.context.clock.now_ms(),
        )

    def _workspace(self, session: Session, owner: ProjectRow, sent: Mapping[str, object]) -> WorkspaceRow:
        check_known(
            sent,
            (
                "jobId",
                "jobName",
                "region",
                "metricsPath",
                "description",
                "reservedJobCd",
                "scrape",
                "targets",
            ),
        )
        code = sent.get("reservedJobCd")
        kind = _KINDS.get(str(code))
        if code is not None and (kind is None or kind.name != sent.get("jobName")):
            raise BadValue(
                f"'reservedJobCd' is {str(code)[:100]!r}; there are {', '.join(sorted(_KINDS))}, or null"
            )
        self.counts["reserved" if kind else "workspaces"] += 1
        job = kind.name if kind else check_job_name(sent.get("jobName"))
        return WorkspaceRow(
            job_id=self._id(session, "jobId", sent),
            pcode=owner.pcode,
            region=check_region(sent.get("region"), self.context.options.regions),
            name=job,
            metrics_path=check_path(sent.get("metricsPath")),
            description=check_optional_text("description", sent.get("description"), maximum=MAX_DESCRIPTION),
            reserved_code=kind.code if kind else None,
            modified_ms=self.context.clock.now_ms(),
            scrape=self._options(sent, f"workspace {job!r}"),
        )

    def _target(self, session: Session, job: Mapping[str, object], sent: Mapping[str, object]) -> TargetRow:
        check_known(sent, ("targetId", "hostId", "port", "scrape"))
        host_id = self.ids.get(("hostId", str(sent.get("hostId"))))
        if host_id is None:
            raise BadValue(
                f"'hostId' is {str(sent.get('hostId'))[:100]!r}, which is none of the document's servers"
            )
        if job.get("reservedJobCd") is None:
            self.counts["targets"] += 1
            self.counts[f"host {host_id}"] += 1
        port = check_port(sent.get("port"))
        return TargetRow(
            target_id=self._id(session, "targetId", sent),
            job_id=self.ids["jobId", str(job["jobId"])],
            host_id=host_id,
            port=port,
            modified_ms=self.context.clock.now_ms(),
            scrape=self._options(sent, f"target {host_id}:{port} of workspace {job.get('jobName')!r}"),
        )

    def _layout(self, session: Session, owner: ProjectRow, sent: Mapping[str, object]) -> LayoutRow:
        check_known(sent, ("layoutId", "name", "place", "layout"))
        place = check_text("place", sent.get("place"), maximum=64)
        self.counts["layouts"] += 1
        return LayoutRow(
            layout_id=self._id(session, "layoutId", sent),
            pcode=owner.pcode,
            place=self.ids.get(("jobId", place), place),
            name=check_text("name", sent.get("name")),
            document=check_layout(sent.get("layout")),
            version=1,
            modified_ms=self.context.clock.now_ms(),
        )

    def _id(self, session: Session, kind: str, sent: Mapping[str, object]) -> str:
        """Return the id that something had, or a new one where that is taken; the document refers to it by the old one."""
        old = sent.get(kind)
        if not isinstance(old, str) or not old or len(old) > _ID_CHARACTERS or not is_id(old):
            raise BadValue(f"{kind!r} is {str(old)[:100]!r}; send the id that the export has")
        if (kind, old) in self.ids:
            raise BadValue(f"{kind!r} {old!r} stands twice in the document")
        new = old
        if any(session.get(table, old) is not None for table in _TABLES[kind]):
            new = self.context.ids.make()
            self.notes.append(f"the {kind} {old!r} is taken here; the new one is {new!r}")
        self.ids[kind, old] = new
        return new

    def _options(self, sent: Mapping[str, object], whose: str) -> str:
        given = sent.get("scrape", {})
        if not isinstance(given, dict):
            raise BadValue(f"'scrape' of {whose} is no object of scrape options")
        kept = dict(self.check_options(given, whose))
        self.notes += [
            f"the scrape option {name!r} of {whose} had a secret, which an export leaves out; set it again"
            for name in sorted(given.keys() - kept.keys())
        ]
        return json.dumps(kept, sort_keys=True) if kept else ""

    def _check_room(self, owner: ProjectRow) -> None:
        for name, what in (("servers", "servers"), ("workspaces", "workspaces"), ("layouts", "layouts")):
            self.context.refuse_beyond(owner, f"max_{name}", self.counts[what], f"{what}: the document")
        for host in [name for name in self.counts if name.startswith("host ")]:
            self.context.refuse_beyond(
                owner, "max_targets_per_server", self.counts.pop(host), f"targets: the document's {host}"
            )


@contextlib.contextmanager
def _added(session: Session, where: str) -> Iterator[None]:
    """Flush at the end of the block; tell in which place of the document a mistake stands."""
    with refusing_duplicates(
        session, f"{where}: its name, or its server and port, stand in the document before"
    ):
        try:
            yield
        except BadValue as error:
            raise BadValue(f"{where}: {error.message}") from None


def _check_format(document: Mapping[str, object]) -> None:
    if document.get("format") != FORMAT or document.get("version") != VERSION:
        found = f"{str(document.get('format'))[:40]!r}, version {str(document.get('version'))[:10]!r}"
        raise BadValue(
            f"the document's format is {found}; this server reads {FORMAT!r}, version {VERSION}, as an export writes it"
        )
    check_known(document, ("format", "version", "project", "servers", "workspaces", "layouts"))


def _object(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise BadValue(f"{name!r} is missing or no object; send what an export has")
    return value


def _objects(document: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    value = document.get(name)
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise BadValue(f"{name!r} is missing or no list of objects; send what an export has")
    return value


def _rows(session: Session, table: type[Any], owner: ProjectRow) -> Sequence[Any]:
    """Return the rows of a project in the order of their ids, which is that of their making."""
    key = table.__table__.primary_key.columns[0]
    return session.scalars(select(table).where(table.pcode == owner.pcode).order_by(key)).all()


def _project_document(row: ProjectRow) -> dict[str, Any]:
    project = project_of(row)
    settings = project.settings
    return {
        "projectId": project.project_id,
        "name": project.name,
        "region": project.region,
        "retention": format_duration(settings.retention_ms) if settings.retention_ms else "0",
        "linuxWorkspace": settings.linux_workspace,
        "windowsWorkspace": settings.windows_workspace,
        "limits": dict(settings.limits),
        "allowedNetworks": list(settings.allowed_networks),
    }


def _server_document(row: ServerRow) -> dict[str, Any]:
    return {
        "hostId": row.host_id,
        "hostNm": row.name,
        "svrIp": row.address,
        "instanceId": row.instance_id,
        "region": row.region,
        "os": row.os,
    }


def _workspace_document(
    session: Session, row: WorkspaceRow, show_options: Callable[[Options], Options]
) -> dict[str, Any]:
    targets = session.scalars(
        select(TargetRow).where(TargetRow.job_id == row.job_id).order_by(TargetRow.target_id)
    )
    return {
        "jobId": row.job_id,
        "jobName": row.name,
        "region": row.region,
        "metricsPath": row.metrics_path,
        "description": row.description,
        "reservedJobCd": row.reserved_code,
        "scrape": dict(show_options(json.loads(row.scrape or "{}"))),
        "targets": [
            {
                "targetId": target.target_id,
                "hostId": target.host_id,
                "port": target.port,
                "scrape": dict(show_options(json.loads(target.scrape or "{}"))),
            }
            for target in targets
        ],
    }


def _layout_document(row: LayoutRow) -> dict[str, Any]:
    return {"layoutId": row.layout_id, "name": row.name, "place": row.place, "layout": row.document}
