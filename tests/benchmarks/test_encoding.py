"""The sender's bodies are what the receiver reads."""

from __future__ import annotations

import pytest
from benchmarks.compare.dataset import Shape, make_hosts
from benchmarks.compare.encoding import SeriesHead, Symbols, compress_request, encode_series

from bongsu.runtime.compress import decompress_snappy
from bongsu.wire.remote_write.request import Version, WireRequest


@pytest.mark.parametrize("version", Version)
def test_a_body_reads_back_bit_for_bit(version: Version) -> None:
    host = next(make_hosts(Shape(1, 30, 1_700_000_040_000)))
    symbols = Symbols()
    heads = [
        SeriesHead(labels) if version is Version.V1 else symbols.head(labels, 2, "Help.")
        for labels in host.labels
    ]
    table = symbols.encode() if version is Version.V2 else b""
    body = compress_request((table, *encode_series(heads, host.times, host.values)))

    request = WireRequest(decompress_snappy(body, 1 << 24), version)

    assert [tuple(sorted(labels.items())) for labels in host.labels] == [
        request.labels(row) for row in range(len(request))
    ]
    assert host.values.tobytes() == request.values.tobytes()
    assert len(host.labels) * host.times.tolist() == request.timestamps.tolist()
    if version is Version.V2:
        assert {("gauge", "Help.")} == {
            (request.series_metadata(row).type, request.series_metadata(row).help)
            for row in range(len(request))
        }
