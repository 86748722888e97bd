"""
What an OTLP request says, as plain values, the same whether it came as protobuf or as JSON.

Spans and points are named tuples: they are made twenty thousand times a second, and a frozen dataclass costs three times
as much to make. Resources and scopes are shared by all the items under them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

AttributeValue: TypeAlias = (
    "str | bool | int | float | bytes | tuple[AttributeValue, ...] | dict[str, AttributeValue] | None"
)
Attributes: TypeAlias = dict[str, AttributeValue]
"""Attributes by key. Read only: the readers share them between items."""


class SpanKind(enum.IntEnum):
    """OpenTelemetry's span kinds, by their protocol numbers."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class StatusCode(enum.IntEnum):
    """OpenTelemetry's span statuses, by their protocol numbers."""

    UNSET = 0
    OK = 1
    ERROR = 2


class Temporality(enum.IntEnum):
    """Whether a sum counts since its start or since the point before it."""

    UNSPECIFIED = 0
    DELTA = 1
    CUMULATIVE = 2


class MetricKind(enum.Enum):
    """Which of the five kinds of points a metric has."""

    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"
    EXPONENTIAL = "exponential histogram"
    SUMMARY = "summary"


FLAG_HAS_IS_REMOTE = 0x100
"""Bit of `Span.flags`: the sender knows whether the parent is in another process."""

FLAG_IS_REMOTE = 0x200
"""Bit of `Span.flags`: the parent is in another process; meaningful with `FLAG_HAS_IS_REMOTE` only."""


class Resource(NamedTuple):
    """The entity that sent the items: a service instance, a host."""

    attributes: Attributes


class Scope(NamedTuple):
    """The instrumentation that made the items."""

    name: str = ""
    version: str = ""
    attributes: Attributes = {}  # noqa: RUF012 - read only, as all attributes are
    schema_url: str = ""


EXCEPTION_EVENT = "exception"
"""Name of the event of a span that tells of an exception."""
NO_EXCEPTION = ("", "")


def exception_of(attributes: Attributes) -> tuple[str, str]:
    """Return class and message that an exception event's attributes tell."""
    told = (attributes.get("exception.type"), attributes.get("exception.message"))
    kind, message = (value if isinstance(value, str) else "" for value in told)
    return kind, message


class Span(NamedTuple):
    """
    One finished operation; times in Unix nanoseconds as the sender's clock had them.

    `parent_id` is empty for the root of a trace. `kind` and `status` are protocol numbers (`SpanKind`, `StatusCode`);
    numbers unknown to us stay as they are. `exception` is class and message of the last exception that a span of status ERROR has
    as an event; both are empty without one.
    """

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    flags: int
    kind: int
    name: str
    start_ns: int
    end_ns: int
    status: int
    status_message: str
    attributes: Attributes
    trace_state: str = ""
    exception: tuple[str, str] = NO_EXCEPTION


class SpanGroup(NamedTuple):
    """The spans of one scope of one resource."""

    resource: Resource
    scope: Scope
    spans: tuple[Span, ...]


class PointExemplar(NamedTuple):
    """One measurement behind a point; ids are empty where unknown."""

    time_ns: int
    value: float
    trace_id: bytes
    span_id: bytes
    attributes: Attributes


class NumberPoint(NamedTuple):
    """A point of a gauge or a sum. `absent` is the protocol's "no recorded value"; then `value` means nothing."""

    attributes: Attributes
    start_ns: int
    time_ns: int
    value: float
    absent: bool = False
    exemplars: tuple[PointExemplar, ...] = ()


class HistogramPoint(NamedTuple):
    """
    A point of a histogram with given bounds; `counts` has one more entry than `bounds`, or both are empty.

    `sum` is None where the sender gives none, as for measurements that may be negative.
    """

    attributes: Attributes
    start_ns: int
    time_ns: int
    observations: int
    sum: float | None
    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    absent: bool = False
    exemplars: tuple[PointExemplar, ...] = ()


class ExponentialPoint(NamedTuple):
    """A point of an exponential histogram; bucket *i* covers ``(base**(offset+i), base**(offset+i+1)]``, base 2**2**-scale."""

    attributes: Attributes
    start_ns: int
    time_ns: int
    observations: int
    sum: float | None
    scale: int
    zero_count: int
    zero_threshold: float
    positive_offset: int
    positive_counts: tuple[int, ...]
    negative_offset: int
    negative_counts: tuple[int, ...]
    absent: bool = False
    exemplars: tuple[PointExemplar, ...] = ()


class SummaryPoint(NamedTuple):
    """A point of a summary: pairs (quantile, value)."""

    attributes: Attributes
    start_ns: int
    time_ns: int
    observations: int
    sum: float
    quantiles: tuple[tuple[float, float], ...]
    absent: bool = False


Point: TypeAlias = NumberPoint | HistogramPoint | ExponentialPoint | SummaryPoint


class Metric(NamedTuple):
    """One metric of one scope; all `points` are of the class that `kind` says."""

    name: str
    description: str
    unit: str
    kind: MetricKind
    temporality: int
    monotonic: bool
    points: tuple[Point, ...]


class MetricGroup(NamedTuple):
    """The metrics of one scope of one resource; `left_out` counts the data points of metrics that nobody wanted to have read."""

    resource: Resource
    scope: Scope
    metrics: tuple[Metric, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """Items of a request that were left out: how many, and why the first of them were."""

    count: int = 0
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """A trace request."""

    groups: tuple[SpanGroup, ...]
    refused: Refused = field(default_factory=Refused)

    def __len__(self) -> int:
        return sum(len(group.spans) for group in self.groups)


@dataclass(frozen=True, slots=True)
class MetricBatch:
    """A metrics request; its length is its data points."""

    groups: tuple[MetricGroup, ...]
    refused: Refused = field(default_factory=Refused)

    def __len__(self) -> int:
        return sum(len(metric.points) for group in self.groups for metric in group.metrics)
