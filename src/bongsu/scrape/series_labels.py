"""From the labels that a line shows to those of its series, under a target's options; and histograms within their bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.labels import METRIC_NAME
from bongsu.scrape.outcomes import Failure, ScrapeFailed
from bongsu.wire.native_histograms import coarser

if TYPE_CHECKING:
    from bongsu.scrape.options import ScrapeOptions
    from bongsu.wire.exposition.lexical import Labels

_COARSEST, _FINEST = -4, 8
"""Schemas of exponential histograms."""


class SeriesLabels:
    """
    Makes the labels of series.

    Parameters
    ----------
    target
        The target's labels.
    """

    def __init__(self, target: Labels, options: ScrapeOptions) -> None:
        self._target = target
        self._labels = dict(target)
        self._options = options
        self._relabel = options.metric_relabeller
        self._limited = bool(
            options.label_limit or options.label_name_length_limit or options.label_value_length_limit
        )

    def __call__(self, scraped: Labels) -> Labels | dict[str, str] | None:
        """
        Return the labels of a series; None when relabelling drops it.

        Raises
        ------
        ScrapeFailed
            If relabelling takes away the metric's name, or a limit on labels is met: the whole scrape fails, as in Prometheus.
        """
        merged = self._honored(scraped) if self._options.honor_labels else self._merged(scraped)
        if not self._relabel and not self._limited:
            return merged
        made = self._relabel.apply({name: value for name, value in dict(merged).items() if value})
        if not made:
            return None
        if METRIC_NAME not in made:
            raise ScrapeFailed(
                f"'metric_relabel_configs' leave {_shown(made)} without a metric name; keep '__name__'",
                Failure.FORMAT,
            )
        if self._limited:
            self._check(made)
        return made

    def _merged(self, scraped: Labels) -> Labels | dict[str, str]:
        """Return scraped labels beside the target's; those that clash become ``exported_<name>``."""
        if self._labels.keys().isdisjoint([name for name, _ in scraped]):
            return scraped + self._target
        merged = dict(self._labels)
        taken = {*self._labels, *(name for name, _ in scraped)}
        for name, value in scraped:
            if name in self._labels and value:
                while name in taken:
                    name = f"exported_{name}"
                taken.add(name)
            merged.setdefault(name, value)
        return merged

    def _honored(self, scraped: Labels) -> dict[str, str]:
        """Return scraped labels beside the target's; those that clash win, an empty one too (federation sends such)."""
        return {**self._labels, **dict(scraped)}

    def _check(self, labels: dict[str, str]) -> None:
        options = self._options
        if options.label_limit and len(labels) > options.label_limit:
            raise _over("label_limit", f"{_shown(labels)} has {len(labels)} labels", options.label_limit)
        for name, value in labels.items():
            if options.label_name_length_limit and len(name.encode()) > options.label_name_length_limit:
                what = f"the label name {name[:100]!r} has {len(name.encode())} bytes"
                raise _over("label_name_length_limit", what, options.label_name_length_limit)
            if options.label_value_length_limit and len(value.encode()) > options.label_value_length_limit:
                what = f"the value of label {name[:100]!r} has {len(value.encode())} bytes"
                raise _over("label_value_length_limit", what, options.label_value_length_limit)


def bounded_histogram(histogram: Histogram, options: ScrapeOptions) -> Histogram:
    """
    Return a native histogram, as coarse as the options make it.

    Raises
    ------
    ScrapeFailed
        If even the coarsest resolution has more buckets than are allowed.
    """
    if histogram.schema == CUSTOM_BUCKETS_SCHEMA:
        return _within(histogram, options.native_histogram_bucket_limit)
    finest = _finest_schema(options.native_histogram_min_bucket_factor)
    if histogram.schema > finest:
        histogram = coarser(histogram, finest)
    limit = options.native_histogram_bucket_limit
    while limit and _buckets(histogram) > limit and histogram.schema > _COARSEST:
        histogram = coarser(histogram, histogram.schema - 1)
    return _within(histogram, limit)


def _finest_schema(factor: float) -> int:
    """Return the finest schema in which one bucket's bound is at least `factor` times the one before."""
    if factor <= 1:
        return _FINEST
    # The growth of a schema is 2 ** 2 ** -schema.
    return max(_COARSEST, min(_FINEST, math.floor(-math.log2(math.log2(factor)))))


def _buckets(histogram: Histogram) -> int:
    return len(histogram.positive_buckets) + len(histogram.negative_buckets)


def _within(histogram: Histogram, limit: int) -> Histogram:
    if limit and _buckets(histogram) > limit:
        what = f"a native histogram has {_buckets(histogram)} buckets"
        raise _over("native_histogram_bucket_limit", what, limit, Failure.BUCKET_LIMIT)
    return histogram


def _over(option: str, what: str, limit: int, failure: Failure = Failure.LABEL_LIMIT) -> ScrapeFailed:
    return ScrapeFailed(
        f"{what}, {limit} are allowed; expose less, or raise the workspace's option {option!r}", failure
    )


def _shown(labels: dict[str, str]) -> str:
    return repr(labels.get(METRIC_NAME) or dict(list(labels.items())[:3]))[:200]
