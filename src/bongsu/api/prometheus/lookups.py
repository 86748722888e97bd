"""Endpoints that ask the store without evaluating PromQL: label names, label values, series, metadata, exemplars."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from bongsu.api.prometheus.envelope import TRUNCATED, success
from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.selectors import (
    label_name_of_path,
    read_selector,
    read_selectors,
    read_time_range,
)
from bongsu.api.prometheus.series_json import float_text, label_rows
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.model.errors import InvalidInput
from bongsu.promql.errors import ParseError
from bongsu.query.exemplars import find_exemplars
from bongsu.query.quick import QuickQueries

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.api.prometheus.selectors import Selector
    from bongsu.api.whole import WholeRequest
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ExemplarRows

    _Answer = Callable[["_LookUp"], Response]


_KNOWN_SELECTORS = 1024
"""Selectors kept as they were read: as many as the engine keeps plans."""


@dataclass(frozen=True, slots=True)
class _LookUp:
    """
    One look-up.

    Attributes
    ----------
    answer
        Answers it.
    label
        The label that it is about; empty where it is about none.
    span
        Closed range, Unix milliseconds.
    key
        What it has in common with look-ups that cost about the same.
    """

    answer: _Answer
    call: Call
    label: str
    span: tuple[int, int]
    key: Hashable

    @property
    def limit(self) -> int:
        """The most entries of the answer, 0 for all."""
        return self.call.parameters.count("limit")


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
        self._read_selector = functools.lru_cache(_KNOWN_SELECTORS)(read_selector)

    async def labels(self, request: Request) -> Response:
        """Answer ``/labels``: the label names of the matching series."""
        return await self._look_up(self._labels, await self._admission.admit(request))

    def labels_at_once(self, request: WholeRequest) -> Response | None:
        """Answer ``/labels`` if it was over in a moment lately."""
        return self._look_up_at_once(self._labels, self._admission.at_once(request))

    async def label_values(self, request: Request) -> Response:
        """Answer ``/label/<name>/values``: the values of one label in the matching series."""
        call = await self._admission.admit(request)
        return await self._look_up(self._label_values, call, label_name_of_path(_raw_path(request)))

    def label_values_at_once(self, request: WholeRequest) -> Response | None:
        """Answer ``/label/<name>/values`` if it was over in a moment lately."""
        call = self._admission.at_once(request)
        return self._look_up_at_once(self._label_values, call, label_name_of_path(request.path.encode()))

    async def series(self, request: Request) -> Response:
        """Answer ``/series``: the label sets of the matching series."""
        return await self._look_up(self._series, await self._admission.admit(request))

    def series_at_once(self, request: WholeRequest) -> Response | None:
        """Answer ``/series`` if it was over in a moment lately."""
        return self._look_up_at_once(self._series, self._admission.at_once(request))

    async def metadata(self, request: Request) -> Response:
        """Answer ``/metadata``: type, help and unit of metrics."""
        return await in_thread(self._metadata, await self._admission.admit(request))

    async def exemplars(self, request: Request) -> Response:
        """Answer ``/query_exemplars``: the exemplars of the series that a query selects."""
        return await in_thread(self._exemplars, await self._admission.admit(request))

    async def _look_up(self, answer: _Answer, call: Call, label: str = "") -> Response:
        """Answer in a worker thread, or right here what was over in a moment lately."""
        asked = _asked(answer, call, label)
        if asked.key in self._quick:
            return self._measured(asked)
        return await in_thread(self._measured, asked)

    def _look_up_at_once(self, answer: _Answer, call: Call | None, label: str = "") -> Response | None:
        """Answer what was over in a moment lately, else return None."""
        asked = None if call is None else _asked(answer, call, label)
        return self._measured(asked) if asked is not None and asked.key in self._quick else None

    def _measured(self, asked: _LookUp) -> Response:
        began = time.thread_time()
        response = asked.answer(asked)
        self._quick.note(asked.key, time.thread_time() - began)
        return response

    def _labels(self, asked: _LookUp) -> Response:
        limit, selectors = asked.limit, self._selectors(asked)
        names = self._admission.store(asked.call).label_names(selectors, *asked.span)
        return _texts_response(asked.call, names, limit)

    def _label_values(self, asked: _LookUp) -> Response:
        limit, selectors = asked.limit, self._selectors(asked)
        values = self._admission.store(asked.call).label_values(asked.label, selectors, *asked.span)
        return _texts_response(asked.call, values, limit)

    def _series(self, asked: _LookUp) -> Response:
        call, limit, selectors = asked.call, asked.limit, self._selectors(asked, required=True)
        labels = self._admission.store(call).series(selectors, *asked.span)
        order = labels.sort_order()
        truncated = 0 < limit < len(order)
        rows = label_rows(labels, order[:limit] if truncated else order)
        warnings = (TRUNCATED,) if truncated else ()
        return parts_response(success(_listed(rows), warnings=warnings), coding=call.coding)

    def _selectors(self, asked: _LookUp, *, required: bool = False) -> list[Selector]:
        return read_selectors(asked.call.parameters, required=required, read=self._read_selector)

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


def _asked(answer: _Answer, call: Call, label: str) -> _LookUp:
    span = read_time_range(call.parameters)
    selectors = tuple(call.parameters.texts("match[]", "match"))
    owner = call.access.project.project_id
    return _LookUp(answer, call, label, span, (owner, answer.__name__, label, selectors, span[1] - span[0]))


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
