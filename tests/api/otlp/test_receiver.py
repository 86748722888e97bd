"""The OTLP receiver over HTTP: both encodings, partial success, and every kind of error as OTLP wants it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.support.apm import gauge, metrics, span, spans
from tests.support.apm_api import NOW_MS, ApmApi
from tests.support.otlp import metrics_json, metrics_protobuf, spans_json, spans_protobuf
from tests.support.samples import stored

from bongsu.api.body import BodyLimits
from bongsu.storage.errors import StoreReadOnly
from bongsu.wire.otlp.limits import OtlpLimits

if TYPE_CHECKING:
    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import AppendResult

TRACES, METRICS = "/otlp/v1/traces", "/otlp/v1/metrics"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
SEAL = NOW_MS + 13_000


def some_spans() -> Any:
    return spans(span(NOW_MS + 1_000), span(NOW_MS + 2_000))


def some_metrics(value: float = 5) -> Any:
    return metrics(gauge("bongsu.threadpool.active", ({"pool": "web"}, value), at_ms=NOW_MS + 1_000))


@pytest.mark.anyio
@pytest.mark.parametrize(("content_type", "write"), [(PROTOBUF, spans_protobuf), (JSON, spans_json)])
@pytest.mark.parametrize("compressed", [False, True])
async def test_traces_are_taken_in_both_encodings(content_type: str, write: Any, compressed: bool) -> None:
    api = ApmApi()
    await api.to(NOW_MS + 3_000)
    body, headers = write(some_spans()), api.sender(content_type=content_type)
    if compressed:
        body, headers = gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
    async with api.client() as client:
        answer = await client.post(TRACES, content=body, headers=headers)
    await api.to(SEAL)
    assert (200, content_type) == (answer.status_code, answer.headers["content-type"])
    assert (b"" if content_type == PROTOBUF else b"{}") == answer.content
    assert 2 == api.engine.newest("alpha").numbers.txcount
    assert 0 == api.engine.newest("beta").numbers.txcount


@pytest.mark.anyio
@pytest.mark.parametrize("path", [METRICS, "/prometheus/api/v1/otlp/v1/metrics"])
@pytest.mark.parametrize(("content_type", "write"), [(PROTOBUF, metrics_protobuf), (JSON, metrics_json)])
async def test_metrics_are_in_the_store_and_in_the_numbers(path: str, content_type: str, write: Any) -> None:
    api = ApmApi()
    await api.to(NOW_MS + 3_000)
    async with api.client() as client:
        answer = await client.post(
            path, content=write(some_metrics()), headers=api.sender(content_type=content_type)
        )
        assert 200 == answer.status_code
        series = stored(api.stores["alpha"], __name__="bongsu_threadpool_active")
    assert {
        'bongsu_threadpool_active{instance="i1", job="shop", pool="web"}': {NOW_MS + 1_000: 5.0}
    } == series
    assert {} == stored(api.stores["beta"])
    await api.to(SEAL)
    assert 5 == api.engine.newest("alpha").numbers.threadpool_active


@pytest.mark.anyio
async def test_what_is_not_taken_is_told_as_partial_success() -> None:
    api = ApmApi()
    bad = span(NOW_MS)._replace(trace_id=b"short")
    async with api.client() as client:
        body = spans_protobuf(spans(span(NOW_MS), bad))
        answer = await client.post(TRACES, content=body, headers=api.sender())
        partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert (200, 1) == (answer.status_code, partial.rejected_spans)
        assert "trace id must be 16 bytes" in partial.error_message

        await client.post(METRICS, content=metrics_protobuf(some_metrics(5)), headers=api.sender())
        other = metrics_protobuf(some_metrics(6))
        answer = await client.post(METRICS, content=other, headers=api.sender())
        refused = ExportMetricsServiceResponse.FromString(answer.content).partial_success
        assert (200, 1) == (answer.status_code, refused.rejected_data_points)
        assert "duplicate sample" in refused.error_message

        answer = await client.post(
            METRICS, content=metrics_json(some_metrics(6)), headers=api.sender(content_type=JSON)
        )
        assert "1" == answer.json()["partialSuccess"]["rejectedDataPoints"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", [TRACES, METRICS])
async def test_malformed_bodies_are_not_to_be_repeated(path: str) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.post(path, content=b"\xff\xff", headers=api.sender())
        assert (400, PROTOBUF) == (answer.status_code, answer.headers["content-type"])
        status = Status.FromString(answer.content)
        assert 3 == status.code
        assert "cannot decode" in status.message

        answer = await client.post(path, content=b"{", headers=api.sender(content_type=JSON))
        assert (400, JSON, 3) == (answer.status_code, answer.headers["content-type"], answer.json()["code"])


@pytest.mark.anyio
async def test_a_full_disk_is_503_and_the_repeat_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ApmApi()

    def refuse(batch: SampleBatch) -> AppendResult:
        raise StoreReadOnly(f"the disk is full, {len(batch)} samples wait")

    async with api.client() as client:
        with monkeypatch.context() as patch:
            patch.setattr(api.stores["alpha"], "append", refuse)
            answer = await client.post(
                METRICS, content=metrics_protobuf(some_metrics()), headers=api.sender()
            )
            assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
            assert 14 == Status.FromString(answer.content).code
        answer = await client.post(METRICS, content=metrics_protobuf(some_metrics()), headers=api.sender())
        assert (200, b"") == (answer.status_code, answer.content)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"X-TC-APP-KEY": ""}, 401, 16),
        ({"X-TC-APP-KEY": "alpha.wrong"}, 401, 16),
        ({"Content-Type": "text/plain"}, 415, 3),
        ({"Content-Encoding": "zstd"}, 415, 3),
    ],
)
async def test_refusals_carry_a_status_message(headers: dict[str, str], status: int, code: int) -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.post(TRACES, content=b"", headers={**api.sender(), **headers})
        assert status == answer.status_code
        is_protobuf = answer.headers["content-type"] == PROTOBUF
        assert code == (
            Status.FromString(answer.content).code if is_protobuf else json.loads(answer.content)["code"]
        )


@pytest.mark.anyio
async def test_a_key_for_reading_may_not_send() -> None:
    api = ApmApi()
    async with api.client() as client:
        headers = {**api.sender(content_type=JSON), "X-TC-APP-KEY": api.token["alpha"]}
        answer = await client.post(TRACES, content=b"{}", headers=headers)
    assert (403, 7) == (answer.status_code, answer.json()["code"])


@pytest.mark.anyio
async def test_limits_on_size_and_count_name_their_settings() -> None:
    api = ApmApi(limits=OtlpLimits(max_spans=1), body_limits=BodyLimits(max_body_bytes=10_000))
    async with api.client() as client:
        answer = await client.post(TRACES, content=spans_protobuf(some_spans()), headers=api.sender())
        assert 422 == answer.status_code
        assert "'otlp.max_spans'" in Status.FromString(answer.content).message
        answer = await client.post(TRACES, content=bytes(10_001), headers=api.sender())
        assert 413 == answer.status_code


@pytest.mark.anyio
async def test_other_methods_are_refused() -> None:
    api = ApmApi()
    async with api.client() as client:
        answer = await client.get(TRACES, headers=api.sender())
    assert (405, "POST") == (answer.status_code, answer.headers["allow"])


@pytest.mark.anyio
async def test_the_peer_is_the_host_of_a_nameless_sender() -> None:
    api = ApmApi()
    body = (
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}'
        % json.dumps(
            {"traceId": "ab" * 16, "spanId": "cd" * 8, "kind": 2, "endTimeUnixNano": str(NOW_MS * 10**6)}
        ).encode()
    )
    async with api.client() as client:
        assert (
            200
            == (await client.post(TRACES, content=body, headers=api.sender(content_type=JSON))).status_code
        )
    await api.to(SEAL)
    assert ["10.1.2.3"] == [agent.identity.host for agent in api.engine.newest("alpha").agents]
