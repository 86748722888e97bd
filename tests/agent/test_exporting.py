"""The agent's queue of spans: bounded, counted, and never in the application's way."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind
from tests.support.free_port import free_port

from bongsu.agent.exporting import BATCH, Reachability, SpanQueue
from bongsu.agent.sampling import SeeingSampler
from bongsu.agent.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Iterator


class Receiver(BaseHTTPRequestHandler):
    """Notes how many spans each request holds."""

    batches: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = ExportTraceServiceRequest.FromString(body)
        self.batches.append(
            sum(len(scope.spans) for group in message.resource_spans for scope in group.scope_spans)
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    batches: list[int] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Receiver,), {"batches": batches}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield batches
    server.shutdown()
    server.server_close()


def traced(*processors: Any, sampler: Any = None) -> Any:
    provider = TracerProvider(shutdown_on_exit=False, sampler=sampler)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider.get_tracer("test")


def end_spans(tracer: Any, count: int) -> None:
    for _ in range(count):
        tracer.start_span("GET /", kind=SpanKind.SERVER).end()


def test_what_does_not_fit_is_dropped_and_counted_and_the_rest_is_sent_in_batches(
    received: list[int],
) -> None:
    queue = SpanQueue(BATCH + 10, 60_000, Reachability())
    end_spans(traced(queue), BATCH + 25)
    assert 15 == queue.dropped
    queue.send()
    assert [BATCH, 10] == received
    queue.send()
    assert [BATCH, 10] == received, "nothing is sent twice, and no empty request"


def test_while_the_server_is_away_nobody_waits_and_memory_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    queue = SpanQueue(100, 60_000, Reachability())
    tracer = traced(queue)
    end_spans(tracer, 100)
    begun = time.process_time()
    end_spans(tracer, 1_000)
    assert time.process_time() - begun < 1, "a dropped span costs no try to send"
    assert 1_000 == queue.dropped
    queue.send()
    queue.send()
    assert 1_100 == queue.dropped
    assert 1 == sum("takes no reports" in record.message for record in caplog.records)


def test_spans_that_are_not_sampled_are_in_flight_and_are_not_sent(received: list[int]) -> None:
    queue, transactions = SpanQueue(100, 60_000, Reachability()), Transactions()
    tracer = traced(transactions, queue, sampler=SeeingSampler(ALWAYS_OFF))
    entry = tracer.start_span("GET /", kind=SpanKind.SERVER)
    assert not entry.get_span_context().trace_flags.sampled
    assert {("method", "0-3s"): 1} == transactions.counts()
    assert not tracer.start_span("step").is_recording(), "what nobody looks at is dropped as before"
    entry.end()
    assert {("method", "0-3s"): 0} == transactions.counts()
    queue.send()
    assert [] == received
