"""
Machines that register themselves: each is a server of its project as long as its agent is heard.

The address of such a server is that of the agent's connection, which nobody can choose freely: a key that may write cannot make the
server scrape any address that it likes. A server that an operator has registered under the same name keeps the operator's address.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from bongsu.control.audit import SYSTEM
from bongsu.control.changes import Topic
from bongsu.control.checks import check_flag, check_known, check_optional_text, check_region, check_text
from bongsu.control.errors import AlreadyExists, BadValue
from bongsu.control.removed import remove_server
from bongsu.control.rows import lock_project, server_of, touch_targets
from bongsu.control.servers import count_servers
from bongsu.control.tables import HostAgentRow, ServerRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.reserved import ReservedWorkspaces
    from bongsu.control.tables import ProjectRow
    from bongsu.control.values import Actor, Project, Server

HEARTBEAT_S = 30.0
"""How often an agent registers again."""
REPLACED_AFTER_MS = 10 * 60_000
"""Silence after which a machine of the same name may take a server over: twenty heartbeats, the time of a reinstallation."""
FORGOTTEN_AFTER_MS = 24 * 3_600_000
"""Silence after which a server that an agent has registered is removed, as silent applications are: autoscaling makes many."""


@dataclass(frozen=True, slots=True)
class HostAgent:
    """
    A registered machine.

    Attributes
    ----------
    collects
        Its agent scrapes its targets itself, and pushes; the server leaves them alone.
    """

    server: Server
    collects: bool


class HostAgents:
    """The machines of all projects that have an agent. Methods block and may be called from any thread."""

    FIELDS = ("hostNm", "machineId", "instanceId", "region", "collects")

    def __init__(self, context: ControlContext, reserved: ReservedWorkspaces) -> None:
        self._context = context
        self._reserved = reserved

    def register(
        self, project: Project, fields: Mapping[str, object], address: str | None, *, actor: Actor = SYSTEM
    ) -> HostAgent:
        """
        Register a machine, or note that it is still there; its name and address follow it.

        Parameters
        ----------
        fields
            ``hostNm``, ``machineId`` (the same after a restart), and, if wanted, ``instanceId``, ``region`` and ``collects``.
        address
            Of the connection.

        Raises
        ------
        BadValue, AlreadyExists, LimitExceeded
            If a field or the address is wrong, another machine has the name, or the project has ``max_servers`` servers.
        """
        check_known(fields, self.FIELDS)
        machine_id = check_text("machineId", fields.get("machineId"))
        name = check_text("hostNm", fields.get("hostNm"))
        instance_id = check_optional_text("instanceId", fields.get("instanceId"))
        collects = check_flag("collects", fields.get("collects", False))
        given = fields.get("region")
        region = project.region if given is None else check_region(given, self._context.options.regions)
        peer = connection_address(address)
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            before = self._snapshot(session, owner)
            self._forget(session, owner, project, actor)
            row, agent = self._find(session, owner, machine_id, region, name)
            if row is None:
                row = self._add(session, owner, region, name, peer)
                agent = HostAgentRow(host_id=row.host_id, pcode=owner.pcode, owns=True)
                session.add(agent)
                self._context.audit.record(
                    session,
                    actor,
                    "server.register",
                    row.host_id,
                    project.project_id,
                    hostNm=name,
                    svrIp=peer,
                )
            elif agent is None:
                agent = HostAgentRow(host_id=row.host_id, pcode=owner.pcode, owns=False)
                session.add(agent)
            row.name = name
            if agent.owns:
                row.address = peer
            if instance_id is not None:
                row.instance_id = instance_id
            agent.machine_id, agent.collects = machine_id, collects
            agent.heard_ms = self._context.clock.now_ms()
            session.flush()
            changed = before != self._snapshot(session, owner)
            if changed:
                touch_targets(owner)
            registered = HostAgent(server_of(row), collects)
        if changed:
            self._context.changes.announce(Topic.TARGETS)
        return registered

    def _find(
        self, session: Session, owner: ProjectRow, machine_id: str, region: str, name: str
    ) -> tuple[ServerRow | None, HostAgentRow | None]:
        """Return the server of a machine, or of its name, and what is known of the agent."""
        agent = session.scalar(
            select(HostAgentRow).where(
                HostAgentRow.pcode == owner.pcode, HostAgentRow.machine_id == machine_id
            )
        )
        named = session.scalar(
            select(ServerRow).where(
                ServerRow.pcode == owner.pcode, ServerRow.region == region, ServerRow.name == name
            )
        )
        own = session.get(ServerRow, agent.host_id) if agent is not None else None
        if own is not None and own.region != region:
            # The machine has moved; its targets are of the old region's workspaces.
            remove_server(session, own, self._context.clock.now_ms())
            own = agent = None
        if named is None or (own is not None and named.host_id == own.host_id):
            return own, agent
        other = session.get(HostAgentRow, named.host_id)
        if other is not None and self._context.clock.now_ms() - other.heard_ms < REPLACED_AFTER_MS:
            raise AlreadyExists(
                f"another machine reports as {name!r} in region {region!r}; give one of them another name with --name"
            )
        if own is not None:
            remove_server(session, own, self._context.clock.now_ms())
        return named, other

    def _add(self, session: Session, owner: ProjectRow, region: str, name: str, address: str) -> ServerRow:
        row = ServerRow(
            host_id=self._context.ids.make(),
            pcode=owner.pcode,
            name=name,
            address=address,
            instance_id=None,
            region=region,
            created_ms=self._context.clock.now_ms(),
        )
        session.add(row)
        session.flush()
        present = count_servers(session, owner.pcode)
        self._context.refuse_beyond(owner, "max_servers", present, "servers: the project")
        self._reserved.follow(session, owner, [row])
        return row

    def _forget(self, session: Session, owner: ProjectRow, project: Project, actor: Actor) -> None:
        """Remove the servers of agents that have been silent for long; those of operators stay."""
        limit = self._context.clock.now_ms() - FORGOTTEN_AFTER_MS
        silent = select(HostAgentRow).where(
            HostAgentRow.pcode == owner.pcode, HostAgentRow.owns, HostAgentRow.heard_ms < limit
        )
        for agent in session.scalars(silent).all():
            row = session.get(ServerRow, agent.host_id)
            if row is not None:
                self._context.audit.record(
                    session, actor, "server.forget", row.host_id, project.project_id, hostNm=row.name
                )
                remove_server(session, row, self._context.clock.now_ms())

    @staticmethod
    def _snapshot(session: Session, owner: ProjectRow) -> list[tuple[object, ...]]:
        """Return what the scraper depends on: a heartbeat that changes none of it must not disturb anything."""
        query = (
            select(
                ServerRow.host_id,
                ServerRow.name,
                ServerRow.address,
                ServerRow.instance_id,
                HostAgentRow.collects,
            )
            .join(HostAgentRow, HostAgentRow.host_id == ServerRow.host_id)
            .where(ServerRow.pcode == owner.pcode)
            .order_by(ServerRow.host_id)
        )
        return [tuple(row) for row in session.execute(query)]


def connection_address(address: str | None) -> str:
    """
    Return the address of a connection as that of a server.

    Raises
    ------
    BadValue
        If it is one that every machine has for itself: the server would scrape itself, or nothing.
    """
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        raise BadValue(f"the connection has no address ({address!r}); connect by TCP") from None
    mapped = getattr(parsed, "ipv4_mapped", None)
    parsed = mapped or parsed
    if parsed.is_loopback or parsed.is_link_local or parsed.is_unspecified or parsed.is_multicast:
        raise BadValue(
            f"the connection comes from {parsed}, which is no address of a server; let the agent connect to an address of this "
            "server's network, not to localhost"
        )
    return str(parsed)
