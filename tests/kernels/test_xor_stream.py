from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naive import xor_stream as naive

from bongsu.kernels.xor_stream import HEADER_BYTES, MAX_SAMPLE_BYTES, crc32c, crc32c_table, write_xor_chunk
from bongsu.model.samples import STALE_NAN

_STEPS = st.one_of(
    st.sampled_from([1, 15_000, 14_999, 15_001]),
    st.integers(1, 2**14),
    st.integers(1, 2**21),
    st.integers(1, 2**40),
)
_BITS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63, 0x7FF0000000000002]))


def written(times: list[int], values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    out = np.full(HEADER_BYTES + len(times) * MAX_SAMPLE_BYTES, 255, dtype=np.uint8)
    return out[: write_xor_chunk(np.array(times, dtype=np.int64), values, out)].tobytes()


@given(st.integers(-(2**50), 2**50), st.lists(st.tuples(_STEPS, _BITS), min_size=1, max_size=40))
def test_a_chunk_reads_back_bit_for_bit(start: int, samples: list[tuple[int, int]]) -> None:
    times = (start + np.cumsum([step for step, _ in samples])).tolist()
    bits = np.array([word for _, word in samples], dtype=np.uint64)
    expected = [(time, struct.pack("<Q", int(word))) for time, word in zip(times, bits, strict=True)]

    assert expected == naive.read_xor_chunk(written(times, bits.view(np.float64)))


@pytest.mark.parametrize(
    "change", [2**13, -(2**13) + 1, 2**16, -(2**16) + 1, 2**19, -(2**19) + 1, 2**19 + 1, -(2**19)]
)
def test_the_widths_of_timestamps_meet_at_their_bounds(change: int) -> None:
    step = 2**20
    times = [0, step, 2 * step + change]
    assert times == [time for time, _ in naive.read_xor_chunk(written(times, np.zeros(3)))]


def test_equal_steps_and_values_take_two_bits() -> None:
    times = [1_700_000_000_000 + 15_000 * i for i in range(120)]
    assert len(written(times, np.full(120, STALE_NAN))) < HEADER_BYTES + 6 + 8 + 3 + 120 * 2 // 8 + 1


@given(st.binary(max_size=100))
def test_the_checksum_is_that_of_its_definition(data: bytes) -> None:
    assert naive.crc32c(data) == crc32c(np.frombuffer(data, dtype=np.uint8), crc32c_table())


def test_the_checksum_is_castagnolis() -> None:
    # The check value that every catalogue of checksums gives for these nine digits.
    assert 0xE3069283 == crc32c(np.frombuffer(b"123456789", dtype=np.uint8), crc32c_table())
