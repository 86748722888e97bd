"""Messages of a protobuf request, counted without parsing it."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive import protobuf_shape as naive

from bongsu.kernels.protobuf_shape import count_messages

CHILDREN = {(0, 1): 1, (0, 2): 2, (1, 1): 1, (1, 3): 2, (2, 15): 1}
TABLE = np.full((3, 16), -1, dtype=np.int16)
for (kind, number), child in CHILDREN.items():
    TABLE[kind, number] = child


def counted(data: bytes, limit: int = 10**9) -> Counter[int] | None:
    counts = count_messages(data, TABLE, limit)
    return None if counts is None else Counter({kind: int(n) for kind, n in enumerate(counts) if n})


def expected(data: bytes) -> Counter[int] | None:
    try:
        return naive.count(data, CHILDREN)
    except naive.Broken:
        return None


def field(number: int, wire: int, payload: bytes) -> bytes:
    head = varint(number << 3 | wire)
    return head + (varint(len(payload)) if wire == 2 else b"") + payload


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


numbers = st.sampled_from([1, 2, 3, 15, 16, 2000])
scalars = st.one_of(
    st.builds(field, numbers, st.just(0), st.integers(0, 2**64 - 1).map(varint)),
    st.builds(field, numbers, st.just(1), st.binary(min_size=8, max_size=8)),
    st.builds(field, numbers, st.just(5), st.binary(min_size=4, max_size=4)),
)
messages = st.recursive(
    st.lists(scalars, max_size=3).map(b"".join),
    lambda inner: st.lists(st.one_of(scalars, st.builds(field, numbers, st.just(2), inner)), max_size=4).map(
        b"".join
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(messages)
def test_the_kernel_counts_as_the_recursion(data: bytes) -> None:
    assert expected(data) == counted(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40), messages, st.data())
def test_broken_bytes_are_found_as_the_recursion_finds_them(
    data: bytes, message: bytes, draws: st.DataObject
) -> None:
    cut = message[: draws.draw(st.integers(0, len(message)))]
    for candidate in (data, cut, cut + data):
        assert expected(candidate) == counted(candidate)


def test_counting_stops_beyond_the_limit() -> None:
    found = counted(field(1, 2, b"") * 1_000, limit=10)
    assert Counter({1: 11}) == found


def test_depth_beyond_what_parsers_take_is_broken() -> None:
    data = b""
    for _ in range(100):
        data = field(1, 2, data)
    assert Counter({1: 100}) == counted(data)
    assert counted(field(1, 2, data)) is None
