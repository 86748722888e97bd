"""The short way of plain requests gives what the long way gives, or nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.support.remote_write import SentSeries, encode_v1

from bongsu.kernels.known_writes import read_known
from bongsu.kernels.remote_write import insert_series
from bongsu.wire.messages import BadMessage
from bongsu.wire.remote_write.errors import BadRemoteWrite
from bongsu.wire.remote_write.request import Version, WireRequest

SEEDS = np.array([11, 22], dtype=np.uint64)
SENT_SEEDS = SEEDS - np.uint64(Version.V1)

texts = st.text(min_size=1, max_size=20) | st.just("long" * 60)
samples = st.tuples(st.integers(-(2**62), 2**62), st.floats(), st.just(0))
sent = st.lists(
    st.builds(
        SentSeries,
        st.lists(st.tuples(texts, texts), min_size=1, max_size=4).map(tuple),
        st.lists(samples, max_size=3).map(tuple),
    ),
    max_size=5,
)


def short_way(data: bytes, known: WireRequest) -> list[list[int]] | None:
    """Read `data` by the kernel, with a table of the series of `known`."""
    hashes = known.hashes(SENT_SEEDS).labels
    table, refs = np.zeros((64, 2), dtype=np.uint64), np.zeros(64, dtype=np.int64)
    insert_series(hashes, np.arange(len(hashes)) + 100, table, refs, np.empty(len(hashes), dtype=np.int64))
    out = np.full((3, len(data)), -7, dtype=np.int64)
    count = int(read_known(np.frombuffer(data, dtype=np.uint8), SEEDS, table, refs, out))
    return None if count < 0 else out[:, :count].tolist()


def long_way(request: WireRequest, known: WireRequest) -> list[list[int]]:
    """Return the same by the full walk; the last of equal series counts, as in the table."""
    places = {row.tobytes(): place + 100 for place, row in enumerate(known.hashes(SENT_SEEDS).labels)}
    refs = [places[row.tobytes()] for row in request.hashes(SENT_SEEDS).labels]
    return [
        [refs[row] for row in request.sample_series.tolist()],
        request.timestamps.tolist(),
        request.values.view(np.int64).tolist(),
    ]


@given(sent)
def test_a_plain_request_of_known_series_is_read_as_by_the_full_walk(series: list[SentSeries]) -> None:
    data = encode_v1(series)
    request = WireRequest(data, Version.V1)
    found = short_way(data, request)
    assert long_way(request, request) == found


@given(sent, st.data())
def test_damaged_and_other_requests_are_left_to_the_full_walk(
    series: list[SentSeries], data: st.DataObject
) -> None:
    good = encode_v1(series)
    position = data.draw(st.integers(0, len(good)))
    damaged = (
        good[:position] + data.draw(st.binary(max_size=8)) + good[position + data.draw(st.integers(0, 4)) :]
    )
    known = WireRequest(good, Version.V1)
    found = short_way(damaged, known)
    if found is not None:
        try:
            assert long_way(WireRequest(damaged, Version.V1), known) == found
        except (BadMessage, BadRemoteWrite) as error:
            raise AssertionError("the short way took what the full walk refuses") from error


def test_an_unknown_series_ends_the_short_way() -> None:
    one = encode_v1([SentSeries((("__name__", "a"),), ((1, 1.0, 0),))])
    two = encode_v1([SentSeries((("__name__", "b"),), ((1, 1.0, 0),))])
    assert short_way(one, WireRequest(one, Version.V1)) is not None
    assert short_way(one + two, WireRequest(one, Version.V1)) is None
