"""
How the servers of a project are: what their agents and their targets tell together, and which are gone.

A server is in one of five states, after the five colours of a list of servers. Nobody but the machine's agent and its targets tells
whether a machine runs, so a state is a conclusion, and its reason says from what.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from bongsu.control.host_agents import HEARTBEAT_S
from bongsu.control.lookups import SERVER
from bongsu.control.tables import HostAgentRow, RemovedServerRow, ServerRow, TargetRow, TargetStateRow
from bongsu.control.values import REFUSED, Server, ServerHealth, ServerState, TargetState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bongsu.control.context import ControlContext
    from bongsu.control.database import Database
    from bongsu.control.states import TargetStates
    from bongsu.control.values import Project

SILENT_AFTER_MS = round(3 * HEARTBEAT_S * 1000)
"""An agent is silent after three heartbeats that did not come: one may be lost, and two by a restart of the server."""


_SERVERS = (
    select(*SERVER, HostAgentRow.collects, HostAgentRow.heard_ms)
    .join(HostAgentRow, HostAgentRow.host_id == ServerRow.host_id, isouter=True)
    .where(ServerRow.pcode == bindparam("pcode"))
    .order_by(ServerRow.host_id)
)
_OUTCOMES = (
    select(
        TargetRow.target_id,
        TargetRow.host_id,
        TargetStateRow.result_code,
        TargetStateRow.reason,
        TargetStateRow.since_ms,
    )
    .join(ServerRow, ServerRow.host_id == TargetRow.host_id)
    .join(TargetStateRow, TargetStateRow.target_id == TargetRow.target_id, isouter=True)
    .where(ServerRow.pcode == bindparam("pcode"))
)
_REMOVED = (
    select(
        RemovedServerRow.host_id,  # from here on in the order of the fields of `Server`
        RemovedServerRow.name,
        RemovedServerRow.address,
        RemovedServerRow.region,
        RemovedServerRow.instance_id,
        RemovedServerRow.created_ms,
        RemovedServerRow.os,
        RemovedServerRow.removed_ms,
    )
    .where(RemovedServerRow.pcode == bindparam("pcode"))
    .order_by(RemovedServerRow.removed_ms, RemovedServerRow.host_id)
)


class ServerStates:
    """The states of the servers of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext, states: TargetStates) -> None:
        self._context = context
        self._states = states

    def all(
        self, project: Project, *, region: str | None = None, with_removed: bool = False
    ) -> list[ServerState]:
        """
        Return the servers of a project, of one region or of all, oldest first, with their states.

        Parameters
        ----------
        with_removed
            Servers that were removed lately too, after the others.
        """
        found = self._present(project.pcode)
        if with_removed:
            found += _removed(self._context.database, project.pcode)
        return [one for one in found if region is None or one.server.region == region]

    def _present(self, pcode: int) -> list[ServerState]:
        # Outcomes last: a server that comes between the two has none yet, and one that goes is shown once more.
        rows = self._context.database.rows(_SERVERS, pcode=pcode)
        outcomes, now_ms = self._outcomes(pcode), self._context.clock.now_ms()
        found = []
        for *fields, collects, heard_ms in rows:
            server = Server(*fields)
            is_heard = heard_ms is not None and now_ms - heard_ms <= SILENT_AFTER_MS
            # Nobody scrapes for an agent that is to do it itself and is silent: its newest outcomes are old.
            told = () if collects and not is_heard else outcomes.get(server.host_id, ())
            verdict = judge(told, has_agent=heard_ms is not None, is_heard=is_heard)
            found.append(ServerState(server, verdict.health, verdict.reason, heard_ms))
        return found

    def _outcomes(self, pcode: int) -> dict[str, list[TargetState]]:
        """Return the newest outcomes of a project's targets by their servers."""
        found: dict[str, list[TargetState]] = {}
        # Ordered here: asked for an order, SQLite walks through the targets of all projects to have it.
        for target_id, host_id, code, reason, since_ms in sorted(
            self._context.database.rows(_OUTCOMES, pcode=pcode), key=itemgetter(0)
        ):
            stored = TargetState(code, reason, since_ms, since_ms)
            found.setdefault(host_id, []).append(self._states.newest(target_id, stored))
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a server is, and why it is not well."""

    health: ServerHealth
    reason: str | None = None


def judge(outcomes: Sequence[TargetState], *, has_agent: bool, is_heard: bool) -> Verdict:
    """
    Return the state of a server that is there.

    Parameters
    ----------
    outcomes
        Of its targets, those that were never scraped too.
    has_agent, is_heard
        Whether an agent has ever told of the machine, and whether it does so now.
    """
    known = [outcome for outcome in outcomes if outcome.result_code is not None]
    failed = next((outcome.reason for outcome in known if outcome.reason), None)
    if any(outcome.result_code == 0 for outcome in known):
        if has_agent and not is_heard:
            return Verdict(ServerHealth.UNKNOWN, "the machine's agent is silent, its targets are collected")
        return Verdict(ServerHealth.NORMAL)
    if is_heard:
        # The agent's own report is collection enough, unless targets are wanted that cannot be had.
        return Verdict(ServerHealth.UNMONITORED, failed) if failed else Verdict(ServerHealth.NORMAL)
    if any(outcome.result_code is not None and _is_answer(outcome.result_code) for outcome in known):
        return Verdict(ServerHealth.UNMONITORED, failed)
    if has_agent:
        return Verdict(ServerHealth.STOPPED, failed or "the machine's agent is silent")
    return Verdict(ServerHealth.STOPPED, failed or "nothing was heard of the machine yet")


def _is_answer(code: int) -> bool:
    """Tell whether a result means that the machine itself has answered, if only to refuse."""
    return code > 0 or code == REFUSED


def _removed(database: Database, pcode: int) -> list[ServerState]:
    return [
        ServerState(Server(*fields), ServerHealth.DELETED, "the server was removed", removed_ms=removed_ms)
        for *fields, removed_ms in database.rows(_REMOVED, pcode=pcode)
    ]
