"""The OpenTelemetry SDK's HTTP exporter sends metrics of all kinds to the real server, in each of its compressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

if TYPE_CHECKING:
    from tests.support.process import ServerProcess

pytestmark = pytest.mark.process

NEVER_MS = 3_600_000
"""Between exports of its own: the test asks for them."""

EXPECTED = {"work_total": "12", "held": "-2", "histogram_count(took_seconds)": "1", "size_bytes_count": "2"}


@pytest.mark.parametrize("path", ["/otlp/v1/metrics", "/prometheus/api/v1/otlp/v1/metrics"])
@pytest.mark.parametrize("compression", Compression)
def test_an_sdk_sends_metrics_over_http(server: ServerProcess, compression: Compression, path: str) -> None:
    tenant, other = server.create_project(compression.name), server.create_project("bystander")
    exporter = OTLPMetricExporter(
        endpoint=server.url + path,
        headers={"Authorization": f"Bearer {tenant.appkey}"},
        compression=compression,
        preferred_temporality={Counter: AggregationTemporality.DELTA},
    )
    provider = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=NEVER_MS)],
        resource=Resource.create({"service.name": "shop"}),
        views=[View(instrument_name="took", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = provider.get_meter("test")
    work = meter.create_counter("work")
    meter.create_up_down_counter("held").add(-2)
    meter.create_histogram("took", unit="s").record(3.5)
    size = meter.create_histogram("size", unit="By")
    for amount in (5, 7):
        work.add(amount, {"queue": "ü"})
        size.record(amount)
        assert provider.force_flush()
    provider.shutdown()

    found = {query: tenant.query(query) for query in EXPECTED}
    assert EXPECTED == {query: rows[0]["value"][1] for query, rows in found.items()}
    assert ("shop", "ü") == tuple(found["work_total"][0]["metric"][name] for name in ("job", "queue"))
    assert [] == other.query("work_total")
