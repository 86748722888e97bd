"""The export endpoint: everything that is stored of some series, streamed with bounded memory; the mirror of ``/import``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.selectors import read_selectors, read_time_range
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.query.archive import FORMATS, JSON_LINES, export_parts
from bongsu.query.export import count_histograms

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call

MEDIA_TYPES = {
    "json": "application/stream+json; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
    "prometheus": "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
}

LEFT_OUT_HEADER = "X-Bongsu-Histograms-Left-Out"
"""Native histograms that a text format has no place for."""

_ROWS_PER_LINE = 10_000
"""Samples of one line of JSON at most: a reader holds a line as a whole."""


class DataExport:
    """Handler of ``/export``."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def export(self, request: Request) -> Response:
        """Answer ``/export``."""
        return await in_thread(self._export, await self._admission.admit(request))

    def _export(self, call: Call) -> Response:
        selectors = read_selectors(call.parameters, required=True)
        start_ms, end_ms = read_time_range(call.parameters)
        format = call.parameters.choice("format", FORMATS, JSON_LINES)  # noqa: A001 - the parameter's name
        rows = call.parameters.count("max_rows_per_line", _ROWS_PER_LINE)
        if not rows:
            raise invalid_parameter("max_rows_per_line", "at least 1 is needed")
        store = self._admission.store(call)
        left_out = 0 if format == JSON_LINES else count_histograms(store, selectors, start_ms, end_ms)
        parts = export_parts(store, selectors, start_ms, end_ms, format=format, max_rows=rows)
        response = parts_response(parts, coding=call.coding, media_type=MEDIA_TYPES[format])
        if left_out:
            response.headers[LEFT_OUT_HEADER] = str(left_out)
        return response
