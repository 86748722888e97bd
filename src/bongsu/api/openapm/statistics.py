"""
The statistics of the original by statement, address and exception, in its shape, and those by service.

Hashes are signed 32-bit numbers, as there: CRC-32 of the text in UTF-8.
"""

from __future__ import annotations

import binascii
import math
from typing import TYPE_CHECKING

from bongsu.api.openapm.ranges import NO_STORE, read_range
from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread
from bongsu.apm.calls import HttpCall, Query, Raised, Service
from bongsu.apm.statistics import STEP_MS
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.errors import Handler
    from bongsu.api.openapm.callers import Callers
    from bongsu.apm.engine import ApmEngine
    from bongsu.apm.identity import AgentId
    from bongsu.apm.statistics import RowType, Tally

_LONGEST_RANGE_MS = 86_400_000
"""A day: nothing is kept for longer."""
_MOST_RECORDS = 10_000
"""Of one answer, as the original has it."""
_STEPS_MS = {"m5": STEP_MS, "h1": 3_600_000}
_VERBS = {"select": "S", "insert": "I", "update": "U", "delete": "D"}

Record = dict[str, object]


class Statistics:
    """Handlers; all need a project's token with the scope `read` and its pcode."""

    def __init__(self, callers: Callers, apm: ApmEngine) -> None:
        self._callers = callers
        self._apm = apm

    def queries(self) -> Handler:
        """Return the handler of ``/open/api/json/sql/{stime}/{etime}``."""
        return self._handler(Query, _query_record)

    def http_calls(self) -> Handler:
        """Return the handler of ``/open/api/json/httpc/{stime}/{etime}``, over all applications that call."""
        return self._handler(HttpCall, _call_record, fold=lambda row, _: row._replace(service=""))

    def http_calls_of(self) -> Handler:
        """Return the handler of ``.../filter/host/{host}/port/{port}``, by the application that calls."""

        def fold(row: HttpCall, request: Request) -> HttpCall | None:
            wanted = (request.path_params["host"], request.path_params["port"])
            return row if (row.host, str(row.port)) == wanted else None

        return self._handler(HttpCall, _served_call_record, fold=fold)

    def exceptions(self) -> Handler:
        """Return the handler of ``/open/api/json/exception/{stime}/{etime}``."""
        return self._handler(Raised, _exception_record)

    def services(self) -> Handler:
        """Return the handler of ``/open/api/json/transaction/{stime}/{etime}``."""
        return self._handler(Service, _service_record)

    def _handler(
        self,
        kind: type[RowType],
        record: Callable[[RowType, Tally, set[AgentId]], Record],
        *,
        fold: Callable[[RowType, Request], RowType | None] = lambda row, _: row,
    ) -> Handler:
        """
        Return a handler of one kind of rows.

        Parameters
        ----------
        fold
            Returns the row that a row is counted in, None where it is not asked for.
        """

        async def answer(request: Request) -> Response:
            caller = await self._callers.require(request)
            start_ms, end_ms = _steps(request)
            wanted = _wanted(request)

            def find() -> list[Record]:
                found = self._apm.statistics(caller.project.project_id, kind, start_ms, end_ms, wanted=wanted)
                rows = _folded(found, lambda row: fold(row, request))
                by_time = sorted(rows.items(), key=lambda item: item[1][0].elapsed_ns, reverse=True)
                return [record(row, tally, agents) for row, (tally, agents) in by_time]

            records = await in_thread(find)
            return json_response(
                {"records": records[:_MOST_RECORDS], "total": len(records)}, headers=NO_STORE
            )

        return answer


def signed_hash(text: str) -> int:
    """Return the hash by which the original names a text."""
    value = binascii.crc32(text.encode("utf-8", "surrogatepass"))
    return value - (1 << 32) if value >= 1 << 31 else value


def agent_hash(agent: AgentId) -> int:
    """Return the ``oid`` of an agent: the hash of its name."""
    return signed_hash(str(agent))


def _folded(
    found: dict[RowType, tuple[Tally, set[AgentId]]], into: Callable[[RowType], RowType | None]
) -> dict[RowType, tuple[Tally, set[AgentId]]]:
    rows: dict[RowType, tuple[Tally, set[AgentId]]] = {}
    for row, (tally, agents) in found.items():
        target = into(row)
        if target is None:
            continue
        if target in rows:
            rows[target][0].merge(tally)
            rows[target][1].update(agents)
        else:
            rows[target] = tally, agents
    return rows


def _steps(request: Request) -> tuple[int, int]:
    """Return the range of a call, begun and ended at whole steps that hold it."""
    start_ms, end_ms = read_range(request, longest_ms=_LONGEST_RANGE_MS)
    name = request.query_params.get("filter", "m5")
    step = _STEPS_MS.get(name)
    if step is None:
        raise InvalidInput(
            f"filter is {name[:40]!r}; statistics are kept by five minutes: send one of {', '.join(_STEPS_MS)}",
            id="invalid-parameter",
        )
    return start_ms // step * step, -(-end_ms // step) * step


def _wanted(request: Request) -> Callable[[AgentId], bool]:
    text = request.query_params.get("oid", "")
    if not text:
        return lambda _: True
    if not (text.removeprefix("-").isdecimal() and text.isascii() and len(text) <= 11):
        raise InvalidInput(
            f"oid is {text[:40]!r}; send the number of an agent, as /open/json/agents lists it",
            id="invalid-parameter",
        )
    number = int(text)
    return lambda agent: agent_hash(agent) == number


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1_000_000, 3)


def _mean(tally: Tally) -> float:
    return _ms(tally.elapsed_ns / tally.count)


def _deviation(tally: Tally) -> float:
    """Return the standard deviation in milliseconds."""
    mean = tally.elapsed_ns / tally.count / 1_000_000
    return round(math.sqrt(max(0.0, tally.squares / tally.count - mean * mean)), 3)


def _query_record(row: Query, tally: Tally, _agents: set[AgentId]) -> Record:
    return {
        "time_max": _ms(tally.most_ns),
        "dbcHash": signed_hash(row.database),
        "db": row.database,
        "time_min": _ms(tally.least_ns),
        "fetch_count": tally.rows,
        "hash": signed_hash(row.statement),
        "fetch_time": 0,
        "sql_crud": _VERBS.get(row.statement.split(" ", 1)[0].lower(), ""),
        "count_total": tally.count,
        "count_error": tally.errors,
        "sql": row.statement,
        "time_sum": _ms(tally.elapsed_ns),
        "time_avg": _mean(tally),
        "time_std": _deviation(tally),
        "count_actived": 0,
    }


def _call_record(row: HttpCall, tally: Tally, _agents: set[AgentId]) -> Record:
    return {
        "Sum": _ms(tally.elapsed_ns),
        "Port": row.port,
        "Url": row.url,
        "Host": row.host,
        "Max": _ms(tally.most_ns),
        "Stdev": _deviation(tally),
        "Actived": 0,
        "Avg": _mean(tally),
        "HostHash": signed_hash(row.host),
        "Min": _ms(tally.least_ns),
        "Error": tally.errors,
        "Total": tally.count,
        "UrlHash": signed_hash(row.url),
    }


def _served_call_record(row: HttpCall, tally: Tally, agents: set[AgentId]) -> Record:
    served = {"Service": row.service, "Service_hash": signed_hash(row.service)}
    return _call_record(row, tally, agents) | served


def _exception_record(row: Raised, tally: Tally, agents: set[AgentId]) -> Record:
    return {
        "oids": sorted(agent_hash(agent) for agent in agents),
        "time": tally.newest_ms,
        "classHash": signed_hash(row.kind),
        "count": tally.count,
        "service": row.service,
        "class": row.kind,
        "serviceHash": signed_hash(row.service),
        "snapSeq": 0,
        "msg": row.message,
    }


def _service_record(row: Service, tally: Tally, _agents: set[AgentId]) -> Record:
    return {
        "service": row.service,
        "serviceHash": signed_hash(row.service),
        "count_total": tally.count,
        "count_error": tally.errors,
        "time_sum": _ms(tally.elapsed_ns),
        "time_avg": _mean(tally),
        "time_min": _ms(tally.least_ns),
        "time_max": _ms(tally.most_ns),
        "time_std": _deviation(tally),
    }
