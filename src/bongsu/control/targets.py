"""Collection targets: made, listed, removed, and handed to the scraper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, case, delete, func, insert, select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import check_port
from bongsu.control.errors import BadValue, UnknownServer
from bongsu.control.lookups import count_change, lock_owner, read_server, read_workspace
from bongsu.control.rows import find_server, find_workspace, is_id, unknown_target, unknown_workspace
from bongsu.control.tables import (
    HostAgentRow,
    ProjectRow,
    ServerRow,
    TargetRow,
    TargetStateRow,
    WorkspaceRow,
)
from bongsu.control.values import ScrapeTarget, Target, TargetState
from bongsu.control.workspaces import refuse_reserved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bongsu.control.context import ControlContext
    from bongsu.control.prepared import Record
    from bongsu.control.states import TargetStates
    from bongsu.control.values import Actor, Project, Server, Workspace


_ALL = (
    select(
        TargetRow.target_id,
        TargetRow.job_id,
        TargetRow.host_id,
        TargetRow.port,
        ServerRow.name,
        ServerRow.address,
        TargetRow.modified_ms,
        TargetStateRow.result_code,
        TargetStateRow.reason,
        TargetStateRow.since_ms,
    )
    .select_from(WorkspaceRow)
    .join(TargetRow, TargetRow.job_id == WorkspaceRow.job_id, isouter=True)
    .join(ServerRow, ServerRow.host_id == TargetRow.host_id, isouter=True)
    .join(TargetStateRow, TargetStateRow.target_id == TargetRow.target_id, isouter=True)
    .where(WorkspaceRow.job_id == bindparam("job_id"), WorkspaceRow.pcode == bindparam("pcode"))
    .order_by(TargetRow.target_id)
)
_ONE = _ALL.where(TargetRow.target_id == bindparam("target_id"))
_PLACE = select(TargetRow.host_id, TargetRow.port).where(
    TargetRow.target_id == bindparam("target_id"), TargetRow.job_id == bindparam("job_id")
)
_COUNT = (
    select(func.count())
    .select_from(TargetRow)
    .join(WorkspaceRow, WorkspaceRow.job_id == TargetRow.job_id)
    .where(TargetRow.host_id == bindparam("host_id"), WorkspaceRow.reserved_code.is_(None))
)
_INSERT = insert(TargetRow).inline()
_DELETE = delete(TargetRow).where(TargetRow.target_id == bindparam("of"))


class Targets:
    """The collection targets of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext, states: TargetStates) -> None:
        self._context = context
        self._states = states

    def all(self, project: Project, job_id: str) -> list[Target]:
        """Return the targets of a workspace, oldest first, or raise UnknownWorkspace."""
        rows = self._context.database.rows(_ALL, job_id=job_id, pcode=project.pcode) if is_id(job_id) else []
        if not rows:
            raise unknown_workspace(job_id)
        # A workspace without targets is one row without a target.
        return [self._target(row) for row in rows if row[0] is not None]

    def get(self, project: Project, job_id: str, target_id: str) -> Target:
        """Return one target, or raise UnknownWorkspace or UnknownTarget."""
        database = self._context.database
        rows = (
            database.rows(_ONE, job_id=job_id, target_id=target_id, pcode=project.pcode)
            if is_id(job_id) and is_id(target_id)
            else []
        )
        if not rows:
            read_workspace(database, project.pcode, job_id)
            raise unknown_target(target_id)
        return self._target(rows[0])

    def create(
        self, project: Project, job_id: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM
    ) -> str:
        """
        Make a target from ``hostId`` and ``port`` and return its id; other fields are passed over.

        Raises
        ------
        UnknownWorkspace, ReservedWorkspace, BadValue, UnknownServer, LimitExceeded, AlreadyExists
            In this order of precedence. A server of another region is unknown to the workspace.
        """
        with self._context.database.transaction() as transaction:
            owner = lock_owner(transaction, project.project_id)
            workspace = read_workspace(transaction, owner.pcode, job_id)
            refuse_reserved(workspace, "takes no targets by hand")
            host_id, port = _host_id(fields.get("hostId")), check_port(fields.get("port"))
            server = read_server(transaction, owner.pcode, host_id)
            _refuse_other_region(workspace, server)
            target_id = self._context.ids.make()
            taken = (
                f"the workspace scrapes port {port} of server {server.name!r} already; choose another 'port'"
            )
            with transaction.refusing_duplicates(taken):
                transaction.run(
                    _INSERT,
                    target_id=target_id,
                    job_id=job_id,
                    host_id=host_id,
                    port=port,
                    modified_ms=self._context.clock.now_ms(),
                    scrape="",
                )
            # After the duplicates: a repeated call hears that it was made already, whatever the limit.
            ((present,),) = transaction.rows(_COUNT, host_id=host_id)
            what = f"targets: server {server.name!r}"
            self._context.refuse_beyond(owner, "max_targets_per_server", present, what)
            count_change(transaction, owner)
            self._context.audit.write(
                transaction, actor, "target.create", target_id, owner.project_id, hostId=host_id, port=port
            )
        self._context.changes.announce(Topic.TARGETS)
        return target_id

    def delete(self, project: Project, job_id: str, target_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a target; its samples stay. Raises UnknownWorkspace, ReservedWorkspace, UnknownTarget, in this order."""
        with self._context.database.transaction() as transaction:
            owner = lock_owner(transaction, project.project_id)
            refuse_reserved(read_workspace(transaction, owner.pcode, job_id), "gives no target away by hand")
            rows = transaction.rows(_PLACE, job_id=job_id, target_id=target_id) if is_id(target_id) else []
            if not rows:
                raise unknown_target(target_id)
            ((host_id, port),) = rows
            transaction.run(_DELETE, of=target_id)
            count_change(transaction, owner)
            self._context.audit.write(
                transaction, actor, "target.delete", target_id, owner.project_id, hostId=host_id, port=port
            )
        self._context.changes.announce(Topic.TARGETS)

    def scrape_targets(
        self, project_id: str | None = None, *, host_id: str | None = None
    ) -> list[ScrapeTarget]:
        """
        Return everything that this server is to scrape, of one project or of all, in a stable order.

        Parameters
        ----------
        host_id
            The targets of this one machine instead, whoever scrapes them.
        """
        query = (
            select(
                ProjectRow.project_id,
                TargetRow.target_id,
                WorkspaceRow.name,
                ServerRow.address,
                TargetRow.port,
                WorkspaceRow.metrics_path,
                case((WorkspaceRow.region != ProjectRow.region, WorkspaceRow.region), else_=None),
                WorkspaceRow.job_id,
                ServerRow.host_id,
                ServerRow.name,
                ServerRow.instance_id,
                WorkspaceRow.scrape,
                TargetRow.scrape,
            )
            .join(WorkspaceRow, WorkspaceRow.job_id == TargetRow.job_id)
            .join(ServerRow, ServerRow.host_id == TargetRow.host_id)
            .join(ProjectRow, ProjectRow.pcode == WorkspaceRow.pcode)
            .join(HostAgentRow, HostAgentRow.host_id == ServerRow.host_id, isouter=True)
            .order_by(TargetRow.target_id)
        )
        if project_id is not None:
            query = query.where(ProjectRow.project_id == project_id)
        if host_id is not None:
            query = query.where(ServerRow.host_id == host_id)
        else:
            query = query.where(HostAgentRow.collects.is_not(True))
        with self._context.database.read() as session:
            return [ScrapeTarget._make(row) for row in session.execute(query)]

    def operators_addresses(self, project_id: str) -> list[str]:
        """Return the addresses of a project's servers that an operator has written; an agent's server has its connection's."""
        query = (
            select(ServerRow.address)
            .join(ProjectRow, ProjectRow.pcode == ServerRow.pcode)
            .join(HostAgentRow, HostAgentRow.host_id == ServerRow.host_id, isouter=True)
            .where(ProjectRow.project_id == project_id, HostAgentRow.owns.is_not(True))
            .distinct()
            .order_by(ServerRow.address)
        )
        with self._context.database.read() as session:
            return list(session.scalars(query))

    def candidate(self, project: Project, job_id: str, fields: Mapping[str, object]) -> ScrapeTarget:
        """
        Return what would be scraped for ``hostId`` and ``port`` in a workspace, whether they are a target of it or not.

        Raises
        ------
        UnknownWorkspace, BadValue, UnknownServer
            In this order of precedence.
        """
        with self._context.database.read() as session:
            workspace = find_workspace(session, project.pcode, job_id)
            host_id, port = _host_id(fields.get("hostId")), check_port(fields.get("port"))
            server = find_server(session, project.pcode, host_id)
            _refuse_other_region(workspace, server)
            present = session.scalar(
                select(TargetRow).where(
                    TargetRow.job_id == job_id, TargetRow.host_id == host_id, TargetRow.port == port
                )
            )
            return ScrapeTarget(
                project_id=project.project_id,
                target_id=present.target_id if present is not None else "",
                job=workspace.name,
                address=server.address,
                port=port,
                path=workspace.metrics_path,
                region=workspace.region if workspace.region != project.region else None,
                job_id=job_id,
                host_id=host_id,
                server_name=server.name,
                instance_id=server.instance_id,
                workspace_options=workspace.scrape,
                target_options=present.scrape if present is not None else "",
            )

    def revisions(self) -> dict[str, int]:
        """
        Return a number for every project that is another one after each change of what is scraped for it.

        Whoever reads the revisions first and the targets second never keeps old targets under a new number; other processes on the
        same database are seen too.
        """
        query = select(ProjectRow.project_id, ProjectRow.targets_revision)
        with self._context.database.read() as session:
            return {row.project_id: row.targets_revision for row in session.execute(query)}

    def version(self) -> int:
        """Return a number that grows with every change to what this process hands to the scraper."""
        return self._context.changes.version(Topic.TARGETS)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener`, from any thread, after every change to `scrape_targets`; return a function that ends it."""
        return self._context.changes.subscribe(Topic.TARGETS, listener)

    def _target(self, row: Record) -> Target:
        target_id, job_id, host_id, port, name, address, modified_ms, code, reason, since_ms = row
        state = self._states.newest(target_id, TargetState(code, reason, since_ms, since_ms))
        return Target(target_id, job_id, host_id, port, name, address, modified_ms, state)


def _host_id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadValue(
            "'hostId' is missing or no text; send the hostId of one of the project's servers, as the list of servers has it"
        )
    return value


def _refuse_other_region(workspace: Workspace | WorkspaceRow, server: Server | ServerRow) -> None:
    if server.region != workspace.region:
        raise UnknownServer(
            f"server {server.name!r} is in region {server.region!r}, the workspace in {workspace.region!r}; choose a server "
            "of the workspace's region"
        )
