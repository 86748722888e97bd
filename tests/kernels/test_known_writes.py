"""The short way of plain requests gives what the long way gives, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.remote_write import SentSeries, encode_v1, encode_v2

from bongsu.kernels.known_writes import read_known
from bongsu.kernels.known_writes_2 import read_known_2
from bongsu.kernels.remote_write import insert_series
from bongsu.model.samples import MetricMetadata
from bongsu.wire.messages import BadMessage
from bongsu.wire.remote_write.errors import BadRemoteWrite
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS = np.array([11, 22], dtype=np.uint64)
ENCODERS = {Version.V1: encode_v1, Version.V2: encode_v2}

both_versions = pytest.mark.parametrize("version", [Version.V1, Version.V2])

texts = st.text(min_size=1, max_size=20) | st.just("long" * 60)
times = st.integers(-(2**62), 2**62)
metadata = st.none() | st.builds(
    MetricMetadata, st.just(""), st.sampled_from(["unknown", "counter"]), texts, texts
)


@st.composite
def requests(draw: st.DrawFn, version: Version) -> list[SentSeries]:
    """Return series with samples; starts and metadata are for version 2.0."""
    is_second = version is Version.V2
    starts = st.just(0) | times if is_second else st.just(0)
    samples = st.lists(st.tuples(times, st.floats(), starts), max_size=3)
    labels = st.lists(st.tuples(texts, texts), min_size=1, max_size=4)
    return draw(
        st.lists(
            st.builds(
                SentSeries,
                labels.map(tuple),
                samples.map(tuple),
                metadata=metadata if is_second else st.none(),
            ),
            max_size=5,
        )
    )


def short_way(data: bytes, known: WireRequest) -> list[list[int]] | None:
    """Read `data` by the kernel, with a table of the series of `known`: references, times, value bits and starts."""
    hashes = known.hashes(SEEDS)
    table, refs = np.zeros((64, 2), dtype=np.uint64), np.zeros(64, dtype=np.int64)
    told, slots = np.zeros(64, dtype=np.uint64), np.empty(len(known), dtype=np.int64)
    insert_series(hashes.labels, np.arange(len(known)) + 100, table, refs, slots)
    told[slots] = hashes.metadata
    out = np.zeros((4, len(data)), dtype=np.int64)
    body, seeds = np.frombuffer(data, dtype=np.uint8), SEEDS + np.uint64(known.version)
    if known.version is Version.V1:
        count = int(read_known(body, seeds, table, refs, out))
    else:
        symbols = np.zeros((len(data), 2), dtype=np.uint64)
        count = int(read_known_2(body, seeds, table, refs, told, symbols, out))
    return None if count < 0 else out[:, :count].tolist()


def long_way(request: WireRequest, known: WireRequest) -> list[list[int]]:
    """Return the same by the full walk; the last of equal series counts, as in the table."""
    places = {row.tobytes(): place + 100 for place, row in enumerate(known.hashes(SEEDS).labels)}
    refs = [places[row.tobytes()] for row in request.hashes(SEEDS).labels]
    starts = request.starts
    return [
        [refs[row] for row in request.sample_series.tolist()],
        request.timestamps.tolist(),
        request.values.view(np.int64).tolist(),
        [0] * len(request.timestamps) if starts is None else starts.tolist(),
    ]


@both_versions
@given(data=st.data())
def test_a_plain_request_of_known_series_is_read_as_by_the_full_walk(
    version: Version, data: st.DataObject
) -> None:
    sent = data.draw(requests(version))
    body = ENCODERS[version](sent)
    request = WireRequest(body, version)
    found = short_way(body, request)
    if found is None:  # one series with two kinds of metadata: the table knows one of them
        told = {row.tobytes(): metadata for row, metadata in _told(request)}
        assert any(metadata not in (0, told[row.tobytes()]) for row, metadata in _told(request))
    else:
        assert long_way(request, request) == found


@both_versions
@given(data=st.data())
def test_damaged_and_other_requests_are_left_to_the_full_walk(version: Version, data: st.DataObject) -> None:
    good = ENCODERS[version](data.draw(requests(version)))
    position = data.draw(st.integers(0, len(good)))
    damaged = (
        good[:position] + data.draw(st.binary(max_size=8)) + good[position + data.draw(st.integers(0, 4)) :]
    )
    known = WireRequest(good, version)
    found = short_way(damaged, known)
    if found is not None:
        try:
            assert long_way(WireRequest(damaged, version), known) == found
        except (BadMessage, BadRemoteWrite) as error:
            raise AssertionError("the short way took what the full walk refuses") from error


@both_versions
def test_an_unknown_series_ends_the_short_way(version: Version) -> None:
    one = SentSeries((("__name__", "a"),), ((1, 1.0, 0),))
    two = SentSeries((("__name__", "b"),), ((1, 1.0, 0),))
    known = WireRequest(ENCODERS[version]([one]), version)
    assert short_way(known.data, known) is not None
    assert short_way(ENCODERS[version]([one, two]), known) is None


def test_metadata_that_is_new_ends_the_short_way() -> None:
    def request(text: str) -> WireRequest:
        told = MetricMetadata("a", "gauge", text, "")
        return WireRequest(
            encode_v2([SentSeries((("__name__", "a"),), ((1, 1.0, 0),), metadata=told)]), Version.V2
        )

    known = request("a help")
    assert short_way(known.data, known) is not None
    assert short_way(request("another help").data, known) is None


def test_references_outside_of_the_symbols_end_the_short_way() -> None:
    known = WireRequest(encode_v2([SentSeries((("__name__", "a"),), ((1, 1.0, 0),))]), Version.V2)
    series_only = known.data[: known.data.index(b"\x22")]
    assert short_way(series_only, known) is None
    assert short_way(b"\x22\x01x" + known.data, known) is None


def _told(request: WireRequest) -> list[tuple[NDArray[np.uint64], int]]:
    hashes = request.hashes(SEEDS)
    return list(zip(hashes.labels, hashes.metadata.tolist(), strict=True))
