"""Federation: the newest samples of chosen series as exposition text, for another Prometheus to scrape."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from bongsu.api.prometheus.selectors import read_selectors
from bongsu.api.prometheus.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import MetricMetadata
from bongsu.query.newest import newest_samples
from bongsu.wire.exposition.format import ExposedSample, Family, format_exposition
from bongsu.wire.exposition.negotiation import Format

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.query.newest import NewestSample
    from bongsu.runtime.clock import Clock

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
        return await in_thread(self._federate, await self._admission.admit(request))

    def _federate(self, call: Call) -> Response:
        selectors = read_selectors(call.parameters, required=True)
        found = newest_samples(
            self._admission.store(call), selectors, self._clock.now_ms(), self._lookback_ms
        )
        # Exposition text has no place for a series without a name.
        once = {tuple(sample.labels.items()): sample for sample in found if METRIC_NAME in sample.labels}
        families = _families([once[labels] for labels in sorted(once)])
        return parts_response(
            format_exposition(families, Format.TEXT), gzip=call.gzip, media_type=_CONTENT_TYPE
        )


def _families(samples: list[NewestSample]) -> Iterator[Family]:
    """Yield families by name, of unknown type: a family of the store may be part of one of the scraped target's."""
    samples.sort(key=_name)
    for name, group in groupby(samples, _name):
        yield Family(MetricMetadata(name, "unknown"), [_exposed(sample) for sample in group])


def _name(sample: NewestSample) -> str:
    return sample.labels[METRIC_NAME]


def _exposed(sample: NewestSample) -> ExposedSample:
    labels = sample.labels
    if _INSTANCE not in labels:
        # Else the scraping server would add the address of this one.
        labels = dict(sorted({**labels, _INSTANCE: ""}.items()))
    return ExposedSample(tuple(labels.items()), sample.value, sample.time_ms)
