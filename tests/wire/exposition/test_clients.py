"""What real client libraries and tools write and read."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    Info,
    Summary,
    generate_latest,
)
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from bongsu.model.samples import MetricMetadata
from bongsu.wire.exposition.body import ParsedExemplar
from bongsu.wire.exposition.format import ExposedSample, Family, format_exposition
from bongsu.wire.exposition.negotiation import Format, parse_exposition

if TYPE_CHECKING:
    from collections.abc import Mapping

PROMTOOL = shutil.which("promtool")


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    requests = Counter("requests", 'Requests by "path"\nand \\ method.', ["path"], registry=registry)
    requests.labels('/a"b\\c\nd').inc(3, exemplar={"trace_id": "abc"})
    Gauge("temperature_celsius", "", registry=registry, unit="celsius").set(-1.5e-7)
    Histogram("latency_seconds", "Time.", registry=registry, buckets=(0.5, 1)).observe(
        0.7, exemplar={"trace_id": "x"}
    )
    Summary("size_bytes", "Size.", registry=registry).observe(float("inf"))
    Info("build", "Build.", registry=registry).info({"version": "1.0"})
    Enum("state", "State.", registry=registry, states=["up", "down"]).state("down")
    return registry


def samples_of(body: bytes, format: Format) -> Mapping[tuple[tuple[str, str], ...], float]:  # noqa: A002
    parsed = parse_exposition(body, format)
    return {
        tuple(sorted(parsed.labels[series])): value
        for series, value in zip(parsed.series, parsed.values, strict=True)
    }


def expected_samples(registry: CollectorRegistry) -> Mapping[tuple[tuple[str, str], ...], float]:
    return {
        tuple(sorted({"__name__": sample.name, **sample.labels}.items())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_the_openmetrics_of_the_python_client_is_read(registry: CollectorRegistry) -> None:
    body = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    assert expected_samples(registry) == samples_of(body, Format.OPENMETRICS)
    parsed = parse_exposition(body, Format.OPENMETRICS)
    assert [(("trace_id", "abc"),), (("trace_id", "x"),)] == [
        exemplar.labels for _, exemplar in parsed.exemplars
    ]
    types = {entry.name: (entry.type, entry.unit) for entry in parsed.metadata()}
    assert {
        "requests": ("counter", ""),
        "temperature_celsius": ("gauge", "celsius"),
        "latency_seconds": ("histogram", ""),
        "size_bytes": ("summary", ""),
        "build": ("info", ""),
        "state": ("stateset", ""),
    } == types
    assert 'Requests by "path"\nand \\ method.' == parsed.metadata()[0].help


def test_the_text_of_the_python_client_is_read(registry: CollectorRegistry) -> None:
    assert expected_samples(registry) == samples_of(generate_latest(registry), Format.TEXT)


@pytest.mark.skipif(
    PROMTOOL is None, reason="NOT TESTED: install Debian's prometheus for promtool check metrics"
)
def test_promtool_accepts_what_is_written() -> None:
    labels = (("__name__", "requests_total"), ("path", 'a"b\\c\nd'))
    families = [
        Family(
            MetricMetadata("requests_total", "counter", "Requests\\ by\npath."),
            [ExposedSample(labels, 3.0, 1_700_000_000_000)],
        ),
        Family(
            MetricMetadata("temperature_celsius", "gauge", "Now."),
            [ExposedSample((("__name__", "temperature_celsius"),), 1e-7)],
        ),
    ]
    assert PROMTOOL is not None
    body = b"".join(format_exposition(families, Format.TEXT))
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=body, capture_output=True, timeout=60, check=False
    )
    assert (0, b"") == (done.returncode, done.stderr)


def test_the_python_client_reads_the_openmetrics_that_is_written() -> None:
    labels = (("__name__", "requests_total"), ("path", 'a"b\\c\nd'))
    exemplar = ParsedExemplar((("trace_id", "x"),), 0.5, 1_700_000_000_123)
    families = [
        Family(
            MetricMetadata("requests", "counter", 'A "b"\n\\.'),
            [ExposedSample(labels, 3.0, 1_700_000_000_001, exemplar)],
        ),
    ]
    body = b"".join(format_exposition(families, Format.OPENMETRICS)).decode()
    (family,) = text_string_to_metric_families(body)  # type: ignore[no-untyped-call]
    (sample,) = family.samples
    assert ("requests", "counter", 'A "b"\n\\.') == (family.name, family.type, family.documentation)
    assert ("requests_total", dict(labels[1:]), 3.0, 1_700_000_000.001) == (
        sample.name,
        sample.labels,
        sample.value,
        float(sample.timestamp),
    )
    assert ({"trace_id": "x"}, 0.5, 1_700_000_000.123) == (
        sample.exemplar.labels,
        sample.exemplar.value,
        float(sample.exemplar.timestamp),
    )
