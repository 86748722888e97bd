"""``POST /agent/v1/host``: a machine registers itself, over and over, and is told its targets when it scrapes them itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bongsu.api.body import read_json_object
from bongsu.api.respond import json_response
from bongsu.api.routing import Router
from bongsu.api.threads import Lane
from bongsu.control.errors import BadValue
from bongsu.control.host_agents import HEARTBEAT_S
from bongsu.control.values import Scope, ScrapeOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.errors import Failure
    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Actor

CONTROL_THREADS = 4
"""A thousand machines register 33 times a second, a few milliseconds each."""
_MOST_OUTCOMES = 1_000
_MOST_REASON = 500
"""Characters; the column's size."""


class HostTargets(Protocol):
    """Who knows the targets of a machine; blocks."""

    def of_host(self, project_id: str, host_id: str) -> Sequence[dict[str, Any]]:
        """Return them as the agent is told them; each has its place's id in ``place.id``."""
        ...


def routes(
    *, access: AccessControl, control: ControlPlane, targets: HostTargets, log: FilteringBoundLogger
) -> list[BaseRoute]:
    """Return the route; it needs a key with the scope `write`."""
    hosts = _Hosts(access, control, targets)
    router = Router(_failure, log)
    return [
        router.resource("/agent/v1/host", POST=hosts.register),
        router.unknown("/agent/{rest:path}"),
    ]


class _Hosts:
    def __init__(self, access: AccessControl, control: ControlPlane, targets: HostTargets) -> None:
        self._access = access
        self._control = control
        self._targets = targets
        self._lane = Lane(CONTROL_THREADS)

    async def register(self, request: Request) -> Response:
        # The key first: nobody without one makes the server read a body.
        caller = await self._access.require(request, Scope.WRITE)
        fields = await read_json_object(request)
        document = await self._lane.run(self._register, caller, fields, caller.actor(request))
        return json_response(document, headers={"Cache-Control": "no-store"})

    def _register(self, caller: ProjectAccess, fields: dict[str, Any], actor: Actor) -> dict[str, object]:
        outcomes = fields.pop("outcomes", [])
        agent = self._control.host_agents.register(caller.project, fields, actor.address, actor=actor)
        server = agent.server
        told: Sequence[dict[str, Any]] = ()
        if agent.collects:
            told = self._targets.of_host(caller.project.project_id, server.host_id)
            self._control.states.report(_outcomes(outcomes, {entry["place"]["id"] for entry in told}))
        return {
            "hostId": server.host_id,
            "hostNm": server.name,
            "svrIp": server.address,
            "region": server.region,
            "collects": agent.collects,
            "againInSeconds": HEARTBEAT_S,
            "targets": list(told),
        }


def _outcomes(sent: object, known: set[str]) -> list[ScrapeOutcome]:
    """Return the outcomes of the machine's own targets; those of others, and of removed ones, are left out."""
    if not isinstance(sent, list) or len(sent) > _MOST_OUTCOMES:
        raise BadValue(f"'outcomes' must be a list of at most {_MOST_OUTCOMES} objects")
    outcomes = []
    for entry in sent:
        if not isinstance(entry, dict):
            raise BadValue("'outcomes' holds something else than objects")
        target_id, at_ms, code = (entry.get(name) for name in ("targetId", "atMs", "resultCd"))
        reason = entry.get("failReason")
        if not (
            isinstance(target_id, str)
            and isinstance(at_ms, int)
            and isinstance(code, int)
            and isinstance(reason, str | None)
        ):
            raise BadValue(
                "an outcome needs 'targetId' (text), 'atMs' and 'resultCd' (whole numbers), and 'failReason' (text or null)"
            )
        if target_id in known:
            outcomes.append(ScrapeOutcome(target_id, at_ms, code, reason[:_MOST_REASON] if reason else None))
    return outcomes


def _failure(failure: Failure) -> Response:
    document = {"error": {"id": failure.id, "message": failure.message}}
    return json_response(document, status=failure.status, headers=failure.headers)
