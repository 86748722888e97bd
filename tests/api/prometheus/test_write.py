from __future__ import annotations

import shutil
import subprocess
import time
import tracemalloc
from typing import TYPE_CHECKING

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from tests.support.free_port import free_port
from tests.support.prometheus_api import PrometheusApi
from tests.support.remote_write import V1_TYPE, V2_TYPE, SentSeries, encode_v1, encode_v2, series
from tests.support.stored import samples_of

from bongsu.api.access import AccessControl
from bongsu.api.body import BodyLimits
from bongsu.api.prometheus.write import WRITE_LIMITS, write_routes
from bongsu.ingest.remote_writers import RemoteWriters
from bongsu.model.samples import Exemplar, MetricMetadata
from bongsu.runtime.clock import ManualClock
from bongsu.runtime.compress import compress_snappy, compress_zstd
from bongsu.storage.errors import StoreReadOnly
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.api.access import ProjectAccess
    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import AppendResult, ProjectStore

pytestmark = pytest.mark.anyio

T = 1_700_000_000_000
WRITTEN = "x-prometheus-remote-write-{}-written"


class Receiver:
    """The write routes over the stores of two projects."""

    def __init__(self, *, now_ms: int = T, limits: BodyLimits = WRITE_LIMITS) -> None:
        self.api = PrometheusApi(now_ms=now_ms)
        clock = ManualClock(now_ms)
        self.stores: dict[str, MemoryProjectStore] = self.api.stores
        routes = write_routes(
            access=AccessControl(self.api.keys, clock, CollectorRegistry()),
            open_store=self.open_store,
            writers=RemoteWriters(clock, CollectorRegistry()),
            log=structlog.get_logger(),
            limits=limits,
        )
        self.api.app = Starlette(routes=[*routes, *self.api.routes])

    def open_store(self, access: ProjectAccess) -> ProjectStore:
        return self.stores[access.project.project_id]

    async def post(
        self,
        body: bytes,
        *,
        content_type: str | None = V1_TYPE,
        encoding: str | None = "snappy",
        path: str = "write",
        key: str | None = None,
        method: str = "POST",
    ) -> httpx.Response:
        headers = {"X-TC-APP-KEY": key or self.api.key["alpha"]}
        headers |= {"Content-Type": content_type} if content_type is not None else {}
        headers |= {"Content-Encoding": encoding} if encoding is not None else {}
        transport = httpx.ASGITransport(app=self.api.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bongsu") as client:
            return await client.request(method, f"/prometheus/api/v1/{path}", content=body, headers=headers)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.api.close()


def counts(response: httpx.Response) -> list[str | None]:
    return [response.headers.get(WRITTEN.format(kind)) for kind in ("samples", "histograms", "exemplars")]


BODY_V1 = encode_v1([series("a", (T, 1.0))])
BODY_V2 = encode_v2(
    [SentSeries((("__name__", "a"),), ((T, 1.0, 0),), exemplars=(Exemplar((("id", "1"),), 1.0, T),))]
)


@pytest.mark.parametrize("path", ["write", "push"])
async def test_version_1_is_answered_204_without_counts(receiver: Receiver, path: str) -> None:
    response = await receiver.post(compress_snappy(BODY_V1), path=path)
    assert (204, b"", [None, None, None]) == (response.status_code, response.content, counts(response))
    assert {"a": [(T, 1.0)]} == samples_of(receiver.stores["alpha"])
    assert {} == samples_of(receiver.stores["beta"])


async def test_version_2_is_answered_204_with_counts(receiver: Receiver) -> None:
    response = await receiver.post(compress_snappy(BODY_V2), content_type=V2_TYPE)
    assert (204, b"", ["1", "0", "1"]) == (response.status_code, response.content, counts(response))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, BODY_V1),
        ("identity", BODY_V1),
        ("zstd", compress_zstd(BODY_V1)),
        ("Snappy", compress_snappy(BODY_V1)),
    ],
)
async def test_encodings_that_are_taken(receiver: Receiver, encoding: str | None, body: bytes) -> None:
    assert 204 == (await receiver.post(body, encoding=encoding, content_type=None)).status_code
    assert {"a": [(T, 1.0)]} == samples_of(receiver.stores["alpha"])


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", "snappy"),
        ("application/x-protobuf;proto=io.prometheus.write.v9.Request", "snappy"),
        (V1_TYPE, "gzip"),
        (V2_TYPE, "br"),
    ],
)
async def test_headers_are_judged_before_the_body(
    receiver: Receiver, content_type: str, encoding: str
) -> None:
    response = await receiver.post(
        b"neither snappy nor protobuf", content_type=content_type, encoding=encoding
    )
    assert 415 == response.status_code
    assert "is '" in response.text


async def test_a_get_is_not_allowed(receiver: Receiver) -> None:
    response = await receiver.post(b"", method="GET")
    assert (405, "OPTIONS, POST") == (response.status_code, response.headers["allow"])


@pytest.mark.parametrize("content_type", [V1_TYPE, V2_TYPE])
@pytest.mark.parametrize(
    "body",
    [
        b"not snappy",
        compress_snappy(b"\x0a\x05ab"),
        b"\xff\xff\xff\xff\x0f",
        compress_snappy(bytes([0x2A, 0x02, 0x12, 0x09])),
    ],
    ids=["broken-snappy", "broken-protobuf", "length-over-the-cap", "broken-series"],
)
async def test_a_broken_body_is_answered_400(receiver: Receiver, content_type: str, body: bytes) -> None:
    response = await receiver.post(body, content_type=content_type)
    if content_type == V1_TYPE and body == compress_snappy(bytes([0x2A, 0x02, 0x12, 0x09])):
        # Field 5 is unknown in version 1.0, so nothing of it is looked at.
        assert 204 == response.status_code
        return
    assert 400 == response.status_code
    assert response.text
    assert (["0"] * 3 if content_type == V2_TYPE else [None] * 3) == counts(response)
    assert {} == samples_of(receiver.stores["alpha"])


@pytest.mark.parametrize("encoding", ["snappy", "zstd"])
async def test_a_body_that_expands_over_the_cap_is_answered_400(encoding: str) -> None:
    receiver = Receiver(limits=BodyLimits(max_decompressed_bytes=1000))
    body = (compress_snappy if encoding == "snappy" else compress_zstd)(bytes(1001))
    response = await receiver.post(body, encoding=encoding)
    receiver.api.close()
    assert 400 == response.status_code
    assert "raise the setting 'server.max_body_bytes'" in response.text


@pytest.mark.parametrize("encoding", ["snappy", "zstd"])
async def test_a_bomb_over_32_mib_is_refused_by_the_defaults_without_the_memory(encoding: str) -> None:
    """One byte over the cap is refused; the largest body that is allowed is decompressed, and read as what it is: no request."""
    cap = 32 << 20
    assert cap == WRITE_LIMITS.max_decompressed_bytes
    compress = compress_snappy if encoding == "snappy" else compress_zstd
    bomb, largest = compress(bytes(cap + 1)), compress(bytes(cap))
    stated = bytes([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) + b"\0"  # a snappy block that claims 4 GiB, in six bytes
    receiver = Receiver()
    tracemalloc.start()
    try:
        refused = [await receiver.post(body, encoding=encoding) for body in (bomb, stated)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    read = await receiver.post(largest, encoding=encoding)
    receiver.api.close()
    assert [400, 400, 400] == [response.status_code for response in (*refused, read)]
    assert f"more than the {cap} bytes allowed" in refused[0].text
    assert "malformed protobuf" in read.text
    if encoding == "snappy":
        assert peak < cap


@pytest.mark.parametrize("content_type", [V1_TYPE, V2_TYPE])
async def test_a_partial_write_stores_the_good_and_names_the_bad(
    receiver: Receiver, content_type: str
) -> None:
    sent = [
        series("a", (T, 1.0)),
        SentSeries((("x", "1"),), ((T, 1.0, 0),)),
        series("b", (T, 2.0)),
        series("c", (T + 700_000, 1.0)),
    ]
    body = (encode_v2 if content_type == V2_TYPE else encode_v1)(sent)
    response = await receiver.post(compress_snappy(body), content_type=content_type)
    assert 400 == response.status_code
    assert (
        "series 2 of 4: it has no metric name, its labels are {x=\"1\"}; send a label '__name__' with every series; "
        f"out of bounds: sample of c at {T + 700_000} is more than 10 minutes ahead of the server; check the sender's clock\n"
    ) == response.text
    assert (["2", "0", "0"] if content_type == V2_TYPE else [None] * 3) == counts(response)
    assert {"a": [(T, 1.0)], "b": [(T, 2.0)]} == samples_of(receiver.stores["alpha"])


async def test_keys_are_checked_first(receiver: Receiver) -> None:
    assert 401 == (await receiver.post(b"x", key="unknown.key")).status_code
    assert 403 == (await receiver.post(compress_snappy(BODY_V1), key=receiver.api.read_key)).status_code
    assert 204 == (await receiver.post(compress_snappy(BODY_V1), key=receiver.api.write_key)).status_code


class FullStore(MemoryProjectStore):
    """A store whose disk is full."""

    def append(self, batch: SampleBatch) -> AppendResult:
        raise StoreReadOnly("the disk is full")


async def test_a_full_disk_asks_for_a_retry_and_counts_nothing(receiver: Receiver) -> None:
    receiver.stores["alpha"] = FullStore()
    response = await receiver.post(compress_snappy(BODY_V2), content_type=V2_TYPE)
    assert (503, ["0", "0", "0"], "the disk is full\n") == (
        response.status_code,
        counts(response),
        response.text,
    )
    assert int(response.headers["retry-after"]) > 0


async def test_metadata_alone_is_taken(receiver: Receiver) -> None:
    told = MetricMetadata("a", "counter", "Help.", "")
    assert 204 == (await receiver.post(compress_snappy(encode_v1([], (told,))))).status_code
    assert {"a": (told,)} == dict(receiver.stores["alpha"].metadata())


PROMETHEUS = shutil.which("prometheus")


@pytest.mark.process
@pytest.mark.skipif(
    PROMETHEUS is None, reason="NOT TESTED: install Debian's prometheus to let a real one remote-write"
)
def test_a_real_prometheus_writes_its_own_metrics(tmp_path: Path) -> None:
    receiver = Receiver(now_ms=time.time_ns() // 1_000_000)
    port = free_port()
    config = tmp_path / "prometheus.yml"
    with receiver.api.served() as base:
        config.write_text(
            "global: {scrape_interval: 500ms, scrape_timeout: 400ms, external_labels: {from: peer}}\n"
            f"scrape_configs: [{{job_name: self, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
            "remote_write:\n"
            f"- url: {base}/prometheus/api/v1/write\n"
            f"  basic_auth: {{username: alpha, password: {receiver.api.key['alpha']}}}\n"
            "  metadata_config: {send_interval: 1s}\n"
            "  queue_config: {batch_send_deadline: 500ms}\n"
        )
        with (tmp_path / "log").open("w") as log:
            assert PROMETHEUS is not None
            process = subprocess.Popen(
                [
                    PROMETHEUS,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={tmp_path / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            deadline = time.monotonic() + 60
            while not arrived(receiver.stores["alpha"]):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
        finally:
            process.terminate()
            process.wait()
    ups = samples_of(receiver.stores["alpha"], "up")
    assert [f'up{{from="peer", instance="127.0.0.1:{port}", job="self"}}'] == list(ups)
    assert [1.0] * 3 == [value for _, value in next(iter(ups.values()))][:3]
    assert "counter" == receiver.stores["alpha"].metadata()["prometheus_http_requests_total"][0].type
    assert {} == samples_of(receiver.stores["beta"])
    assert "non-recoverable" not in (tmp_path / "log").read_text()
    receiver.api.close()


def arrived(store: MemoryProjectStore) -> bool:
    ups = samples_of(store, "up")
    return (
        bool(ups)
        and len(next(iter(ups.values()))) >= 3
        and "prometheus_http_requests_total" in store.metadata()
    )


async def test_a_large_request_goes_its_own_way_and_is_answered_as_every_other(receiver: Receiver) -> None:
    """Nothing is compressed here: what counts is the size on the wire."""
    many = [series("m", (T, float(i)), x=f"{i:0100d}") for i in range(2_500)]
    body = encode_v1([*many, SentSeries((), ((T, 1.0, 0),))])
    assert len(body) > 256 << 10
    response = await receiver.post(body, encoding=None)
    assert 400 == response.status_code
    assert "series 2501 of 2501: it has no metric name" in response.text
    assert 2_500 == len(samples_of(receiver.stores["alpha"]))
