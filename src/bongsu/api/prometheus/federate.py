"""Federation: the newest samples of chosen series as exposition text, for another Prometheus to scrape."""

from __future__ import annotations

import math
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from bongsu.api.prometheus.selectors import read_selectors
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import MetricMetadata
from bongsu.query.newest import NewestSample, newest_samples
from bongsu.wire.exposition.format import ExposedSample, Family, format_exposition
from bongsu.wire.exposition.lexical import normal_bound
from bongsu.wire.exposition.negotiation import Format, wants_protobuf
from bongsu.wire.exposition.protobuf_format import ProtobufSample, format_protobuf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.runtime.clock import Clock
    from bongsu.wire.exposition.lexical import Labels

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
_INSTANCE = "instance"


class Federation:
    """
    Handler of ``/federate``.

    Parameters
    ----------
    lookback_ms
        How old the newest sample of a series may be.
    """

    def __init__(self, admission: Admission, clock: Clock, lookback_ms: int) -> None:
        self._admission = admission
        self._clock = clock
        self._lookback_ms = lookback_ms

    async def federate(self, request: Request) -> Response:
        """Answer ``/federate``: every matching series once, sorted by name and labels, with its own timestamp."""
        call = await self._admission.admit(request)
        protobuf = wants_protobuf(request.headers.get("accept", ""))
        return await in_thread(self._federate, call, protobuf=protobuf)

    def _federate(self, call: Call, *, protobuf: bool) -> Response:
        selectors = read_selectors(call.parameters, required=True)
        found = newest_samples(
            self._admission.store(call), selectors, self._clock.now_ms(), self._lookback_ms
        )
        # Exposition has no place for a series without a name.
        once = {tuple(sample.labels.items()): sample for sample in found if METRIC_NAME in sample.labels}
        samples = [part for labels in sorted(once) for part in _parts(once[labels])]
        samples.sort(key=_name)
        if protobuf:
            parts = format_protobuf(ProtobufSample(_labels(s), s.value, s.time_ms) for s in samples)
            return parts_response(parts, coding=call.coding, media_type=Format.PROTOBUF.value)
        return parts_response(
            format_exposition(_families(samples), Format.TEXT), coding=call.coding, media_type=_CONTENT_TYPE
        )


def _parts(sample: NewestSample) -> Iterator[NewestSample]:
    """Yield a sample as it is, or the classic series of a histogram with custom bounds, which no format of exposition has."""
    histogram = sample.value
    if not isinstance(histogram, Histogram) or histogram.schema != CUSTOM_BUCKETS_SCHEMA:
        yield sample
        return
    name = sample.labels[METRIC_NAME]
    counts = [0.0] * (len(histogram.custom_values) + 1)
    at = taken = 0
    for offset, length in histogram.positive_spans:
        at += offset
        counts[at : at + length] = histogram.positive_buckets[taken : taken + length]
        at, taken = at + length, taken + length
    for bound, total in zip((*histogram.custom_values, math.inf), accumulate(counts), strict=True):
        labels = {**sample.labels, METRIC_NAME: f"{name}_bucket", "le": normal_bound(repr(bound))}
        yield NewestSample(labels, sample.time_ms, total)
    yield NewestSample({**sample.labels, METRIC_NAME: f"{name}_count"}, sample.time_ms, histogram.count)
    yield NewestSample({**sample.labels, METRIC_NAME: f"{name}_sum"}, sample.time_ms, histogram.sum)


def _families(samples: list[NewestSample]) -> Iterator[Family]:
    """Yield families by name, of unknown type: a family of the store may be part of one of the scraped target's."""
    for name, group in groupby(samples, _name):
        exposed = [
            ExposedSample(_labels(sample), sample.value, sample.time_ms)
            for sample in group
            # Native histograms are in protobuf only.
            if not isinstance(sample.value, Histogram)
        ]
        if exposed:
            yield Family(MetricMetadata(name, "unknown"), exposed)


def _name(sample: NewestSample) -> str:
    return sample.labels[METRIC_NAME]


def _labels(sample: NewestSample) -> Labels:
    # Without an instance the scraping server would add the address of this one.
    return tuple(sorted({_INSTANCE: "", **sample.labels}.items()))
