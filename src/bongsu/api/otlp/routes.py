"""
The OTLP receiver. Bytes go to `bongsu.wire.otlp`, spans and gauges to `bongsu.apm`, metrics to the store by `bongsu.ingest`.

Answers follow the OTLP specification: 200 with what was not taken as partial success, every error with a `google.rpc.Status` in
the request's own encoding. Senders repeat a request after 429, 502, 503 and 504 only; so what a repeat may cure has one of these.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from bongsu.api.body import BodyLimits, content_type, read_body
from bongsu.api.errors import Failure, MethodNotAllowed, UnsupportedMedia, guard
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.wire.otlp import json_reader, protobuf
from bongsu.wire.otlp.answers import Encoding, metrics_answer, status_answer, traces_answer
from bongsu.wire.otlp.limits import OtlpLimits
from bongsu.wire.otlp.points import PointReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl
    from bongsu.api.errors import Handler
    from bongsu.apm.engine import ApmEngine
    from bongsu.ingest.otlp_metrics import OtlpMetricsIngest
    from bongsu.wire.otlp.values import MetricBatch, Refused

TRACES_PATHS = ("/otlp/v1/traces",)
METRICS_PATHS = ("/otlp/v1/metrics", "/prometheus/api/v1/otlp/v1/metrics")

BODY_LIMITS = BodyLimits(max_body_bytes=16 * 1024 * 1024, max_decompressed_bytes=32 * 1024 * 1024)
"""An SDK's batch has some 200 KB, a Collector's some 4 MB; parsed messages take several times their bytes in memory."""

_ENCODINGS = {
    "application/x-protobuf": Encoding.PROTOBUF,
    "application/protobuf": Encoding.PROTOBUF,
    "application/json": Encoding.JSON,
}

RPC_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 422: 8, 429: 8, 503: 14}
"""Codes of ``google.rpc.Code``: invalid argument, unauthenticated, permission denied, not found, unimplemented, resource
exhausted, unavailable; 13, internal, for all else."""

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_TIMED_OUT = 408


def routes(
    *,
    access: AccessControl,
    apm: ApmEngine,
    metrics: OtlpMetricsIngest,
    log: FilteringBoundLogger,
    limits: OtlpLimits | None = None,
    body_limits: BodyLimits = BODY_LIMITS,
) -> list[BaseRoute]:
    """
    Return the routes of the receiver. They come before those of the Prometheus API, below whose prefix one of them is.

    Parameters
    ----------
    apm
        Takes spans, and of metrics what the real-time numbers need.
    metrics
        Takes metrics into the store.
    """
    receiver = OtlpReceiver(access, apm, metrics, limits or OtlpLimits(), body_limits)
    return [
        Route(path, _endpoint(handler, log), methods=_METHODS)
        for paths, handler in ((TRACES_PATHS, receiver.traces), (METRICS_PATHS, receiver.metrics))
        for path in paths
    ]


class OtlpReceiver:
    """Handlers of traces and metrics; both need a key with the scope `write`."""

    def __init__(
        self,
        access: AccessControl,
        apm: ApmEngine,
        metrics: OtlpMetricsIngest,
        limits: OtlpLimits,
        body_limits: BodyLimits,
    ) -> None:
        self._access = access
        self._apm = apm
        self._metrics = metrics
        self._limits = limits
        self._points = PointReader(limits, metrics.seeds, apm.metrics_of)
        self._body_limits = body_limits

    async def traces(self, request: Request) -> Response:
        """Take an ``ExportTraceServiceRequest``."""
        return await self._take(request, self.take_traces)

    async def metrics(self, request: Request) -> Response:
        """Take an ``ExportMetricsServiceRequest``; answered when its samples are durable."""
        return await self._take(request, self.take_metrics)

    async def _take(self, request: Request, take: Callable[[str, bytes, Encoding, str], bytes]) -> Response:
        # The key first: nobody without one makes the server read a body.
        caller = await self._access.require(request, Scope.WRITE)
        encoding = _encoding(request)
        if encoding is None:
            raise UnsupportedMedia(
                f"Content-Type is {content_type(request)[:80] or 'missing'!r}; OTLP over HTTP is application/x-protobuf or "
                "application/json"
            )
        body = await read_body(request, self._body_limits)
        peer = request.client.host if request.client is not None else ""
        answer = await in_thread(take, caller.project.project_id, body, encoding, peer)
        return Response(answer, media_type=encoding.value)

    def take_traces(self, project_id: str, body: bytes, encoding: Encoding, peer: str) -> bytes:
        """Take the spans of a request and return the answer; blocks. `peer` is the sender's address."""
        read = json_reader.read_spans if encoding is Encoding.JSON else protobuf.read_spans
        batch = read(body, self._limits, attributes_of=self._apm.attributes_of)
        taken = self._apm.add_spans(project_id, batch, peer=peer)
        message = _message(batch.refused, [taken.reason] if taken.reason else [])
        return traces_answer(encoding, rejected=batch.refused.count + taken.refused, message=message)

    def take_metrics(self, project_id: str, body: bytes, encoding: Encoding, peer: str) -> bytes:
        """Take the metrics of a request and return the answer once they are durable; blocks."""
        points = None if encoding is Encoding.JSON else self._points.read(body)
        known = None if points is None else self._metrics.find(project_id, points)
        batch = self._read_metrics(body, encoding) if known is None else known.batch()
        # The real-time numbers first: they go on while the disk is full, and a repeated request does them no harm.
        taken = self._apm.add_metrics(project_id, batch, peer=peer)
        written = None if known is None else self._metrics.write_known(project_id, known)
        if written is None:
            batch = batch if known is None else self._read_metrics(body, encoding)
            written = self._metrics.write(project_id, batch, points)
        message = _message(batch.refused, [*written.reasons, *([taken.reason] if taken.reason else [])])
        return metrics_answer(encoding, rejected=batch.refused.count + written.refused, message=message)

    def _read_metrics(self, body: bytes, encoding: Encoding) -> MetricBatch:
        read = json_reader.read_metrics if encoding is Encoding.JSON else protobuf.read_metrics
        return read(body, self._limits)


def _endpoint(handler: Handler, log: FilteringBoundLogger) -> Handler:
    """Return the handler for POST only, with every failure in the encoding of its request."""
    guarded = {
        encoding: guard(_post_only(handler), render=functools.partial(failure_response, encoding), log=log)
        for encoding in Encoding
    }

    async def answer(request: Request) -> Response:
        return await guarded[_encoding(request) or Encoding.JSON](request)

    return answer


def _post_only(handler: Handler) -> Handler:
    async def post(request: Request) -> Response:
        if request.method != "POST":
            raise MethodNotAllowed(
                f"method {request.method} is not allowed here; OTLP is sent by POST", allowed=("POST",)
            )
        return await handler(request)

    return post


def failure_response(encoding: Encoding, failure: Failure) -> Response:
    """Return the answer of an error; a body that came too slowly may be sent again, and only 503 says so in OTLP."""
    status = 503 if failure.status == _TIMED_OUT else failure.status
    body = status_answer(encoding, code=RPC_CODES.get(status, 13), message=failure.message)
    return Response(body, status_code=status, headers=failure.headers, media_type=encoding.value)


def _encoding(request: Request) -> Encoding | None:
    return _ENCODINGS.get(content_type(request))


def _message(refused: Refused, reasons: Sequence[str]) -> str:
    return "; ".join((*refused.reasons, *reasons))
