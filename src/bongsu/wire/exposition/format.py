"""Writing of exposition text: the mirror of the parsers, for federation, export and tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.model.labels import METRIC_NAME, is_legacy_label, is_legacy_metric
from bongsu.wire.exposition.negotiation import Format

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bongsu.model.samples import MetricMetadata
    from bongsu.wire.exposition.body import ParsedExemplar
    from bongsu.wire.exposition.lexical import Labels

_TEXT_TYPES = frozenset({"counter", "gauge", "histogram", "summary"})
"""Types that the Prometheus format has; every other one is written as untyped."""


@dataclass(frozen=True, slots=True)
class ExposedSample:
    """One sample to write; `labels` include ``__name__``, `timestamp` is in Unix milliseconds."""

    labels: Labels
    value: float
    timestamp: int | None = None
    exemplar: ParsedExemplar | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """The samples of one metric family, and what is known of it."""

    metadata: MetricMetadata
    samples: Sequence[ExposedSample]


def format_exposition(families: Iterable[Family], format: Format) -> Iterator[bytes]:  # noqa: A002
    """Yield a body in a text format piece by piece, one per family; in OpenMetrics the end mark follows."""
    if format is Format.PROTOBUF:
        raise AssertionError("BUG: protobuf is read here, not written")
    openmetrics = format is Format.OPENMETRICS
    for family in families:
        lines = [*note_lines(family.metadata, openmetrics=openmetrics)]
        lines += [_sample(sample, openmetrics=openmetrics) for sample in family.samples]
        if lines:
            yield "".join(f"{line}\n" for line in lines).encode()
    if openmetrics:
        yield b"# EOF\n"


def format_value(value: float) -> str:
    """Return the shortest text that parses to the same double."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value)).removesuffix(".0")


def note_lines(metadata: MetricMetadata, *, openmetrics: bool) -> Iterator[str]:
    """Yield the comment lines that say what is known of a family."""
    name = metadata.name if is_legacy_metric(metadata.name) else _quote(metadata.name)
    if openmetrics:
        yield f"# TYPE {name} {metadata.type}"
        if metadata.unit:
            yield f"# UNIT {name} {metadata.unit}"
        if metadata.help:
            yield f"# HELP {name} {_escape(metadata.help)}"
        return
    if metadata.help:
        escaped = metadata.help.replace("\\", "\\\\").replace("\n", "\\n")
        yield f"# HELP {name} {escaped}"
    yield f"# TYPE {name} {metadata.type if metadata.type in _TEXT_TYPES else 'untyped'}"


def _sample(sample: ExposedSample, *, openmetrics: bool) -> str:
    words = [series_text(sample.labels), format_value(sample.value)]
    if sample.timestamp is not None:
        words.append(seconds_text(sample.timestamp) if openmetrics else str(sample.timestamp))
    exemplar = sample.exemplar
    if exemplar is not None and openmetrics:
        words += ["#", "{" + ",".join(map(_label, exemplar.labels)) + "}", format_value(exemplar.value)]
        if exemplar.timestamp is not None:
            words.append(seconds_text(exemplar.timestamp))
    return " ".join(words)


def series_text(labels: Labels) -> str:
    """Return a series as a sample line names it; a name is needed."""
    name = next(value for key, value in labels if key == METRIC_NAME)
    inner = [_label(pair) for pair in labels if pair[0] != METRIC_NAME]
    if not is_legacy_metric(name):
        inner.insert(0, _quote(name))
        name = ""
    return name + ("{" + ",".join(inner) + "}" if inner else "")


def _label(pair: tuple[str, str]) -> str:
    name, value = pair
    return f"{name if is_legacy_label(name) else _quote(name)}={_quote(value)}"


def _quote(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def seconds_text(timestamp: int) -> str:
    """Return Unix milliseconds as OpenMetrics writes them."""
    seconds, milliseconds = divmod(abs(timestamp), 1000)
    return f"{'-' if timestamp < 0 else ''}{seconds}.{milliseconds:03d}"
