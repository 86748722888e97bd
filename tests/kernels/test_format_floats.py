from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.naive.format_floats import format_time, format_value

from bongsu.kernels.format_floats import (
    MAX_FLOAT_BYTES,
    MAX_TIME_BYTES,
    write_floats,
    write_matrix,
    write_ranges,
    write_times,
)


def written_floats(values: list[float] | np.ndarray) -> list[str]:
    array = np.asarray(values, dtype=np.float64)
    out = np.empty(len(array) * MAX_FLOAT_BYTES, dtype=np.uint8)
    ends = np.empty(len(array), dtype=np.int64)
    write_floats(array, out, ends)
    text = out.tobytes().decode("ascii", errors="replace")
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@given(st.lists(st.floats(), min_size=1, max_size=20))
@example([0.0, -0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308])
@example([1e-6, 9.999999999999999e-7, 1e21, 999999999999999900000.0, 1e23, 9007199254740993.0])
@example([0.001, 0.0005, 123.456, 999999999999.999, 1e15, 1.5e-7, 1e-7, -1.2345678901234567e-6])
@settings(max_examples=300, deadline=None)  # the first call compiles
def test_floats_have_the_shortest_digits_that_read_back(values: list[float]) -> None:
    assert [format_value(v) for v in values] == written_floats(values)


def test_every_kind_of_bit_pattern_is_written_as_the_naive_twin_writes_it() -> None:
    random = np.random.default_rng(20)
    values = np.concatenate(
        [
            random.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64),
            np.round(random.random(5_000) * 1e4, 3),
            random.integers(-(2**62), 2**62, 5_000).astype(np.float64),
            # Powers of two have the narrow interval below them, powers of ten the shortest digits.
            np.ldexp(1.0, np.arange(-1074, 1024)),
            np.array([float(f"1e{exponent}") for exponent in range(-323, 309)]),
        ]
    )

    assert [format_value(v) for v in values.tolist()] == written_floats(values)


@given(st.floats())
@example(-1.2345678901234567e-6)
@example(-123456789.12345679)
@example(-1.7976931348623157e308)
@example(-999999999999999900000.0)
@example(-1234567890123456.5)
@settings(max_examples=200, deadline=None)
def test_writing_whole_words_touches_no_byte_outside_of_the_room(value: float) -> None:
    out = np.full(MAX_FLOAT_BYTES + 16, 7, dtype=np.uint8)
    write_floats(np.array([value]), out[8 : 8 + MAX_FLOAT_BYTES], np.empty(1, dtype=np.int64))

    assert [7] * 16 == [*out[:8].tolist(), *out[-8:].tolist()]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-7, "1e-07"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (-0.0, "-0"),
        (1e20, "100000000000000000000"),
        (1.2345678e-67, "1.2345678e-67"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_floats_have_the_form_that_prometheus_gives_them(value: float, text: str) -> None:
    assert [text] == written_floats([value])
    assert text == format_value(value)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=10))
@example([0, 1, -1, 10, 1000, 1435781451781, 1435781451700, -(2**63)])
@settings(deadline=None)
def test_times_are_seconds_with_three_decimals_unless_whole(times: list[int]) -> None:
    out = np.empty(len(times) * (MAX_TIME_BYTES + 3), dtype=np.uint8)
    ends = np.empty(len(times), dtype=np.int64)
    write_times(np.array(times, dtype=np.int64), ord("["), ord(","), out, ends)

    expected = "".join(f'[{format_time(t)},"' for t in times)
    assert expected == out[: ends[-1]].tobytes().decode()


TEXTS = [b"{<", b">:", b"}", b'[1,"', b'[2,"', b"a", b"bb"]


def packed_texts() -> tuple[np.ndarray, np.ndarray]:
    starts = np.concatenate(([0], np.cumsum([len(text) for text in TEXTS]))).astype(np.int64)
    return np.frombuffer(b"".join(TEXTS), dtype=np.uint8), starts


CODES = np.array([[5, -1, 5], [6, 6, -1]], dtype=np.int32)
VALUES = np.array([[1.0, 2.5], [3.0, 4.0], [np.nan, -5.0]])


def test_a_matrix_is_written_in_order_without_absent_cells_and_empty_series() -> None:
    kinds = np.array([[1, 1], [0, 0], [0, 1]], dtype=np.uint8)
    out = np.empty(4096, dtype=np.uint8)
    used, following = write_matrix(
        *packed_texts(), CODES, VALUES, kinds, np.array([2, 1, 0], dtype=np.int64), 0, out
    )

    assert out[:used].tobytes() == b'{<a>:[2,"-5"]}' + b'{<a,bb>:[1,"1"],[2,"2.5"]}'
    assert following == 3


@pytest.mark.parametrize("room", [0, 60, 120, 200, 4096])
def test_a_matrix_is_written_in_pieces_that_fit_and_lose_nothing(room: int) -> None:
    out = np.full(room + 64, 0xAA, dtype=np.uint8)
    order = np.arange(3, dtype=np.int64)
    no_kinds = np.empty((0, 0), dtype=np.uint8)
    first, written = 0, b""
    while first < 3:
        used, following = write_matrix(
            *packed_texts(), CODES, VALUES, no_kinds, order, first, out[: room or 1]
        )
        written += out[:used].tobytes()
        if following == first:
            break
        first = following

    whole = b'{<a,bb>:[1,"1"],[2,"2.5"]}{<bb>:[1,"3"],[2,"4"]}{<a>:[1,"NaN"],[2,"-5"]}'
    assert whole.startswith(written)
    assert (written == whole) == (first == 3)
    assert (out[room or 1 :] == 0xAA).all()


def test_ranges_are_written_with_their_own_times_and_without_empty_series() -> None:
    out = np.empty(4096, dtype=np.uint8)
    used, following = write_ranges(
        *packed_texts(),
        CODES,
        np.array([0, 2, 2, 3], dtype=np.int64),
        np.array([1500, 2000, -1], dtype=np.int64),
        np.array([1.0, 0.5, np.inf]),
        0,
        out,
    )

    assert out[:used].tobytes() == b'{<a,bb>:[1.500,"1"],[2,"0.5"]}{<a>:[-0.001,"+Inf"]}'
    assert following == 3
