"""OTLP over gRPC, as the OpenTelemetry SDK's own exporters send it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from time import monotonic
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import structlog
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind
from tests.support.access import make_access
from tests.support.apm import gauge, metrics
from tests.support.apm_api import NOW_MS, ApmApi
from tests.support.otlp import metrics_protobuf
from tests.support.stored import samples_of

from bongsu.api.body import BodyLimits
from bongsu.api.otlp.grpc_service import OtlpGrpc
from bongsu.api.otlp.routes import OtlpReceiver
from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import SystemClock
from bongsu.storage.errors import StoreReadOnly
from bongsu.wire.otlp.limits import OtlpLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
async def one_event_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Hold one loop for the module: gRPC's one poller per process may still have word for the loop of the test before."""
    yield  # noqa: PT022 - a generator holds the loop until the end of the module


LIMITS = BodyLimits(max_decompressed_bytes=100_000, body_timeout_s=0.5)


@contextlib.asynccontextmanager
async def served(api: ApmApi, *, tls: tuple[Path, Path] | None = None) -> AsyncIterator[str]:
    """Serve the receiver of an API; gives its address."""
    receiver = OtlpReceiver(make_access(api.keys, api.manual), api.engine, api.ingest, OtlpLimits(), LIMITS)
    listener = OtlpGrpc(
        receiver,
        make_access(api.keys, api.manual),
        LIMITS,
        structlog.get_logger(),
        address="127.0.0.1:0",
        tls=tls,
    )
    running = asyncio.create_task(listener.serve())
    deadline = monotonic() + 20
    while not listener.port and not running.done():
        assert monotonic() < deadline
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{listener.port}"
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def bearer(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


async def call(address: str, key: str, body: bytes, **options: Any) -> ExportMetricsServiceResponse:
    """Send one request of metrics as bytes."""
    async with grpc.aio.insecure_channel(address) as channel:
        method = channel.unary_unary(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            response_deserializer=ExportMetricsServiceResponse.FromString,
        )
        answer: ExportMetricsServiceResponse = await method(body, metadata=bearer(key), **options)
        return answer


async def refused(address: str, key: str, body: bytes, **options: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(address, key, body, **options)
    return caught.value.code(), caught.value.details() or ""


def points(count: int = 1) -> bytes:
    rows = tuple(({"i": str(i)}, float(i)) for i in range(count))
    return metrics_protobuf(metrics(gauge("pool.active", *rows, at_ms=NOW_MS)))


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_the_sdk_s_metric_exporter_is_taken(compression: grpc.Compression) -> None:
    api = ApmApi(clock=SystemClock())
    async with served(api) as address:
        exporter = OTLPMetricExporter(
            endpoint=address, insecure=True, headers=bearer(api.key["alpha"]), compression=compression
        )
        provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)])
        provider.get_meter("m").create_counter("orders").add(3, {"kind": "ü"})
        await asyncio.to_thread(provider.force_flush)
        await asyncio.to_thread(provider.shutdown)

    (series,) = samples_of(api.stores["alpha"], "orders_total").values()
    assert {3.0} == {value for _, value in series}
    assert {} == samples_of(api.stores["beta"], "orders_total")


async def test_the_sdk_s_span_exporter_is_taken() -> None:
    api = ApmApi()
    await api.to(NOW_MS + 3_000)
    async with served(api) as address:
        exporter = OTLPSpanExporter(endpoint=address, insecure=True, headers=bearer(api.key["alpha"]))
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        span = provider.get_tracer("t").start_span(
            "GET /", kind=SpanKind.SERVER, start_time=(NOW_MS + 1_000) * 1_000_000
        )
        await asyncio.to_thread(span.end, (NOW_MS + 1_500) * 1_000_000)
        await asyncio.to_thread(provider.shutdown)
    await api.to(NOW_MS + 13_000)

    assert 1 == api.engine.newest("alpha").numbers.txcount
    assert 0 == api.engine.newest("beta").numbers.txcount


async def test_what_is_not_taken_is_told_as_partial_success() -> None:
    api = ApmApi()
    async with served(api) as address:
        answer = await call(
            address, api.key["alpha"], metrics_protobuf(metrics(gauge("", ({}, 1.0), at_ms=NOW_MS)))
        )
    assert 1 == answer.partial_success.rejected_data_points
    assert answer.partial_success.error_message


async def test_refusals_have_the_status_that_senders_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApmApi()
    key = api.key["alpha"]
    async with served(api) as address:
        found = [
            await refused(address, "x.y", points()),
            await refused(address, api.token["alpha"], points()),
            await refused(address, key, b"\xff\xff"),
        ]

        def full(*_: object) -> None:
            raise StoreReadOnly("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(api.stores["alpha"], "append", full)
            found.append(await refused(address, key, points()))
        assert 0 == (await call(address, key, points())).partial_success.rejected_data_points

    assert [
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAVAILABLE,
    ] == [code for code, _ in found]
    assert "the disk is full" == found[3][1]


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_a_request_over_the_limit_is_refused_compressed_or_not(
    compression: grpc.Compression | None,
) -> None:
    api = ApmApi()
    # A bomb: a field that no reader knows, of zeros by the megabyte, which compress to a thousandth.
    body = b"\x7a" + b"\x80\x80\x80\x04" + bytes(8 << 20)
    async with served(api) as address:
        code, _ = await refused(address, api.key["alpha"], body, compression=compression)
        assert 0 == (await call(address, api.key["alpha"], points())).partial_success.rejected_data_points
    assert grpc.StatusCode.RESOURCE_EXHAUSTED is code


async def test_a_call_without_a_request_is_refused_and_one_that_waits_is_ended() -> None:
    api = ApmApi()

    async def never() -> AsyncIterator[bytes]:
        await asyncio.sleep(30)
        yield b""

    async def nothing() -> AsyncIterator[bytes]:
        for body in list[bytes]():
            yield body

    async with served(api) as address, grpc.aio.insecure_channel(address) as channel:
        method = channel.stream_unary("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")
        codes = []
        for requests in (nothing(), never()):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await method(requests, metadata=bearer(api.key["alpha"]))
            codes.append(caught.value.code())

    assert grpc.StatusCode.INVALID_ARGUMENT is codes[0]
    assert grpc.StatusCode.OK is not codes[1]


async def test_an_address_in_use_is_told() -> None:
    api = ApmApi()
    receiver = OtlpReceiver(make_access(api.keys, api.manual), api.engine, api.ingest, OtlpLimits(), LIMITS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        listener = OtlpGrpc(
            receiver, make_access(api.keys, api.manual), LIMITS, structlog.get_logger(), address=address
        )
        with pytest.raises(InvalidInput, match=f"cannot listen on {address} for OTLP over gRPC"):
            await listener.serve()


async def test_tls_is_spoken_with_the_server_s_certificate(tmp_path: Path) -> None:
    api = ApmApi()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, [*command.split(), *files], check=True, capture_output=True)
    async with served(api, tls=(certificate, key)) as address:
        trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
        async with grpc.aio.secure_channel(address, trusted) as channel:
            stub = MetricsServiceStub(channel)  # type: ignore[no-untyped-call]
            request = ExportMetricsServiceRequest.FromString(points())
            answer = await stub.Export(request, metadata=bearer(api.key["alpha"]))
    assert 0 == answer.partial_success.rejected_data_points
