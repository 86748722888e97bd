from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naive.remote_read import inner, request, response

from bongsu.model.errors import InvalidInput
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_NAN
from bongsu.wire.remote_read import ReadQuery, read_request, write_result


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
    ] == read_request(data)


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
        ({"__name__": "up", "job": "é" * 200}, times, np.array([1.5, STALE_NAN])),
        ({"__name__": "z"}, times[:1], np.array([-0.0])),
    ]
    expected = [
        (labels, [(int(t), value.tobytes()) for t, value in zip(own, values, strict=True)])
        for labels, own, values in series
    ]

    assert [expected, []] == response(write_result(series) + write_result([]))
