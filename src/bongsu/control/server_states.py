"""
How the servers of a project are: what their agents and their targets tell together, and which are gone.

A server is in one of five states, after the five colours of a list of servers. Nobody but the machine's agent and its targets tells
whether a machine runs, so a state is a conclusion, and its reason says from what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from bongsu.control.host_agents import HEARTBEAT_S
from bongsu.control.rows import server_of
from bongsu.control.tables import HostAgentRow, RemovedServerRow, ServerRow, TargetRow, TargetStateRow
from bongsu.control.values import REFUSED, ServerHealth, ServerState, TargetState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.states import TargetStates
    from bongsu.control.values import Project

SILENT_AFTER_MS = round(3 * HEARTBEAT_S * 1000)
"""An agent is silent after three heartbeats that did not come: one may be lost, and two by a restart of the server."""


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
        with self._context.database.read() as session:
            found = self._present(session, project.pcode, region)
            return found + _removed(session, project.pcode, region) if with_removed else found

    def _present(self, session: Session, pcode: int, region: str | None) -> list[ServerState]:
        query = (
            select(ServerRow, HostAgentRow)
            .join(HostAgentRow, HostAgentRow.host_id == ServerRow.host_id, isouter=True)
            .where(ServerRow.pcode == pcode)
            .order_by(ServerRow.host_id)
        )
        if region is not None:
            query = query.where(ServerRow.region == region)
        outcomes, now_ms = self._outcomes(session, pcode), self._context.clock.now_ms()
        found = []
        for server, agent in session.execute(query):
            heard_ms = None if agent is None else agent.heard_ms
            is_heard = heard_ms is not None and now_ms - heard_ms <= SILENT_AFTER_MS
            # Nobody scrapes for an agent that is to do it itself and is silent: its newest outcomes are old.
            told = (
                ()
                if agent is not None and agent.collects and not is_heard
                else outcomes.get(server.host_id, ())
            )
            verdict = judge(told, has_agent=agent is not None, is_heard=is_heard)
            found.append(ServerState(server_of(server), verdict.health, verdict.reason, heard_ms))
        return found

    def _outcomes(self, session: Session, pcode: int) -> dict[str, list[TargetState]]:
        """Return the newest outcomes of a project's targets by their servers."""
        query = (
            select(
                TargetRow.host_id,
                TargetRow.target_id,
                TargetStateRow.result_code,
                TargetStateRow.reason,
                TargetStateRow.since_ms,
            )
            .join(ServerRow, ServerRow.host_id == TargetRow.host_id)
            .join(TargetStateRow, TargetStateRow.target_id == TargetRow.target_id, isouter=True)
            .where(ServerRow.pcode == pcode)
        )
        found: dict[str, list[TargetState]] = {}
        # Ordered here: asked for an order, SQLite walks through the targets of all projects to have it.
        for host_id, target_id, code, reason, since_ms in sorted(
            session.execute(query), key=lambda row: row.target_id
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


def _removed(session: Session, pcode: int, region: str | None) -> list[ServerState]:
    query = (
        select(RemovedServerRow)
        .where(RemovedServerRow.pcode == pcode)
        .order_by(RemovedServerRow.removed_ms, RemovedServerRow.host_id)
    )
    if region is not None:
        query = query.where(RemovedServerRow.region == region)
    return [
        ServerState(server_of(row), ServerHealth.DELETED, "the server was removed", removed_ms=row.removed_ms)
        for row in session.scalars(query)
    ]
