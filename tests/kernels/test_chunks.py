"""Chunks come back bit for bit, and the kernels agree with the naive reading of the format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive import chunks as naive

from bongsu.kernels.chunks import (
    ENTRY_AT,
    ENTRY_MAX_TIME,
    ENTRY_MIN_TIME,
    ENTRY_SAMPLES,
    ENTRY_SHAPE,
    KNOWN_COLUMNS,
    VALUES_CONSTANT,
    VALUES_NUMBERS,
    VALUES_RAW,
    VALUES_XOR,
    chunk_room,
    decode_chunk,
    decode_chunks,
    decode_row,
    encode_chunk,
    encode_runs,
    scratch_room,
)
from bongsu.kernels.codec_times import TIMES_DELTA, TIMES_GRID, TIMES_RAW, TIMES_SHARED, TIMES_STEP
from bongsu.kernels.shared_times import new_table
from bongsu.model.samples import STALE_NAN
from bongsu.storage.contract import ChunkView
from bongsu.storage.raw import Sample, chunks_of_samples, view_of_chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

START = 1_700_000_000_000
NO_STARTS = np.empty(0, dtype=np.int64)


def encode(
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    starts: NDArray[np.int64] = NO_STARTS,
    *,
    tight: bool = False,
) -> tuple[bytes, int]:
    """Return the bytes of a chunk and its codec."""
    out = np.full(chunk_room(len(times)), 0xAA, dtype=np.uint8)
    scratch = np.empty(scratch_room(len(times)), dtype=np.int64)
    size, codec = encode_chunk(times, starts, bits, tight, new_table(0), 0, scratch, out)
    assert size <= (24 if len(starts) else 16) * len(times)
    return out[:size].tobytes(), codec


def check(
    times: NDArray[np.int64],
    bits: NDArray[np.int64],
    starts: NDArray[np.int64] = NO_STARTS,
    *,
    tight: bool = False,
) -> tuple[int, int]:
    """Encode, decode in both ways, compare; return bytes and codec."""
    data, codec = encode(times, bits, starts, tight=tight)
    n = len(times)
    padded = np.frombuffer(data + b"\x55" * 16, dtype=np.uint8).copy()
    out_times, out_starts = np.empty((2, n), dtype=np.int64)
    values = np.empty(n)
    flags = 1 if len(starts) else 0
    decode_chunk(codec, flags, padded.ctypes.data, times[0], times[-1], out_times, values, out_starts)

    assert times.tolist() == out_times.tolist()
    assert bits.tolist() == values.view(np.int64).tolist()
    assert (starts.tolist() or [0] * n) == out_starts.tolist()

    decode_chunk(codec, flags, padded.ctypes.data, times[0], times[-1], out_times, values, NO_STARTS)
    assert bits.tolist() == values.view(np.int64).tolist()

    said = naive.decode_chunk(
        data, codec, with_starts=bool(flags), count=n, first=int(times[0]), last=int(times[-1])
    )
    assert (times.tolist(), starts.tolist(), [b & naive.MASK for b in bits.tolist()]) == said
    return len(data), codec


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    float("inf"),
    float("-inf"),
    float("nan"),
    STALE_NAN,
    5e-324,
    -2.2e-308,
    1e308,
    0.1,
    2.0**53,
]
ANY_BITS = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.integers(-(10**6), 10**6).map(lambda m: float(np.float64(m / 100).view(np.int64)))


@st.composite
def values(draw: st.DrawFn, count: int) -> NDArray[np.int64]:
    """Draw the bits of some values: of one family, with a few of any bits among them."""
    family = draw(st.sampled_from(["any", "integers", "decimals", "special", "counter"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    match family:
        case "any":
            return rng.integers(-(2**63), 2**63 - 1, count)
        case "integers":
            made = rng.integers(-(2**53), 2**53, count).astype(float)
        case "decimals":
            made = np.round(rng.normal(0, 10.0 ** draw(st.integers(-6, 9)), count), draw(st.integers(0, 9)))
        case "special":
            made = np.array(SPECIAL)[rng.integers(0, len(SPECIAL), count)]
        case _:
            made = np.cumsum(rng.integers(0, draw(st.integers(1, 10**9)), count)) * 4096.0
            made[count // 2 :] -= made[count // 2]
    bits = made.view(np.int64).copy()
    for at in draw(st.lists(st.integers(0, count - 1), max_size=4)):
        bits[at] = draw(ANY_BITS | st.sampled_from(SPECIAL).map(lambda v: int(np.float64(v).view(np.int64))))
    return bits


@st.composite
def increasing(draw: st.DrawFn, count: int) -> NDArray[np.int64]:
    """Draw times: on a grid, with jitter, with gaps, or anywhere."""
    family = draw(st.sampled_from(["step", "jitter", "gaps", "anywhere"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid = START + draw(st.integers(-(2**50), 2**50)) + 15_000 * np.arange(count, dtype=np.int64)
    match family:
        case "step":
            return grid
        case "jitter":
            return grid + rng.integers(-20, 20, count)
        case "gaps":
            return grid + np.cumsum(rng.random(count) < 0.05) * 60_000
        case _:
            return np.unique(rng.integers(-(2**63), 2**63 - 1, count))


@given(st.data(), st.sampled_from([1, 2, 3, 5, 17, 64, 130, 300]), st.booleans(), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_chunk_comes_back_bit_for_bit(
    data: st.DataObject, count: int, with_starts: bool, tight: bool
) -> None:
    times = data.draw(increasing(count))
    starts = NO_STARTS
    if with_starts:
        kind = data.draw(st.sampled_from([ANY_BITS, st.sampled_from([0, START, START + 60_000])]))
        starts = np.array(data.draw(st.lists(kind, min_size=count, max_size=count)), dtype=np.int64)

    check(times, data.draw(values(len(times))), starts, tight=tight)


def bits_of(made: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bits of values."""
    return made.astype(np.float64).view(np.int64)


GRID = START + 15_000 * np.arange(64, dtype=np.int64)
RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("name", "made", "codec", "at_most"),
    [
        ("constant", np.full(64, 0.3), VALUES_CONSTANT, 8),
        ("constant NaN", np.full(64, STALE_NAN), VALUES_CONSTANT, 8),
        ("gauge of small integers", RNG.integers(0, 16, 64), VALUES_NUMBERS, 16 + 32),
        ("integer counter", np.cumsum(RNG.integers(1000, 1016, 64)), VALUES_NUMBERS + 1, 24 + 32),
        ("ramp", 5e9 + 1e6 * np.arange(64.0) ** 2, VALUES_NUMBERS + 2, 32 + 8),
        ("two decimals", np.round(RNG.normal(20, 0.3, 64), 2), VALUES_NUMBERS, 16 + 8 * 8),
        ("pages", 4096.0 * RNG.integers(2**20, 2**20 + 16, 64), VALUES_NUMBERS, 16 + 32),
        ("counter with a reset", np.cumsum(np.r_[RNG.integers(0, 8, 32), -90, RNG.integers(0, 8, 31)]), VALUES_NUMBERS + 1, 24 + 24 + 16),
        ("integers, then stale", np.r_[np.arange(63.0), STALE_NAN], VALUES_NUMBERS + 1, 24 + 24 + 16),
        ("near one", 1 + 1e-12 * RNG.random(64), VALUES_XOR, 8 * 24),
        ("noise", RNG.normal(size=64), VALUES_RAW, 8 * 64),
    ],
)  # fmt: skip
def test_the_smallest_codec_is_chosen(name: str, made: NDArray[np.float64], codec: int, at_most: int) -> None:
    size, chosen = check(GRID, bits_of(made))

    assert (TIMES_STEP << 4 | codec) == (0 if codec == VALUES_RAW and size == 16 * 64 else chosen)
    assert size <= at_most


@pytest.mark.parametrize(
    ("times", "codec"),
    [
        (GRID, TIMES_STEP),
        (GRID + RNG.integers(-8, 8, 64), TIMES_GRID),
        (GRID + np.r_[np.zeros(20, np.int64), np.full(44, 600_000)], TIMES_DELTA),
        (START + np.array([0, 7, 1000]), TIMES_RAW),
    ],
)
def test_times_take_the_smallest_codec(times: NDArray[np.int64], codec: int) -> None:
    _, chosen = check(times, bits_of(np.full(len(times), 1.0)))

    assert codec == chosen >> 4


def test_tight_chunks_take_what_the_distribution_needs() -> None:
    moves = (RNG.random(1440) < 0.3) * RNG.normal(0, 60, 1440).astype(np.int64)
    made = np.cumsum(moves * 4096).astype(np.float64)
    times = START + 15_000 * np.arange(1440, dtype=np.int64)
    tight, _ = check(times, bits_of(made), tight=True)
    packed, _ = check(times, bits_of(made))

    _, counts = np.unique(np.diff(made), return_counts=True)
    entropy_bytes = -(counts * np.log2(counts / 1440)).sum() / 8
    assert tight < 0.6 * packed
    assert tight < 1.35 * entropy_bytes


def test_series_of_one_target_share_their_times() -> None:
    targets = [START + 15_000 * np.arange(200) + RNG.integers(-5, 5, 200) for _ in range(3)]
    rows = [targets[i] for i in (0, 0, 1, 2, 1, 0, 2, 2)]
    times = np.concatenate(rows).astype(np.int64)
    bits = bits_of(np.round(RNG.normal(50, 3, len(times)), 1))
    begins = np.arange(0, len(times), 200)
    out = np.zeros(24 * len(times) + chunk_room(200), dtype=np.uint8)
    chunks = np.zeros((len(rows), 8), dtype=np.int64)
    encode_runs(times, NO_STARTS, bits, begins, begins + 200, True, new_table(8), 0, out, chunks)

    shared = chunks[:, ENTRY_SHAPE] >> 4 & 15 == TIMES_SHARED
    assert [False, True, False, False, True, True, True, True] == shared.tolist()
    read_times, read_starts = np.empty((2, len(times)), dtype=np.int64)
    values = np.empty(len(times))
    chunks[:, ENTRY_AT] += out.ctypes.data
    decode_chunks(chunks, begins + 200, read_times, values, read_starts)
    assert times.tolist() == read_times.tolist()
    assert bits.tolist() == values.view(np.int64).tolist()


def test_a_full_table_of_times_only_shares_less() -> None:
    targets = [START + 15_000 * np.arange(50) + RNG.integers(-5, 5, 50) for _ in range(40)]
    times = np.concatenate(targets * 2).astype(np.int64)
    bits = bits_of(np.arange(float(len(times))))
    begins = np.arange(0, len(times), 50)
    out = np.zeros(24 * len(times) + chunk_room(50), dtype=np.uint8)
    chunks = np.zeros((80, 8), dtype=np.int64)
    encode_runs(times, NO_STARTS, bits, begins, begins + 50, False, new_table(16), 0, out, chunks)
    read_times, read_starts = np.empty((2, len(times)), dtype=np.int64)
    chunks[:, ENTRY_AT] += out.ctypes.data
    decode_chunks(chunks, begins + 50, read_times, np.empty(len(times)), read_starts)

    assert times.tolist() == read_times.tolist()


def test_row_is_trimmed_to_the_range_and_passes_histograms_over() -> None:
    samples = [Sample(10 * i, float(i), i) for i in range(10)]
    samples[3] = Sample(30, b"a histogram")
    view = view_of_chunks([[], chunks_of_samples(samples), chunks_of_samples(samples[:2])])

    def row(number: int, low: int, high: int) -> list[tuple[int, float, int]]:
        times, starts = np.empty((2, view.row_capacity()), dtype=np.int64)
        out = np.empty(view.row_capacity())
        known = np.zeros((0, KNOWN_COLUMNS), dtype=np.int64)
        n, _ = decode_row(*view.directory(), number, low, high, 0, times, out, starts, known)
        return list(zip(times[:n].tolist(), out[:n].tolist(), starts[:n].tolist(), strict=True))

    floats = [(s.timestamp, s.value, s.start) for s in samples if isinstance(s.value, float)]
    assert [] == row(0, -(2**62), 2**62)
    assert floats == row(1, -(2**62), 2**62)
    assert [f for f in floats if 15 <= f[0] <= 70] == row(1, 15, 70)
    assert [] == row(1, 41, 49)
    assert floats[:2] == row(2, 0, 10)


@pytest.mark.parametrize("span", [(0, 2**62), (START + 100_000, START + 700_000)])
@pytest.mark.parametrize("n_slots", [0, 1, 8])
def test_times_that_were_read_before_are_the_same_however_the_next_row_has_them(
    span: tuple[int, int], n_slots: int
) -> None:
    even = START + 15_000 * np.arange(60)
    jitter = even + RNG.integers(-5, 5, 60)
    moved = jitter.copy()
    moved[30] += 1
    raw = np.sort(RNG.choice(2**40, 60, replace=False)) + START
    rows = [
        even,
        jitter,
        jitter,
        moved,
        moved,
        jitter,
        even,
        even,
        raw,
        raw,
        jitter[:59],
        jitter[:59],
        jitter,
    ]
    for shared in (np.zeros((0, 4), dtype=np.int64), new_table(8)):
        times = np.concatenate(rows).astype(np.int64)
        bits = bits_of(RNG.integers(0, 50, len(times)).astype(np.float64))
        ends = np.cumsum([len(row) for row in rows])
        begins = ends - [len(row) for row in rows]
        out = np.zeros(24 * len(times) + chunk_room(60), dtype=np.uint8)
        chunks = np.zeros((len(rows), 8), dtype=np.int64)
        encode_runs(times, NO_STARTS, bits, begins, ends, False, shared, 0, out, chunks)
        view = _view_of_table(chunks, out)
        known = np.zeros((n_slots, KNOWN_COLUMNS), dtype=np.int64)
        room, values = np.empty(60, dtype=np.int64), np.empty(60)
        told = []
        for row, begin in enumerate(begins.tolist()):
            n, fresh = decode_row(*view.directory(), row, *span, 0, room, values, NO_STARTS, known)
            inside = (rows[row] >= span[0]) & (rows[row] <= span[1])
            assert rows[row][inside].tolist() == room[:n].tolist()
            assert bits[begin : begin + len(inside)][inside].tolist() == values[:n].view(np.int64).tolist()
            told.append(fresh or not inside.any())
        if n_slots:
            repeats = {2, 4, 7, 11, *([9] if span[0] == 0 else [])}  # row 9 has nothing in the shorter range
            assert repeats == {row for row in range(len(rows)) if not told[row]}


def _view_of_table(chunks: NDArray[np.int64], data: NDArray[np.uint8]) -> ChunkView:
    """Return the view of encoded chunks, a row each."""
    return ChunkView(
        first_chunk=np.arange(len(chunks) + 1),
        kind=np.ones(len(chunks), dtype=np.uint8),
        codec=(chunks[:, ENTRY_SHAPE] & 0xFF).astype(np.uint8),
        flags=(chunks[:, ENTRY_SHAPE] >> 8 & 0xFF).astype(np.uint8),
        address=chunks[:, ENTRY_AT] + data.ctypes.data,
        count=chunks[:, ENTRY_SAMPLES].copy(),
        min_time=chunks[:, ENTRY_MIN_TIME].copy(),
        max_time=chunks[:, ENTRY_MAX_TIME].copy(),
        owners=(data,),
    )
