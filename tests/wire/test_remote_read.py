from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naive.remote_read import inner, request, response

from bongsu.model.errors import InvalidInput
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_NAN
from bongsu.query.samples import SeriesSamples
from bongsu.wire.messages import Message
from bongsu.wire.remote_read import AnswerType, ReadQuery, read_request, write_result
from bongsu.wire.remote_write.histograms import read_histogram


def pairs(series: SeriesSamples) -> list[tuple[int, bytes]]:
    return [(int(t), value.tobytes()) for t, value in zip(series.times, series.values, strict=True)]


def test_a_request_gives_its_queries() -> None:
    data = request(
        (-5, 10, [(0, "a", "1"), (1, "b", ""), (2, "c", ".*"), (3, "d", "x")]), (1, 2, [(0, "é", "ü")])
    )

    assert [
        ReadQuery(
            -5,
            10,
            (
                Matcher("a", MatchOp.EQUAL, "1"),
                Matcher("b", MatchOp.NOT_EQUAL, ""),
                Matcher("c", MatchOp.REGEX, ".*"),
                Matcher("d", MatchOp.NOT_REGEX, "x"),
            ),
        ),
        ReadQuery(1, 2, (Matcher("é", MatchOp.EQUAL, "ü"),)),
    ] == list(read_request(data).queries)


def test_an_unknown_matcher_is_refused() -> None:
    with pytest.raises(InvalidInput, match="type 4"):
        read_request(request((1, 2, [(4, "a", "b")])))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_declared_error(data: bytes) -> None:
    for candidate in (data, inner(1, data), inner(1, inner(3, data))):
        try:
            read_request(candidate)
        except InvalidInput:
            continue


def test_a_result_reads_back_bit_for_bit() -> None:
    times = np.array([1_700_000_000_000, 1_700_000_015_000], dtype=np.int64)
    series = [
        SeriesSamples({"__name__": "up", "job": "é" * 200}, times, np.array([1.5, STALE_NAN])),
        SeriesSamples({"__name__": "z"}, times[:1], np.array([-0.0])),
    ]
    expected = [(each.labels, pairs(each)) for each in series]

    assert [expected, []] == response(write_result(series) + write_result([]))


@pytest.mark.parametrize(
    ("types", "accepted"),
    [
        (b"", (AnswerType.SAMPLES,)),
        (b"\x10\x01\x10\x00", (AnswerType.STREAMED_XOR_CHUNKS, AnswerType.SAMPLES)),
        (b"\x12\x02\x01\x07", (AnswerType.STREAMED_XOR_CHUNKS,)),
    ],
)
def test_a_request_names_the_answers_that_it_takes(types: bytes, accepted: tuple[AnswerType, ...]) -> None:
    assert accepted == read_request(types).accepted


def test_a_reader_that_takes_unknown_answers_only_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"takes answers of the types \[7\]; known are 0"):
        read_request(b"\x10\x07")


def test_native_histograms_are_written_among_samples() -> None:
    integers = Histogram(3, 0.001, 1.0, 6.0, 2.5, ((-2, 1), (1, 1)), (2.0, 1.0), ((0, 2),), (1.0, 1.0))
    floats = Histogram(
        0, 0.0, 0.5, 2.0, -1.0, ((1, 2),), (0.5, 1.0), is_float=True, reset_hint=ResetHint.GAUGE
    )
    custom = Histogram(
        CUSTOM_BUCKETS_SCHEMA, 0.0, 0.0, 3.0, 1.0, ((0, 2),), (1.0, 2.0), custom_values=(0.5, 1.5)
    )
    given = tuple((t, each) for t, each in enumerate((integers, floats, custom), 1))
    nothing = np.empty(0)
    written = write_result([SeriesSamples({"__name__": "h"}, nothing.astype(np.int64), nothing, given)])
    (series,) = Message(written, 0, len(written)).messages(1)[0].messages(1)
    messages = [raw.partition(b":")[2] for raw in _raws(series, 4)]

    assert list(given) == [(h.timestamp, h.value) for h in (read_histogram(m, 0, len(m)) for m in messages)]


def _raws(message: Message, number: int) -> list[bytes]:
    """Return the bytes of each value of a field, behind their length."""
    joined, parts = message.raw(number), []
    while joined:
        size = int(joined.partition(b":")[0])
        head = len(str(size)) + 1
        parts.append(joined[: head + size])
        joined = joined[head + size :]
    return parts
