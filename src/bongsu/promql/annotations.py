"""
Notes that a query gives beside its value: warnings (the answer may not be what you meant) and infos.

The texts are those of Prometheus, since clients show and match them; each ends with the line and column of what it is about.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from bongsu.model.matchers import quote

if TYPE_CHECKING:
    from bongsu.promql.parser.ast import Span

_WARNING = "PromQL warning: "
_INFO = "PromQL info: "

_LEAST_EXPONENT, _GREATEST_EXPONENT = 4, 6


def go_float(value: float, digits: int | None = None) -> str:
    """Return a number as Go's ``%g`` writes it, or ``%.<digits>g``."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if digits is not None:
        return f"{value:.{digits}g}"
    # With an exponent from a million on and below a ten-thousandth, as where Go is to find the shortest form.
    text = repr(float(value))
    shortest = Decimal(text).normalize()
    if -_LEAST_EXPONENT <= shortest.adjusted() < _GREATEST_EXPONENT or value == 0:
        return text.removesuffix(".0")
    mantissa = shortest.scaleb(-shortest.adjusted())
    return f"{mantissa:f}e{shortest.adjusted():+03d}"


@dataclass(slots=True)
class _Monotonicity:
    """Falls of one classic histogram's buckets, gathered over the steps."""

    lowest: float
    highest: float
    largest: float
    first_ms: int
    last_ms: int
    count: int


class Annotations:
    """The notes of one query; equal texts are kept once, with the place given last. May be used from any thread."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lock = threading.Lock()
        self._warnings: dict[str, str] = {}
        self._infos: dict[str, str] = {}
        self._falls: dict[tuple[str, str], _Monotonicity] = {}

    def __len__(self) -> int:
        return len(self._warnings) + len(self._infos) + len(self._falls)

    def warn(self, message: str, span: Span) -> None:
        """Add a warning about the piece of the query at `span`."""
        with self._lock:
            self._warnings[f"{_WARNING}{message}"] = self._place(span)

    def inform(self, message: str, span: Span) -> None:
        """Add an info about the piece of the query at `span`."""
        with self._lock:
            self._infos[f"{_INFO}{message}"] = self._place(span)

    def forced_monotonic(
        self,
        metric: str,
        span: Span,
        bounds: tuple[float, float],
        largest: float,
        times: tuple[int, int, int],
    ) -> None:
        """Add falls of a classic histogram: lowest and highest bound, the largest fall; first, last time and their count."""
        with self._lock:
            known = self._falls.setdefault(
                (metric, self._place(span)), _Monotonicity(*bounds, largest, times[0], times[1], 0)
            )
            known.lowest = min(known.lowest, bounds[0])
            known.highest = max(known.highest, bounds[1])
            known.largest = max(known.largest, largest)
            known.first_ms = min(known.first_ms, times[0])
            known.last_ms = max(known.last_ms, times[1])
            known.count += times[2]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, sorted."""
        if not self._warnings:
            return ()
        return tuple(sorted(f"{text} {place}" for text, place in self._warnings.items()))

    @property
    def infos(self) -> tuple[str, ...]:
        """The infos, sorted."""
        if not self._infos and not self._falls:
            return ()
        infos = (f"{text} {place}" for text, place in self._infos.items())
        falls = (_falls_text(metric, place, fall) for (metric, place), fall in self._falls.items())
        return tuple(sorted((*infos, *falls)))

    def _place(self, span: Span) -> str:
        line, column = span.position(self._text)
        return f"({line}:{column})"


def _falls_text(metric: str, place: str, fall: _Monotonicity) -> str:
    return (
        f"{_INFO}input to histogram_quantile needed to be fixed for monotonicity "
        "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
        f"{of_metric(metric)}, from buckets {go_float(fall.lowest)} to {go_float(fall.highest)}, "
        f"with a max diff of {go_float(fall.largest, 2)}, over {fall.count} samples "
        f"from {_time(fall.first_ms)} to {_time(fall.last_ms)} {place}"
    )


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Messages that are used in more than one place.


def of_metric(metric: str) -> str:
    """Tell which metric a note is about, if it has a name; what was summed up has none any more."""
    return f" for metric name {quote(metric)}" if metric else ""


def mixed_floats_and_histograms(metric: str) -> str:
    """One range holds floats and histograms, and the function cannot use both."""
    return f"encountered a mix of histograms and floats for metric name {quote(metric)}"


def bad_quantile(value: float) -> str:
    """A quantile is out of [0, 1]."""
    return f"quantile value should be between 0 and 1, got {go_float(value)}"


def not_counter_by_name(metric: str) -> str:
    """A counter's function is applied to what is not called like one."""
    return f"metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {quote(metric)}"


def not_counter_by_type(kind: str, metric: str) -> str:
    """A counter's function is applied to what says that it is none."""
    return (
        'metric might not be a counter, __type__ label is not set to "counter" or "histogram", '
        f"got {quote(kind)}: {quote(metric)}"
    )


def ignored_in_aggregation(operator: str) -> str:
    """Histograms have no order, so an aggregation skipped them."""
    return f"ignored histogram in {operator} aggregation"


def ignored_in_mixed_range(metric: str) -> str:
    """A function of floats skipped the histograms of a range."""
    return (
        f"ignored histograms in a range containing both floats and histograms for metric name {quote(metric)}"
    )


def incompatible_types(operator: str, left: str, right: str) -> str:
    """An operator is not defined between a float and a histogram."""
    return f"incompatible sample types encountered for binary operator {quote(operator)}: {left} {operator} {right}"
