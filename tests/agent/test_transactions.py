"""Transactions in flight, driven by the real SDK."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, set_span_in_context, use_span
from opentelemetry.trace.span import NonRecordingSpan

from bongsu.agent.transactions import Transactions

if TYPE_CHECKING:
    from collections.abc import Iterator

YOUNG = "0-3s"
CLOCK = "bongsu.agent.transactions.time.monotonic"


@pytest.fixture
def transactions() -> Transactions:
    return Transactions()


@pytest.fixture
def tracer(transactions: Transactions) -> Iterator[Any]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(transactions)
    yield provider.get_tracer("test")
    provider.shutdown()


def test_entry_spans_are_in_flight_and_nested_ones_are_not(tracer: Any, transactions: Transactions) -> None:
    remote = SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(1))
    context = set_span_in_context(NonRecordingSpan(remote))
    with tracer.start_as_current_span("GET /", context=context, kind=SpanKind.SERVER):
        with tracer.start_as_current_span("mounted", kind=SpanKind.SERVER):
            assert {("method", YOUNG): 1} == transactions.counts()
        with tracer.start_as_current_span("inner"):
            assert {("method", YOUNG): 1} == transactions.counts()
    assert {("method", YOUNG): 0} == transactions.counts()


def test_a_span_without_an_entry_is_no_transaction(tracer: Any, transactions: Transactions) -> None:
    with tracer.start_as_current_span("script", kind=SpanKind.CLIENT):
        assert {("method", YOUNG): 0} == transactions.counts()


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        ({"db.system.name": "postgresql"}, "sql"),
        ({"db.system": "redis"}, "sql"),
        ({"http.request.method": "GET"}, "httpc"),
        ({"http.url": "http://x"}, "httpc"),
        ({"rpc.system": "grpc"}, "httpc"),
        ({}, "method"),
    ],
)
def test_what_a_transaction_waits_for_is_read_off_its_open_calls(
    tracer: Any, transactions: Transactions, attributes: dict[str, str], state: str
) -> None:
    with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER):
        with tracer.start_as_current_span("call", kind=SpanKind.CLIENT) as call:
            call.set_attributes(attributes)  # instrumentations set them after the start
            assert 1 == transactions.counts()[state, YOUNG]
        assert {("method", YOUNG): 1} == transactions.counts()


def test_waiting_for_a_connection_comes_before_the_call_around_it(
    tracer: Any, transactions: Transactions
) -> None:
    with (
        tracer.start_as_current_span("GET /", kind=SpanKind.SERVER),
        tracer.start_as_current_span("connect", kind=SpanKind.CLIENT, attributes={"db.system": "postgresql"}),
    ):
        with transactions.waiting("dbc"):
            with transactions.waiting("socket"):
                assert 1 == transactions.counts()["socket", YOUNG]
            assert 1 == transactions.counts()["dbc", YOUNG]
        assert 1 == transactions.counts()["sql", YOUNG]
    with transactions.waiting("dbc"):
        assert {("method", YOUNG): 0} == transactions.counts(), "nobody waits outside a transaction"


def test_age_bands_and_lost_transactions(
    tracer: Any, transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = time.monotonic()
    span = tracer.start_span("GET /", kind=SpanKind.SERVER)
    bands = {0.0: "0-3s", 2.9: "0-3s", 3.1: "3-8s", 7.9: "3-8s", 8.1: "8s-", 299.0: "8s-"}
    for age, band in bands.items():
        monkeypatch.setattr(CLOCK, lambda age=age: start + age)
        assert 1 == transactions.counts()["method", band]
    monkeypatch.setattr(CLOCK, lambda: start + 301)
    assert {("method", YOUNG): 0} == transactions.counts()
    span.end()
    assert {("method", YOUNG): 0} == transactions.counts()


def test_many_threads_leave_nothing_behind(tracer: Any, transactions: Transactions) -> None:
    def serve() -> None:
        for _ in range(200):
            with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER) as span:
                with tracer.start_as_current_span("q", kind=SpanKind.CLIENT, attributes={"db.system": "x"}):
                    pass
                with use_span(span), transactions.waiting("dbc"):
                    pass

    threads = [threading.Thread(target=serve) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert sum(transactions.counts().values()) <= 8
    assert {("method", YOUNG): 0} == transactions.counts()
    assert not transactions._by_trace
