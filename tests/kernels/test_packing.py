"""Packed streams of every width against plain integers."""

from __future__ import annotations

import numpy as np
import pytest

from bongsu.kernels.packing import HEAD_WORDS, pack_stream, plan_stream, unpack_stream


def _plain_unpacked(words: list[int], count: int, width: int, base: int) -> list[int]:
    """Read the packed part of a stream as one long number."""
    joined = sum(word << (64 * place) for place, word in enumerate(words))
    mask = (1 << width) - 1
    return [((joined >> (place * width)) & mask) + base for place in range(count)]


@pytest.mark.parametrize("width", range(1, 64))
@pytest.mark.parametrize("count", [1, 63, 64, 65, 120])
def test_numbers_of_every_width_come_back(width: int, count: int) -> None:
    random = np.random.default_rng(width * 1000 + count)
    numbers = random.integers(0, 1 << width, size=count, dtype=np.uint64).astype(np.int64)
    numbers[-1] = (1 << width) - 1
    words = np.zeros(HEAD_WORDS + count + 2, dtype=np.uint64)
    end = pack_stream(numbers, 0, width, 0, words, 0)
    out = np.empty(count, dtype=np.int64)

    assert end == unpack_stream(words, 0, out)
    assert numbers.tolist() == out.tolist()
    assert numbers.tolist() == _plain_unpacked(words[HEAD_WORDS:end].tolist(), count, width, 0)


def test_base_and_exceptions_come_back() -> None:
    numbers = np.array([1_000, 1_007, -5, 1_003, 1 << 60, 1_001] * 20, dtype=np.int64)
    _, base, width = plan_stream(numbers, np.empty(65, dtype=np.int64))
    words = np.zeros(400, dtype=np.uint64)
    end = pack_stream(numbers, base, width, 7, words, 3)
    out = np.empty(len(numbers), dtype=np.int64)

    assert end == unpack_stream(words, 3, out)
    assert numbers.tolist() == out.tolist()
    assert 7 == int(words[3]) >> 32
