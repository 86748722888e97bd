"""Answers to OTLP requests, read back with the protocol's own classes."""

from __future__ import annotations

import json

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from bongsu.wire.otlp.answers import Encoding, metrics_answer, status_answer, traces_answer


def test_full_success_is_an_empty_message() -> None:
    assert traces_answer(Encoding.PROTOBUF) == b""
    assert metrics_answer(Encoding.PROTOBUF) == b""
    assert traces_answer(Encoding.JSON) == b"{}"
    assert metrics_answer(Encoding.JSON) == b"{}"


def test_partial_success_tells_count_and_reason() -> None:
    traces = ExportTraceServiceResponse.FromString(
        traces_answer(Encoding.PROTOBUF, rejected=3, message="why")
    )
    assert (traces.partial_success.rejected_spans, traces.partial_success.error_message) == (3, "why")
    metrics = ExportMetricsServiceResponse.FromString(
        metrics_answer(Encoding.PROTOBUF, rejected=2, message="no")
    )
    assert (metrics.partial_success.rejected_data_points, metrics.partial_success.error_message) == (2, "no")
    assert json.loads(traces_answer(Encoding.JSON, rejected=3, message="why")) == {
        "partialSuccess": {"rejectedSpans": "3", "errorMessage": "why"}
    }
    assert json.loads(metrics_answer(Encoding.JSON, rejected=2, message="no")) == {
        "partialSuccess": {"rejectedDataPoints": "2", "errorMessage": "no"}
    }


@pytest.mark.parametrize("message", ["", "bad", "x" * 300, "봉수"])
def test_errors_are_google_rpc_status(message: str) -> None:
    status = Status.FromString(status_answer(Encoding.PROTOBUF, code=3, message=message))
    assert (3, message) == (status.code, status.message)
    assert {"code": 3, "message": message} == json.loads(
        status_answer(Encoding.JSON, code=3, message=message)
    )
