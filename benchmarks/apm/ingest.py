"""
Counts the spans that one processor reads and counts in a second.

    python -m benchmarks.apm.ingest [--batches 60]

Protobuf requests of 512 spans with ten attributes each, one span in four a transaction with three calls below it, or every span a
transaction; processor time, reading included, ticks sealed as time goes by.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from itertools import count

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bongsu.apm.engine import ATTRIBUTES_OF
from bongsu.apm.project import ProjectApm
from bongsu.apm.settings import ApmSettings
from bongsu.wire.otlp.limits import OtlpLimits
from bongsu.wire.otlp.protobuf import read_spans
from bongsu.wire.otlp.values import FLAG_HAS_IS_REMOTE

NOW_MS = 1_700_000_000_000
BATCH = 512
SPANS_A_SECOND = 20_000
"""The pace of the simulated clock: what the server must keep up with."""


_REQUEST = {
    "http.request.method": "GET",
    "http.route": "/item/{id}",
    "url.path": "/item/7",
    "url.scheme": "http",
    "url.query": "full=1",
    "server.address": "shop.example",
    "network.protocol.version": "1.1",
    "network.peer.address": "10.0.0.1",
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}
_QUERY = {
    "db.system.name": "postgresql",
    "db.namespace": "shop",
    "db.operation.name": "SELECT",
    "db.collection.name": "item",
    "db.query.text": "SELECT name, price, stock FROM item WHERE id = $1",
    "db.user": "shop",
    "server.address": "db.example",
    "network.peer.address": "10.0.0.9",
    "thread.name": "worker-1",
}
"""Attributes as SDKs send them; with the address below each span has ten."""


def request(begin_ms: int, ids: count[int], calls: int) -> bytes:
    """Return one request: transactions with `calls` client spans below each."""
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    for key, value in (("service.name", "shop"), ("service.instance.id", "i1"), ("host.id", "h1")):
        attribute = group.resource.attributes.add(key=key)
        attribute.value.string_value = value
    spans = group.scope_spans.add().spans
    while len(spans) < BATCH:
        trace_id, root = next(ids).to_bytes(16, "big"), next(ids).to_bytes(8, "big")
        for place in range(calls + 1):
            span = spans.add(trace_id=trace_id, name="GET /item/{id}", flags=FLAG_HAS_IS_REMOTE | 1)
            span.span_id = root if not place else next(ids).to_bytes(8, "big")
            span.parent_span_id = root if place else b""
            span.kind = 3 if place else 2  # type: ignore[assignment]  # CLIENT, SERVER
            span.start_time_unix_nano = begin_ms * 1_000_000
            span.end_time_unix_nano = (begin_ms + place % 40 + 5) * 1_000_000
            for key, value in (_QUERY if place else _REQUEST).items():
                span.attributes.add(key=key).value.string_value = value
            user = span.attributes.add(key="client.address")
            user.value.string_value = f"10.0.{next(ids) % 200}.{place}"
    return message.SerializeToString()


def spans_a_second(calls: int, batches: int) -> float:
    ids = count(1)
    apm = ProjectApm(ApmSettings(), secret=b"secret", now_ms=NOW_MS)
    bodies = []
    for number in range(batches):
        at_ms = NOW_MS + number * BATCH * 1_000 // SPANS_A_SECOND
        bodies.append((at_ms + 50, request(at_ms, ids, calls)))
    limits = OtlpLimits()
    taken = 0
    begun = time.process_time()
    for at_ms, body in bodies:
        batch = read_spans(body, limits, attributes_of=ATTRIBUTES_OF)
        apm.add_spans(batch, now_ms=at_ms)
        apm.tick(at_ms)
        taken += len(batch)
    return taken / (time.process_time() - begun)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=400)
    given = parser.parse_args()
    print(
        json.dumps(
            {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        )
    )
    for what, calls in (("one in four a transaction", 3), ("every span a transaction", 0)):
        rates = sorted(spans_a_second(calls, given.batches) for _ in range(3))
        print(f"{what}: {rates[1]:,.0f} spans/s ({rates[0]:,.0f} to {rates[2]:,.0f})")
