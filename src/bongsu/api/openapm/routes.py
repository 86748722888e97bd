"""
``/open/api``: the numbers of a project's newest sealed tick.

A number is the whole body, as text without a newline, and is also a JSON number. Errors are JSON objects with a status of their
own, never a number, so that a script cannot take an error for a measurement.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bongsu.api.openapm.history import History
from bongsu.api.openapm.ranges import NO_STORE as _NO_STORE
from bongsu.api.openapm.statistics import Statistics, agent_hash
from bongsu.api.openapm.transactions import Transactions
from bongsu.api.openapm.visitors import Visitors
from bongsu.api.respond import json_response, text_response
from bongsu.api.routing import Router
from bongsu.apm.ticks import Numbers, SealedTick

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import ProjectAccess
    from bongsu.api.errors import Failure, Handler
    from bongsu.api.openapm.callers import Callers
    from bongsu.apm.engine import ApmEngine
    from bongsu.control.values import Project
    from bongsu.query.service import QueryService
    from bongsu.storage.contract import ProjectStore

NUMBER_NAMES = tuple(field.name for field in fields(Numbers))
"""The paths below ``/open/api/`` that answer a bare number."""

_SPOT_NAMES: Mapping[str, str] = {
    "dbc_count": "dbconn_total",
    "dbc_active": "dbconn_act",
    "dbc_idle": "dbconn_idle",
}
"""Numbers that the spot document has under other keys, written with one decimal."""


def routes(
    *,
    callers: Callers,
    apm: ApmEngine,
    queries: QueryService,
    open_store: Callable[[ProjectAccess], ProjectStore],
    log: FilteringBoundLogger,
) -> list[BaseRoute]:
    """
    Return the routes of the API; the last one takes every other path below its prefix.

    Parameters
    ----------
    queries, open_store
        Answer what is asked about the past.
    """
    api, transactions = OpenApm(callers, apm), Transactions(callers, apm)
    statistics, visitors = Statistics(callers, apm), Visitors(callers, apm)
    history = History(callers, queries, open_store, NUMBER_NAMES)
    router = Router(failure_response, log)
    return [
        *(router.resource(f"/open/api/{name}", GET=api.number(name)) for name in NUMBER_NAMES),
        router.resource("/open/api/json/spot", GET=api.spot),
        router.resource("/open/json/agents", GET=api.agents),
        router.resource("/open/api/json/project", GET=api.project),
        router.resource("/open/api/json/projects", GET=api.projects),
        router.resource("/open/api/json/hitmap/{stime}/{etime}", GET=transactions.hit_map),
        router.resource("/open/api/json/transactions/{stime}/{etime}", GET=transactions.find),
        router.resource("/open/api/json/spans/{traceId}", GET=transactions.spans),
        router.resource("/open/api/json/sql/{stime}/{etime}", GET=statistics.queries()),
        router.resource("/open/api/json/httpc/{stime}/{etime}", GET=statistics.http_calls()),
        router.resource(
            "/open/api/json/httpc/{stime}/{etime}/filter/host/{host}/port/{port}",
            GET=statistics.http_calls_of(),
        ),
        router.resource("/open/api/json/exception/{stime}/{etime}", GET=statistics.exceptions()),
        router.resource("/open/api/json/transaction/{stime}/{etime}", GET=statistics.services()),
        router.resource("/open/api/json/visitor_d/{stime}/{etime}", GET=visitors.days()),
        router.resource("/open/api/json/visitor_m/{stime}/{etime}", GET=visitors.months()),
        router.resource("/open/api/json/{name}/{stime}/{etime}", GET=history.course),
        router.resource("/open/api/raw/tag/{category}/{field}", GET=history.merged),
        router.unknown("/open/{path:path}"),
    ]


class OpenApm:
    """Handlers; all need a project's token with the scope `read` and its pcode."""

    def __init__(self, callers: Callers, apm: ApmEngine) -> None:
        self._callers = callers
        self._apm = apm

    def number(self, name: str) -> Handler:
        """Return the handler of one number."""

        async def answer(request: Request) -> Response:
            tick = self._newest(await self._callers.require(request))
            return text_response(number_text(getattr(tick.numbers, name)), headers=_NO_STORE)

        return answer

    async def spot(self, request: Request) -> Response:
        """Answer all numbers of one tick; as in the original, every value but the pcode is a string."""
        caller = await self._callers.require(request)
        document = spot_document(self._newest(caller).numbers, caller.project.pcode)
        return json_response(document, headers=_NO_STORE)

    async def agents(self, request: Request) -> Response:
        """Answer the known agents with their addresses and whether they are heard."""
        tick = self._newest(await self._callers.require(request))
        data = [
            {
                "oid": agent_hash(agent.identity.agent),
                "oname": str(agent.identity.agent),
                "host_ip": agent.identity.address,
                "host_name": agent.identity.host_name,
                "active": agent.is_active,
            }
            for agent in tick.agents
        ]
        return json_response({"data": data}, headers=_NO_STORE)

    async def project(self, request: Request) -> Response:
        """Answer the project of the token."""
        caller = await self._callers.require(request)
        named = {"name": caller.project.name, **_project_fields(caller.project)}
        return json_response(named, headers=_NO_STORE)

    async def projects(self, request: Request) -> Response:
        """Answer the projects that the token may see: a token belongs to one. Tokens are never shown again."""
        caller = await self._callers.require(request, needs_pcode=False)
        named = {"projectName": caller.project.name, **_project_fields(caller.project)}
        return json_response({"data": [named], "accountEmail": "", "total": 1}, headers=_NO_STORE)

    def _newest(self, caller: ProjectAccess) -> SealedTick:
        return self._apm.newest(caller.project.project_id)


def spot_document(numbers: Numbers, pcode: int) -> dict[str, object]:
    """Return all numbers of a tick under the names of the spot document; as in the original, every value but the pcode is a text."""
    document: dict[str, object] = {"pcode": pcode}
    for name in NUMBER_NAMES:
        value = getattr(numbers, name)
        key = _SPOT_NAMES.get(name)
        document[key or name] = f"{value:.1f}" if key else number_text(value)
    return document


def number_text(value: float) -> str:
    """Return a number as the shortest JSON number: no trailing zeros, no exponent."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.4f}".rstrip("0").rstrip(".")


def failure_response(failure: Failure) -> Response:
    """Return the answer of an error."""
    document = {"code": failure.status, "id": failure.id, "message": failure.message}
    return json_response(document, status=failure.status, headers={**failure.headers, **_NO_STORE})


def _project_fields(project: Project) -> dict[str, object]:
    created = datetime.fromtimestamp(project.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return {
        "projectCode": project.pcode,
        "platform": "OPENTELEMETRY",
        "productType": "APM",
        "status": "Normal",
        "gatewayName": project.region,
        "createTime": created,
        "lastUpdatedTime": created,
    }
