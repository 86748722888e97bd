"""Canonical bytes of histograms, and what a store refuses."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.stores import a_histogram

from bongsu.model.histograms import Histogram, ResetHint
from bongsu.storage.histograms import decode_histogram, encode_histogram, histogram_fault

FLOATS = st.floats()
SPANS = st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1)), max_size=4).map(
    tuple
)
BUCKETS = st.lists(FLOATS, max_size=5).map(tuple)
HISTOGRAMS = st.builds(
    Histogram,
    schema=st.integers(-128, 127),
    zero_threshold=FLOATS,
    zero_count=FLOATS,
    count=FLOATS,
    sum=FLOATS,
    positive_spans=SPANS,
    positive_buckets=BUCKETS,
    negative_spans=SPANS,
    negative_buckets=BUCKETS,
    custom_values=BUCKETS,
    reset_hint=st.sampled_from(ResetHint),
    is_float=st.booleans(),
)


@given(HISTOGRAMS)
def test_histograms_read_back_bit_for_bit(histogram: Histogram) -> None:
    encoded = encode_histogram(histogram)
    back = decode_histogram(encoded)

    assert encoded == encode_histogram(back)
    # The text tells -0.0 from 0.0, and NaN is equal to itself in it.
    assert repr(histogram) == repr(back)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_histogram_or_an_error(data: bytes) -> None:
    try:
        histogram = decode_histogram(data)
    except ValueError:
        return
    assert data[4:] == encode_histogram(histogram)[4:]  # the reserved field and unused flags are not kept


def test_good_histograms_have_no_fault() -> None:
    assert None is histogram_fault(a_histogram())
    assert None is histogram_fault(a_histogram(is_float=True))
    assert None is histogram_fault(dataclasses.replace(a_histogram(), count=9.0, sum=float("nan")))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"schema": 9}, "schema 9"),
        ({"schema": -5}, "schema -5"),
        ({"custom_values": (1.0,)}, "custom bounds need schema -53"),
        ({"schema": -53}, "no zero bucket"),
        ({"schema": -53, "zero_count": 0.0, "custom_values": (2.0, 2.0)}, "not strictly increasing"),
        ({"positive_spans": ((0, 1),)}, "cover 1 buckets, 2 are given"),
        ({"positive_spans": ((0, 1), (-1, 1))}, "overlap"),
        ({"negative_buckets": (1.0,)}, "negative spans cover 0"),
        ({"zero_count": -1.0}, "a count is negative"),
        ({"count": 4.0}, "the buckets hold 3 observations, the count says 4"),
        ({"count": 2.0, "sum": float("nan")}, "the buckets hold 3"),
    ],
)
def test_broken_histograms_have_a_fault(change: dict[str, object], text: str) -> None:
    fault = histogram_fault(dataclasses.replace(a_histogram(), **change))  # type: ignore[arg-type]

    assert fault is not None
    assert text in fault
