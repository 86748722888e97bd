"""Endpoints that ask the store without evaluating PromQL: label names, label values, series, metadata, exemplars."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from bongsu.api.prometheus.envelope import TRUNCATED, success
from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.selectors import label_name_of_path, read_selectors, read_time_range
from bongsu.api.prometheus.series_json import float_text, label_rows
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.model.errors import InvalidInput
from bongsu.promql.errors import ParseError
from bongsu.query.exemplars import find_exemplars
from bongsu.query.quick import QuickQueries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ExemplarRows


class Lookups:
    """
    Handlers of the look-ups.

    Parameters
    ----------
    admission
        Checks keys, reads parameters, opens stores.
    clock
        Tells how long a look-up counts as quick.
    features
        Names of the PromQL features that are on.
    """

    def __init__(self, admission: Admission, clock: Clock, features: frozenset[str]) -> None:
        self._admission = admission
        self._features = features
        self._quick = QuickQueries(clock.monotonic)

    async def labels(self, request: Request) -> Response:
        """Answer ``/labels``: the label names of the matching series."""
        return await self._look_up(request, await self._admission.admit(request), self._labels)

    async def label_values(self, request: Request) -> Response:
        """Answer ``/label/<name>/values``: the values of one label in the matching series."""
        call = await self._admission.admit(request)
        name = label_name_of_path(_raw_path(request))
        return await self._look_up(request, call, lambda call: self._label_values(call, name))

    async def series(self, request: Request) -> Response:
        """Answer ``/series``: the label sets of the matching series."""
        return await self._look_up(request, await self._admission.admit(request), self._series)

    async def metadata(self, request: Request) -> Response:
        """Answer ``/metadata``: type, help and unit of metrics."""
        return await in_thread(self._metadata, await self._admission.admit(request))

    async def exemplars(self, request: Request) -> Response:
        """Answer ``/query_exemplars``: the exemplars of the series that a query selects."""
        return await in_thread(self._exemplars, await self._admission.admit(request))

    async def _look_up(self, request: Request, call: Call, answer: Callable[[Call], Response]) -> Response:
        """Answer in a worker thread, or right here what was over in a moment lately."""
        start_ms, end_ms = read_time_range(call.parameters)
        asked = request.scope["path"], *call.parameters.texts("match[]", "match")
        key = call.access.project.project_id, end_ms - start_ms, asked

        def measured() -> Response:
            began = time.thread_time()
            response = answer(call)
            self._quick.note(key, time.thread_time() - began)
            return response

        return measured() if key in self._quick else await in_thread(measured)

    def _labels(self, call: Call) -> Response:
        limit, selectors = call.parameters.count("limit"), read_selectors(call.parameters)
        span = read_time_range(call.parameters)
        return _texts_response(call, self._admission.store(call).label_names(selectors, *span), limit)

    def _label_values(self, call: Call, name: str) -> Response:
        limit, selectors = call.parameters.count("limit"), read_selectors(call.parameters)
        span = read_time_range(call.parameters)
        return _texts_response(call, self._admission.store(call).label_values(name, selectors, *span), limit)

    def _series(self, call: Call) -> Response:
        limit, selectors = (
            call.parameters.count("limit"),
            read_selectors(call.parameters, required=True),
        )
        labels = self._admission.store(call).series(selectors, *read_time_range(call.parameters))
        order = labels.sort_order()
        truncated = 0 < limit < len(order)
        rows = label_rows(labels, order[:limit] if truncated else order)
        warnings = (TRUNCATED,) if truncated else ()
        return parts_response(success(_listed(rows), warnings=warnings), coding=call.coding)

    def _metadata(self, call: Call) -> Response:
        limit, per_metric = call.parameters.count("limit"), call.parameters.count("limit_per_metric")
        metric = call.parameters.text("metric")
        known = self._admission.store(call).metadata()
        names = list(known)[: limit or None] if not metric else [metric] if metric in known else []
        data = {
            name: [
                {"type": entry.type, "help": entry.help, "unit": entry.unit}
                for entry in known[name][: per_metric or None]
            ]
            for name in names
        }
        return parts_response(success((orjson.dumps(data),)), coding=call.coding)

    def _exemplars(self, call: Call) -> Response:
        start_ms, end_ms = read_time_range(call.parameters)
        if end_ms < start_ms:
            raise InvalidInput(
                "end timestamp must not be before start timestamp; swap the parameters start and end",
                id="invalid-parameter",
            )
        text = call.parameters.text("query")
        try:
            rows = find_exemplars(
                self._admission.store(call), text, start_ms, end_ms, features=self._features
            )
        except ParseError as error:
            raise invalid_parameter("query", error.message) from error
        return parts_response(success((_exemplars_json(rows),)), coding=call.coding)


def _raw_path(request: Request) -> bytes:
    raw = request.scope.get("raw_path")
    return raw if isinstance(raw, bytes) else request.scope["path"].encode()


def _texts_response(call: Call, texts: list[str], limit: int) -> Response:
    truncated = 0 < limit < len(texts)
    data = orjson.dumps(texts[:limit] if truncated else texts)
    return parts_response(success((data,), warnings=(TRUNCATED,) if truncated else ()), coding=call.coding)


def _listed(rows: Iterator[bytes]) -> Iterator[bytes]:
    yield b"["
    yield from rows
    yield b"]"


def _exemplars_json(rows: ExemplarRows) -> bytes:
    return orjson.dumps(
        [
            {
                "seriesLabels": rows.labels.labels(row),
                "exemplars": [
                    {
                        "labels": dict(exemplar.labels),
                        "value": float_text(exemplar.value),
                        "timestamp": exemplar.timestamp / 1000,
                    }
                    for exemplar in exemplars
                ],
            }
            for row, exemplars in enumerate(rows.exemplars)
        ]
    )
