"""Entropy-coded streams come back, agree with the naive reading of the format, and are near the bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive import chunks as naive

from bongsu.kernels.entropy import PLAN_ROOM, pack_entropy, plan_entropy, unpack_entropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXTRA = 0xABCDE
RNG = np.random.default_rng(11)


def check(numbers: NDArray[np.int64]) -> tuple[int, int]:
    """Write, read in both ways, compare; return the bytes that were planned and taken."""
    scratch = np.empty(PLAN_ROOM, dtype=np.int64)
    words = np.full(2 * len(numbers) + 200, 0xAAAAAAAAAAAAAAAA, dtype=np.uint64)
    planned, centre = plan_entropy(numbers, scratch)
    end = pack_entropy(numbers, centre, EXTRA, scratch, words, 1)
    out = np.empty(len(numbers), dtype=np.int64)

    assert end == unpack_entropy(words, 1, out)
    assert numbers.tolist() == out.tolist()
    reader = naive.Words(words[1:end].tobytes())
    assert (numbers.tolist(), EXTRA) == reader.stream(len(numbers))
    assert reader.at == end - 1
    return planned, 8 * (end - 1)


@st.composite
def streams(draw: st.DrawFn) -> NDArray[np.int64]:
    """Draw numbers of one family, with a few of any size among them."""
    count = draw(st.sampled_from([1, 2, 3, 4, 5, 7, 64, 129, 500]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    family = draw(st.sampled_from(["any", "small", "geometric", "constant", "two"]))
    numbers = {
        "any": rng.integers(-(2**63), 2**63 - 1, count),
        "small": rng.integers(-9, 9, count),
        "geometric": rng.geometric(0.01, count) - 50,
        "constant": np.full(count, int(rng.integers(-(2**62), 2**62))),
        "two": rng.choice([-(2**63), 2**63 - 1], count),
    }[family].astype(np.int64)
    for at in draw(st.lists(st.integers(0, count - 1), max_size=3)):
        numbers[at] = draw(st.integers(-(2**63), 2**63 - 1))
    return numbers


@given(streams())
@settings(max_examples=200, deadline=None)
def test_any_stream_comes_back(numbers: NDArray[np.int64]) -> None:
    check(numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        RNG.poisson(30, 1440),
        RNG.integers(-500, 500, 1440),
        (RNG.random(1440) < 0.1) * RNG.integers(-9, 9, 1440),
    ],
)
def test_a_stream_takes_little_more_than_its_entropy(numbers: NDArray[np.int64]) -> None:
    _, counts = np.unique(numbers, return_counts=True)
    entropy_bytes = -(counts * np.log2(counts / len(numbers))).sum() / 8
    planned, taken = check(numbers.astype(np.int64))

    assert taken <= 1.1 * entropy_bytes + 64
    assert abs(planned - taken) <= 0.1 * taken + 16
