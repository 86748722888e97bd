"""Search endpoints: names and values that resemble what was typed, as lines of JSON."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import orjson

from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.selectors import read_selectors
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.model.labels import METRIC_NAME
from bongsu.query.search import FuzzAlgorithm, Search, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.api.prometheus.parameters import Parameters
    from bongsu.model.samples import MetricMetadata
    from bongsu.query.search import Found
    from bongsu.runtime.clock import Clock

NDJSON = "application/x-ndjson; charset=utf-8"

_MAX_TERMS = 32
_MAX_LIMIT = 10_000
_DEFAULT_LIMIT = _DEFAULT_BATCH = 100
"""These four numbers are those of Prometheus' search API."""
_DEFAULT_SPAN_MS = 3_600_000
"""Without `start`, series of the last hour count: what is alive, and what just went."""

_FAMILY_SUFFIXES = ("_bucket", "_count", "_sum", "_total", "_created", "_info")


class SearchEndpoints:
    """Handlers of ``/search``."""

    def __init__(self, admission: Admission, clock: Clock) -> None:
        self._admission = admission
        self._clock = clock

    async def metric_names(self, request: Request) -> Response:
        """Answer ``/search/metric_names``."""
        return await in_thread(self._metric_names, await self._admission.admit(request))

    async def label_names(self, request: Request) -> Response:
        """Answer ``/search/label_names``."""
        return await in_thread(self._label_names, await self._admission.admit(request))

    async def label_values(self, request: Request) -> Response:
        """Answer ``/search/label_values``."""
        return await in_thread(self._label_values, await self._admission.admit(request))

    def _metric_names(self, call: Call) -> Response:
        with_metadata = call.parameters.flag("include_metadata")
        store = self._admission.store(call)
        names = store.label_values(
            METRIC_NAME, read_selectors(call.parameters), *self._range(call.parameters)
        )
        return _answer(call, names, store.metadata() if with_metadata else {})

    def _label_names(self, call: Call) -> Response:
        store = self._admission.store(call)
        names = store.label_names(read_selectors(call.parameters), *self._range(call.parameters))
        return _answer(call, names, {})

    def _label_values(self, call: Call) -> Response:
        label = call.parameters.text("label")
        if not label:
            raise invalid_parameter("label", "it is missing; name the label whose values are searched")
        store = self._admission.store(call)
        values = store.label_values(label, read_selectors(call.parameters), *self._range(call.parameters))
        return _answer(call, values, {})

    def _range(self, parameters: Parameters) -> tuple[int, int]:
        end_ms = parameters.time_ms("end", self._clock.now_ms())
        start_ms = parameters.time_ms("start", end_ms - _DEFAULT_SPAN_MS)
        if end_ms < start_ms:
            raise invalid_parameter("end", "end timestamp must not be before start time")
        return start_ms, end_ms


def _answer(call: Call, entries: Sequence[str], metadata: Mapping[str, Sequence[MetricMetadata]]) -> Response:
    wanted = read_search(call.parameters)
    batch = _between(call.parameters, "batch_size", _DEFAULT_BATCH)
    include_score = call.parameters.flag("include_score")
    found, has_more = search(entries, wanted)
    rows = (_row(each, metadata, include_score=include_score) for each in found)
    return parts_response(_lines(rows, batch, has_more=has_more), coding=call.coding, media_type=NDJSON)


def read_search(parameters: Parameters) -> Search:
    """Return what a call looks for; raises InvalidInput for values that are not allowed."""
    terms = tuple(term for term in parameters.texts("search[]") if term)
    if len(terms) > _MAX_TERMS:
        raise invalid_parameter("search[]", f"{len(terms)} texts were sent; at most {_MAX_TERMS} are allowed")
    threshold = parameters.count("fuzz_threshold")
    if threshold > 100:
        raise invalid_parameter("fuzz_threshold", f"{threshold} is not between 0 and 100")
    by_score = parameters.choice("sort_by", ("alpha", "score"), "alpha") == "score"
    if by_score and parameters.text("sort_dir"):
        raise invalid_parameter("sort_dir", 'it goes with "alpha" only; by score the best always come first')
    return Search(
        terms=terms,
        algorithm=FuzzAlgorithm(
            parameters.choice("fuzz_alg", tuple(FuzzAlgorithm), FuzzAlgorithm.SUBSEQUENCE)
        ),
        threshold=threshold / 100,
        case_sensitive=parameters.flag("case_sensitive", default=True),
        by_score=by_score,
        descending=parameters.choice("sort_dir", ("asc", "dsc"), "asc") == "dsc",
        limit=_between(parameters, "limit", _DEFAULT_LIMIT),
    )


def _between(parameters: Parameters, name: str, default: int) -> int:
    number = parameters.count(name, default)
    if not 1 <= number <= _MAX_LIMIT:
        raise invalid_parameter(name, f"{number} is not between 1 and {_MAX_LIMIT}")
    return number


def _row(
    found: Found, metadata: Mapping[str, Sequence[MetricMetadata]], *, include_score: bool
) -> dict[str, object]:
    row: dict[str, object] = {"name": found.name}
    if include_score:
        row["score"] = round(found.score, 4)
    entry = _metadata_of(found.name, metadata)
    if entry is not None:
        row |= {"type": entry.type, "help": entry.help, "unit": entry.unit}
    return row


def _metadata_of(name: str, metadata: Mapping[str, Sequence[MetricMetadata]]) -> MetricMetadata | None:
    """Return what is known of a metric, or of the family whose part it is."""
    family = next((name.removesuffix(suffix) for suffix in _FAMILY_SUFFIXES if name.endswith(suffix)), name)
    entries = metadata.get(name) or metadata.get(family)
    return entries[0] if entries else None


def _lines(rows: Iterator[dict[str, object]], batch: int, *, has_more: bool) -> Iterator[bytes]:
    while results := list(islice(rows, batch)):
        yield orjson.dumps({"results": results}) + b"\n"
    yield orjson.dumps({"status": "success", "has_more": has_more}) + b"\n"
