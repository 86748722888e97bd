"""The hit map of a time range, and the transactions behind a part of it. Our own calls: the original has them in its console only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread
from bongsu.apm.transactions import HITMAP_BOUNDS_MS
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl
    from bongsu.apm.engine import ApmEngine
    from bongsu.apm.transactions import KeptTransaction

_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST_RANGE_MS = 86_400_000
"""A day: nothing is kept for longer."""
_MOST_RECORDS = 1_000
"""Transactions in one answer, about 400 KB."""
_MOST_DIGITS = 15
"""Of a time in milliseconds: thirty thousand years."""


class Transactions:
    """Handlers of the hit map; all need a project's token with the scope `read` and its pcode."""

    def __init__(self, access: AccessControl, apm: ApmEngine) -> None:
        self._access = access
        self._apm = apm

    async def hit_map(self, request: Request) -> Response:
        """Answer ``/open/api/json/hitmap/{stime}/{etime}``: transactions by tick and response time."""
        caller = await self._access.require_apm(request)
        start_ms, end_ms = _range(request)
        maps = await in_thread(self._apm.hit_maps, caller.project.project_id, start_ms, end_ms)
        records = [
            {
                "time": tick.end_ms,
                "rows": [{"row": row, "well": well, "failed": bad} for row, well, bad in tick.rows],
            }
            for tick in maps
        ]
        document = {"bounds": HITMAP_BOUNDS_MS, "records": records, "total": len(records)}
        return json_response(document, headers=_NO_STORE)

    async def find(self, request: Request) -> Response:
        """Answer ``/open/api/json/transactions/{stime}/{etime}?min=&max=``: the kept ones among the slowest and the failed."""
        caller = await self._access.require_apm(request)
        start_ms, end_ms = _range(request)
        found = await in_thread(
            self._apm.find_transactions,
            caller.project.project_id,
            start_ms,
            end_ms,
            least_ms=_milliseconds(request, "min", 0.0),
            most_ms=_milliseconds(request, "max", float("inf")),
            limit=_MOST_RECORDS,
        )
        records = [_record(transaction) for transaction in found]
        return json_response({"records": records, "total": len(records)}, headers=_NO_STORE)


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


def _range(request: Request) -> tuple[int, int]:
    start_ms, end_ms = (_time(request.path_params[name], name) for name in ("stime", "etime"))
    if not 0 <= end_ms - start_ms <= _LONGEST_RANGE_MS:
        raise InvalidInput(
            f"the range from {start_ms} to {end_ms} ends before it begins or is longer than a day; ask for less at once",
            id="invalid-parameter",
        )
    return start_ms, end_ms


def _time(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise InvalidInput(
            f"{name} is {text[:40]!r}; write Unix milliseconds, such as 1700000000000", id="invalid-parameter"
        )
    return int(text)


def _milliseconds(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    return float(_time(text, name))
