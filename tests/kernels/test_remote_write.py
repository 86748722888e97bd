from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.naive import remote_write as naive
from tests.support.remote_write import encode_v1, message, number, packed, series

from bongsu.kernels.remote_write import (
    BEGIN,
    END,
    LABELS_BEGIN,
    LABELS_END,
    N_PARTS,
    N_SAMPLES,
    N_SERIES,
    N_SYMBOLS,
    PLAIN,
    SERIES_COLUMNS,
    find_series,
    hash_bytes,
    hash_references,
    insert_series,
    read_request,
)


def walk(data: bytes, version: int) -> naive.Walk | None:
    """Run the kernel as its caller does, and return its output in the twin's form."""
    text = np.frombuffer(data, dtype=np.uint8)
    counts = np.zeros(4, dtype=np.int64)
    empty = [np.empty((0, columns), dtype=np.int64) for columns in (SERIES_COLUMNS, 4, 4, 2)]
    if read_request(text, version, counts, *empty) >= 0:
        return None
    sizes = [int(counts[i]) for i in (N_SERIES, N_SAMPLES, N_PARTS, N_SYMBOLS)]
    series, samples, parts, symbols = (
        np.full((size, columns), -7, dtype=np.int64)
        for size, columns in zip(sizes, (SERIES_COLUMNS, 4, 4, 2), strict=True)
    )
    counts[:] = 0
    broken = read_request(text, version, counts, series, samples, parts, symbols)
    assert sizes == [int(counts[i]) for i in (N_SERIES, N_SAMPLES, N_PARTS, N_SYMBOLS)] or broken >= 0
    if broken >= 0:
        return None
    return naive.Walk(
        [data[row[BEGIN] : row[END]] for row in series.tolist()],
        [(row, time, start, bits) for row, time, start, bits in samples.tolist()],
        [(kind, row, data[begin:end]) for kind, row, begin, end in parts.tolist()],
        [data[begin:end] for begin, end in symbols.tolist()],
    )


def twin(data: bytes, version: int) -> naive.Walk | None:
    try:
        return naive.read_request(data, version)
    except naive.Broken:
        return None


leaves = st.one_of(
    st.builds(number, st.integers(1, 7), st.integers(0, 2**64 - 1)),
    st.builds(message, st.integers(1, 7), st.binary(max_size=6)),
    st.builds(packed, st.integers(1, 6), st.lists(st.integers(0, 9), max_size=3)),
    st.builds(
        lambda tag, raw: bytes([tag << 3 | 1]) + raw, st.integers(1, 7), st.binary(min_size=8, max_size=8)
    ),
    st.builds(
        lambda tag, raw: bytes([tag << 3 | 5]) + raw, st.integers(1, 7), st.binary(min_size=4, max_size=4)
    ),
    st.binary(max_size=3),
)
messages = st.recursive(
    st.lists(leaves, max_size=4).map(b"".join),
    lambda inner: st.lists(st.one_of(leaves, st.builds(message, st.integers(1, 6), inner)), max_size=4).map(
        b"".join
    ),
    max_leaves=12,
)


@given(messages, st.sampled_from([1, 2]))
@settings(max_examples=500, deadline=None)
def test_the_walk_finds_what_the_naive_twin_finds(data: bytes, version: int) -> None:
    assert twin(data, version) == walk(data, version)


ORDINARY = encode_v1(
    [
        series("m", (1_700_000_000_000, 1.5), (1_700_000_015_000, -2.0), a="1"),
        series("n", (1_700_000_000_000, 3.0)),
    ]
)


@given(
    st.lists(st.tuples(st.integers(0, len(ORDINARY) - 1), st.integers(0, 255)), max_size=3),
    st.integers(0, len(ORDINARY)),
    st.sampled_from([1, 2]),
)
@settings(max_examples=500, deadline=None)
def test_the_short_ways_take_nothing_that_only_looks_ordinary(
    changes: list[tuple[int, int]], length: int, version: int
) -> None:
    data = bytearray(ORDINARY)
    for at, byte in changes:
        data[at] = byte
    for cut in (bytes(data), bytes(data[:length])):
        assert twin(cut, version) == walk(cut, version)


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 3)), max_size=40),
    st.lists(st.integers(1, 40), max_size=20),
)
@settings(max_examples=100, deadline=None)
def test_the_table_finds_what_a_dictionary_finds(puts: list[tuple[int, int]], asked: list[int]) -> None:
    # Few distinct first words: probes collide all the time.
    def words(keys: list[int]) -> np.ndarray:
        return np.array([(key % 3, key) for key in keys], dtype=np.uint64).reshape(-1, 2)

    table, refs = np.zeros((64, 2), dtype=np.uint64), np.zeros(64, dtype=np.int64)
    slots = np.empty(len(puts), dtype=np.int64)
    values = np.array([value for _, value in puts], dtype=np.int64)
    added = insert_series(words([key for key, _ in puts]), values, table, refs, slots)
    expected = dict(puts)
    assert len(expected) == added
    found = np.empty(len(asked), dtype=np.int64)
    find_series(words(asked), table, found)
    assert [expected.get(key) for key in asked] == [int(refs[slot]) if slot >= 0 else None for slot in found]


@given(st.lists(st.binary(max_size=50), max_size=8), st.integers(0, 2**64 - 1))
@settings(max_examples=100, deadline=None)
def test_hashes_depend_on_the_bytes_and_the_seed_alone(pieces: list[bytes], seed: int) -> None:
    def hashes(texts: list[bytes], with_seed: int) -> list[tuple[int, int]]:
        ends = np.cumsum([len(piece) for piece in texts]).astype(np.int64)
        begins = ends - np.array([len(piece) for piece in texts], dtype=np.int64)
        out = np.empty((len(texts), 2), dtype=np.uint64)
        data = np.frombuffer(b"".join(texts), dtype=np.uint8)
        hash_bytes(data, begins, ends, np.array([with_seed, with_seed ^ 1], dtype=np.uint64), out)
        return [(int(a), int(b)) for a, b in out]

    first = hashes(pieces, seed)
    assert first == hashes([*pieces, b"more"], seed)[: len(pieces)]
    assert len(set(pieces)) == len(set(first))
    if pieces:
        assert first[0] != hashes(pieces, seed ^ 2)[0]


def test_series_of_version_2_hash_by_the_texts_behind_their_references() -> None:
    def hashed(symbols: list[bytes], *references: list[int]) -> tuple[list[list[int]], list[int], list[int]]:
        data = b"".join(packed(1, refs) for refs in references)
        series = np.zeros((len(references), SERIES_COLUMNS), dtype=np.int64)
        at = 0
        for row, refs in enumerate(references):
            # Tag and length take a byte each.
            series[row, LABELS_BEGIN], series[row, LABELS_END] = at + 2, at + 2 + len(refs)
            series[row, PLAIN] = 1
            at += 2 + len(refs)
        seeds = np.array([3, 4], dtype=np.uint64)
        ends = np.cumsum([len(symbol) for symbol in symbols]).astype(np.int64)
        symbol_hashes = np.empty((len(symbols), 2), dtype=np.uint64)
        begins = np.concatenate(([0], ends[:-1]))
        hash_bytes(np.frombuffer(b"".join(symbols), dtype=np.uint8), begins, ends, seeds, symbol_hashes)
        out, metadata = (
            np.empty((len(references), 2), dtype=np.uint64),
            np.ones(len(references), dtype=np.uint64),
        )
        hash_references(np.frombuffer(data, dtype=np.uint8), series, symbol_hashes, seeds, out, metadata)
        return out.tolist(), series[:, PLAIN].tolist(), metadata.tolist()

    one, plain, metadata = hashed([b"", b"a", b"b", b"c"], [1, 2], [1, 3], [2, 1], [1, 9])
    other, _, _ = hashed([b"", b"c", b"b", b"x", b"a"], [4, 2], [4, 1], [2, 4])
    assert one[:3] == other
    assert 3 == len({tuple(row) for row in other})
    assert [1, 1, 1, 0] == plain
    assert [0, 0, 0, 0] == metadata
