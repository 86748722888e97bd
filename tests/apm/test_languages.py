"""
What agents of other languages send, by the names and kinds of their own documentation, and the numbers that come of it.

Java: opentelemetry-java-instrumentation 2 with experimental telemetry of HTTP servers and the runtime, and JMX of Tomcat. .NET: ASP.NET
Core 8 with the runtime's instrumentation. Go: otelhttp with contrib's host instrumentation. Streams are cumulative, as their defaults are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.apm import NOW_MS, REMOTE, SETTINGS, gauge, metrics, resource, span, span_id, spans

from bongsu.apm.project import ProjectApm
from bongsu.wire.otlp.values import MetricKind, SpanKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.apm.ticks import Numbers
    from bongsu.wire.otlp.values import AttributeValue, Metric

T0 = NOW_MS
Streams = list[tuple["Mapping[str, AttributeValue]", float]]

JAVA: dict[str, Streams] = {
    "http.server.active_requests": [
        ({"http.request.method": "GET", "url.scheme": "http"}, 2),
        ({"http.request.method": "POST", "url.scheme": "http"}, 1),
    ],
    "tomcat.thread.busy.count": [({"tomcat.thread_pool.name": "http-nio-8080"}, 5)],
    "db.client.connections.usage": [
        ({"pool.name": "HikariPool-1", "state": "used"}, 4),
        ({"pool.name": "HikariPool-1", "state": "idle"}, 6),
    ],
    "jvm.cpu.count": [({}, 4)],
    "jvm.system.cpu.utilization": [({}, 0.4321)],
    "jvm.cpu.recent_utilization": [({}, 0.2)],
}
DOTNET: dict[str, Streams] = {
    "http.server.active_requests": [({"http.request.method": "GET", "url.scheme": "https"}, 7)],
    "dotnet.thread_pool.thread.count": [({}, 12)],
    "dotnet.thread_pool.queue.length": [({}, 3)],
    "kestrel.queued_requests": [({"network.protocol.name": "http"}, 1)],
    "db.client.connection.count": [
        ({"db.client.connection.pool.name": "Host=db", "db.client.connection.state": "used"}, 2),
        ({"db.client.connection.pool.name": "Host=db", "db.client.connection.state": "idle"}, 1),
    ],
    "dotnet.process.cpu.count": [({}, 8)],
    "process.cpu.utilization": [({}, 0.05)],
}
GO_BEFORE: dict[str, Streams] = {
    "system.cpu.time": [({"state": "user"}, 10.0), ({"state": "system"}, 5.0), ({"state": "idle"}, 85.0)],
}
GO: dict[str, Streams] = {
    "system.cpu.time": [({"state": "user"}, 13.0), ({"state": "system"}, 6.0), ({"state": "idle"}, 91.0)],
    "db.client.connection.count": [
        ({"db.client.connection.state": "used"}, 3),
        ({"db.client.connection.state": "idle"}, 2),
    ],
}
_SUMS = frozenset(
    {"http.server.active_requests", "db.client.connections.usage", "db.client.connection.count"}
)


def metric(name: str, streams: Streams, at_ms: int) -> Metric:
    kind = MetricKind.SUM if name in _SUMS or name == "system.cpu.time" else MetricKind.GAUGE
    return gauge(
        name, *streams, at_ms=at_ms, kind=kind, monotonic=name == "system.cpu.time", start_ms=T0 - 60_000
    )


def numbers_of(language: str, *reports: dict[str, Streams]) -> Numbers:
    """Return the numbers of an agent that sent a transaction with a call below it, and reports a second apart."""
    apm = ProjectApm(SETTINGS, secret=b"s", now_ms=T0)
    of = resource("i-1", telemetry__sdk__language=language, process__pid=7)
    entry = span_id()
    below = span(T0 + 900, kind=SpanKind.CLIENT, parent=entry)
    apm.add_spans(
        spans(below, span(T0 + 1_000, own_id=entry, parent=span_id(), flags=REMOTE), of=of), now_ms=T0 + 2_000
    )
    for number, report in enumerate(reports, 2):
        at_ms = T0 + number * 1_500
        sent = [metric(name, streams, at_ms) for name, streams in report.items()]
        apm.add_metrics(metrics(*sent, of=of), now_ms=at_ms)
    apm.tick(T0 + 5_000 + SETTINGS.grace_ms)
    return apm.newest().numbers


@pytest.mark.parametrize(
    ("language", "reports", "expected"),
    [
        (
            "java",
            [JAVA],
            {
                "actx": 3,
                "threadpool_active": 5,
                "dbc_count": 10,
                "dbc_active": 4,
                "dbc_idle": 6,
                "cpucore": 4,
                "cpu": 43.21,
            },
        ),
        (
            "dotnet",
            [DOTNET],
            {
                "actx": 7,
                "threadpool_active": 12,
                "threadpool_queue": 4,
                "dbc_count": 3,
                "dbc_active": 2,
                "dbc_idle": 1,
                "cpucore": 8,
                "cpu": 5.0,
            },
        ),
        ("go", [GO_BEFORE, GO], {"dbc_count": 5, "dbc_active": 3, "dbc_idle": 2, "cpu": 40.0}),
    ],
)
def test_the_numbers_of_an_agent_of_another_language(
    language: str, reports: list[dict[str, Streams]], expected: dict[str, float]
) -> None:
    numbers = numbers_of(language, *reports)
    assert expected == {name: getattr(numbers, name) for name in expected}
    assert (1, 0.2, 1, 1, 1) == (
        numbers.txcount,
        numbers.tps,
        numbers.act_agent,
        numbers.host,
        numbers.user + 1,
    )
