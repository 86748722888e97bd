"""The hit map of a time range, and the transactions behind a part of it. Our own calls: the original has them in its console only."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from bongsu.api.openapm.ranges import NO_STORE, read_range, read_time
from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread
from bongsu.apm.transactions import HITMAP_BOUNDS_MS
from bongsu.model.errors import InvalidInput
from bongsu.wire.otlp.values import SpanKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.openapm.callers import Callers
    from bongsu.apm.engine import ApmEngine
    from bongsu.apm.traces import KeptSpan
    from bongsu.apm.transactions import HitMap, KeptTransaction

_LONGEST_RANGE_MS = 86_400_000
"""A day: nothing is kept for longer."""
_MOST_RECORDS = 1_000
"""Transactions in one answer, about 400 KB."""
_MOST_FOUND = 20_000
"""All that are kept: the fields are looked at after time and duration."""
_TRACE_ID_CHARACTERS = 32


_KINDS = {kind.value: kind.name for kind in SpanKind}


class Transactions:
    """Handlers of the hit map; all need a project's token with the scope `read` and its pcode."""

    def __init__(self, callers: Callers, apm: ApmEngine) -> None:
        self._callers = callers
        self._apm = apm

    async def hit_map(self, request: Request) -> Response:
        """Answer ``/open/api/json/hitmap/{stime}/{etime}``: transactions by tick and response time."""
        caller = await self._callers.require(request)
        start_ms, end_ms = read_range(request, longest_ms=_LONGEST_RANGE_MS)
        maps = await in_thread(self._apm.hit_maps, caller.project.project_id, start_ms, end_ms)
        records = [{"time": tick.end_ms, "rows": hit_rows(tick)} for tick in maps]
        document = {"bounds": HITMAP_BOUNDS_MS, "records": records, "total": len(records)}
        return json_response(document, headers=NO_STORE)

    async def find(self, request: Request) -> Response:
        """
        Answer ``/open/api/json/transactions/{stime}/{etime}``: the kept ones among the slowest and the failed.

        ``min`` and ``max`` bound the response time; ``failed``, ``route``, ``name``, ``status``, ``user``, ``oname`` and ``traceId``
        say what a record must have, `text` of ``route``, ``name`` and ``message`` what one of them must contain.
        """
        caller = await self._callers.require(request)
        start_ms, end_ms = read_range(request, longest_ms=_LONGEST_RANGE_MS)
        found = await in_thread(
            self._apm.find_transactions,
            caller.project.project_id,
            start_ms,
            end_ms,
            least_ms=_milliseconds(request, "min", 0.0),
            most_ms=_milliseconds(request, "max", float("inf")),
            limit=_MOST_FOUND,
        )
        records = [_record(transaction) for transaction in found]
        wanted = [record for record in records if _matches(record, request)]
        return json_response({"records": wanted[:_MOST_RECORDS], "total": len(wanted)}, headers=NO_STORE)

    async def spans(self, request: Request) -> Response:
        """Answer ``/open/api/json/spans/{traceId}``: the spans of one kept transaction, in order of their start."""
        caller = await self._callers.require(request)
        text = request.path_params["traceId"]
        if len(text) != _TRACE_ID_CHARACTERS or set(text) - set(string.hexdigits):
            raise InvalidInput(
                f"the trace id is {text[:40]!r}; send the 32 hexadecimal digits of a record's traceId",
                id="invalid-parameter",
            )
        found = await in_thread(self._apm.find_spans, caller.project.project_id, bytes.fromhex(text))
        records = [_span_record(span) for span in found]
        return json_response({"records": records, "total": len(records)}, headers=NO_STORE)


def hit_rows(tick: HitMap) -> list[dict[str, int]]:
    """Return the rows of one tick's hit map as the API tells them."""
    return [{"row": row, "well": well, "failed": failed} for row, well, failed in tick.rows]


_EXACT = ("route", "name", "user", "oname", "traceId")
_SEARCHED = ("route", "name", "message")


def _matches(record: Mapping[str, object], request: Request) -> bool:
    """Tell whether a record has what the parameters ask for."""
    asked = request.query_params
    if any(name in asked and record[name] != asked[name] for name in _EXACT):
        return False
    if "status" in asked and record["status"] != read_time(asked["status"], "status"):
        return False
    if "failed" in asked and record["failed"] != _flag(asked["failed"]):
        return False
    text = asked.get("text", "").casefold()
    return not text or any(text in str(record[name]).casefold() for name in _SEARCHED)


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise InvalidInput(f"failed is {text[:40]!r}; send true or false", id="invalid-parameter")
    return text == "true"


def _span_record(span: KeptSpan) -> dict[str, object]:
    return {
        "spanId": span.span_id.hex(),
        "parentId": span.parent_id.hex(),
        "oname": str(span.agent),
        "name": span.name,
        "kind": _KINDS.get(span.kind, "UNSPECIFIED"),
        # Microseconds: children of one millisecond must stay in order. They fit a browser's number.
        "startUs": span.start_ns // 1_000,
        "elapsed": round(span.elapsed_ns / 1_000_000, 3),
        "failed": span.failed,
        "message": span.message,
        "attributes": dict(span.attributes),
    }


def _record(transaction: KeptTransaction) -> dict[str, object]:
    return {
        "time": transaction.end_ms,
        "elapsed": round(transaction.elapsed_ns / 1_000_000, 3),
        "failed": transaction.failed,
        "oname": str(transaction.agent),
        "name": transaction.name,
        "route": transaction.route,
        "status": transaction.status,
        # A number of 64 bits would lose digits in a browser.
        "user": None if transaction.user is None else f"{transaction.user:016x}",
        "traceId": transaction.trace_id.hex(),
        "spanId": transaction.span_id.hex(),
        "message": transaction.message,
    }


def _milliseconds(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    return float(read_time(text, name))
