"""The sender's bodies are what the receiver reads."""

from __future__ import annotations

from benchmarks.compare.dataset import Shape, make_hosts
from benchmarks.compare.encoding import SeriesHead, compress_request, encode_series

from bongsu.runtime.compress import decompress_snappy
from bongsu.wire.remote_write.request import Version, WireRequest


def test_a_body_reads_back_bit_for_bit() -> None:
    host = next(make_hosts(Shape(1, 30, 1_700_000_040_000)))
    heads = [SeriesHead(labels) for labels in host.labels]
    body = compress_request(encode_series(heads, host.times, host.values))

    request = WireRequest(decompress_snappy(body, 1 << 24), Version.V1)

    assert [tuple(sorted(labels.items())) for labels in host.labels] == [
        request.labels(row) for row in range(len(request))
    ]
    assert host.values.tobytes() == request.values.tobytes()
    assert len(host.labels) * host.times.tolist() == request.timestamps.tolist()
