"""What an OTLP request is answered: success, partial success, and errors as `google.rpc.Status`; protobuf or JSON."""

from __future__ import annotations

import enum

import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from bongsu.wire.encode import encode_varint, field


class Encoding(enum.Enum):
    """The two encodings of OTLP over HTTP; the value is the content type."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def traces_answer(encoding: Encoding, *, rejected: int = 0, message: str = "") -> bytes:
    """Return an ``ExportTraceServiceResponse``; a message without rejected spans is a warning."""
    if encoding is Encoding.JSON:
        return _json_answer("rejectedSpans", rejected, message)
    response = ExportTraceServiceResponse()
    if rejected or message:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = message
    body: bytes = response.SerializeToString()
    return body


def metrics_answer(encoding: Encoding, *, rejected: int = 0, message: str = "") -> bytes:
    """Return an ``ExportMetricsServiceResponse``; a message without rejected points is a warning."""
    if encoding is Encoding.JSON:
        return _json_answer("rejectedDataPoints", rejected, message)
    response = ExportMetricsServiceResponse()
    if rejected or message:
        response.partial_success.rejected_data_points = rejected
        response.partial_success.error_message = message
    body: bytes = response.SerializeToString()
    return body


def _json_answer(counter: str, rejected: int, message: str) -> bytes:
    if not rejected and not message:
        return b"{}"
    # 64-bit integers are strings in protobuf's JSON form.
    return orjson.dumps({"partialSuccess": {counter: str(rejected), "errorMessage": message}})


def status_answer(encoding: Encoding, *, code: int, message: str) -> bytes:
    """
    Return a ``google.rpc.Status``, as OTLP demands it in the body of every error.

    Parameters
    ----------
    code
        A code of ``google.rpc.Code``, for instance 3 (invalid argument) or 14 (unavailable).
    """
    if encoding is Encoding.JSON:
        return orjson.dumps({"code": code, "message": message})
    # Two fields, written by hand: the message's generated class would be one more dependency.
    encoded = message.encode()
    return b"\x08" + encode_varint(code) + field(2, encoded)
