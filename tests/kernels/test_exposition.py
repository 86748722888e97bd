from __future__ import annotations

import struct
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive import exposition as naive

from bongsu.kernels.exposition import match_layout, parse_decimal


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def decimal(text: bytes) -> tuple[float, bool]:
    return parse_decimal(np.frombuffer(text, dtype=np.uint8), 0, len(text))


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(repr), st.integers().map(str)))
@settings(max_examples=300, deadline=None)
def test_a_number_is_read_as_python_reads_it_or_left_to_python(text: str) -> None:
    value, sure = decimal(text.encode())
    if sure:
        assert bits(float(text)) == bits(value)


@pytest.mark.parametrize(
    "text", ["0", "-0", "1", "12.5", "1e3", "1.6e+09", "0.1", "123456.789", "-2.5E-3", "1."]
)
def test_everyday_numbers_take_the_fast_way(text: str) -> None:
    assert (bits(float(text)), True) == (bits(decimal(text.encode())[0]), decimal(text.encode())[1])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"+",
        b".",
        b"e5",
        b"1e",
        b"1e+",
        b"NaN",
        b"+Inf",
        b"1_0",
        b"0x1",
        b"1e400",
        b"1.2.3",
        b"1e0001",
        b"9" * 19,
    ],
)
def test_what_is_no_plain_number_is_left_to_the_full_parser(text: bytes) -> None:
    assert decimal(text)[1] is False


PIECES = st.lists(
    st.sampled_from([b"a ", b"a 1", b'b{x="y"} ', b"\nc ", b"\n# HELP c d\nc ", b"1", b"\n", b" ", b"2 3"]),
    max_size=6,
)


@given(
    segments=st.lists(PIECES.map(b"".join), min_size=1, max_size=5),
    body=PIECES.map(b"".join),
    same=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_layouts_match_as_the_naive_twin_says(segments: list[bytes], body: bytes, same: bool) -> None:
    if same:
        body = b"1.5".join(segments)
    count = len(segments) - 1
    values, sure = np.zeros(count), np.zeros(count, dtype=np.bool_)
    spans = np.zeros((count, 3), dtype=np.int64)
    left = match_layout(
        np.frombuffer(body, dtype=np.uint8),
        np.frombuffer(b"".join(segments), dtype=np.uint8),
        np.array(list(accumulate(map(len, segments))), dtype=np.int64),
        values,
        spans,
        sure,
    )
    expected = naive.match_layout(body, segments)
    assert (expected is not None) == (left >= 0)
    if expected is not None:
        tails = [stop != end for _, stop, end in expected]
        assert sum(tail or not known for tail, known in zip(tails, sure, strict=True)) == left
        assert expected == [tuple(row) for row in spans.tolist()]
        for (start, stop, _), value, known in zip(expected, values, sure, strict=True):
            if known:
                assert float(body[start:stop]) == value
