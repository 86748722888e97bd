from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.model.errors import InvalidInput
from bongsu.runtime.compress import (
    DecompressedTooLarge,
    GzipStream,
    compress_gzip,
    compress_snappy,
    compress_zstd,
    decompress,
    decompress_snappy,
    decompress_zstd,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CAP = 1 << 22


def deflate_raw(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


WAYS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "own gzip": ("gzip", compress_gzip),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", deflate_raw),
}


@pytest.mark.parametrize("way", WAYS)
@given(data=st.binary(max_size=300), repeat=st.integers(0, 3000))
@settings(max_examples=40, deadline=None)
def test_what_was_compressed_comes_back(way: str, data: bytes, repeat: int) -> None:
    encoding, pack = WAYS[way]
    content = data * repeat

    assert content == decompress(pack(content), encoding, CAP)


@given(parts=st.lists(st.binary(max_size=100), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_gzip_members_follow_each_other(parts: list[bytes]) -> None:
    assert b"".join(parts) == decompress(b"".join(map(gzip.compress, parts)), "gzip", CAP)


def test_input_larger_than_one_feed_and_output_larger_than_one_step_come_back() -> None:
    content = bytes(i * i % 251 for i in range(3_000_000))

    assert content == decompress(gzip.compress(content, compresslevel=0), "gzip", CAP)


@pytest.mark.parametrize("way", WAYS)
def test_content_of_exactly_the_cap_passes_and_one_byte_more_does_not(way: str) -> None:
    encoding, pack = WAYS[way]
    content = bytes(5000)

    assert content == decompress(pack(content), encoding, 5000)
    with pytest.raises(DecompressedTooLarge, match="more than the 4999 bytes allowed"):
        decompress(pack(content), encoding, 4999)


def test_the_cap_counts_all_members_together() -> None:
    with pytest.raises(DecompressedTooLarge, match="more than the 5000 bytes allowed"):
        decompress(gzip.compress(bytes(3000)) * 2, "gzip", 5000)


def test_a_body_of_empty_members_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 10000 members"):
        decompress(gzip.compress(b"") * 10_001, "gzip", CAP)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_cut_anywhere_is_bad_input(way: str) -> None:
    encoding, pack = WAYS[way]
    packed = pack(b"some content that is long enough to be cut")
    for end in range(len(packed)):
        with pytest.raises(InvalidInput):
            decompress(packed[:end], encoding, CAP)


@given(data=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "deflate", "br"]))
def test_any_bytes_give_content_or_a_declared_error(data: bytes, encoding: str) -> None:
    try:
        content = decompress(data, encoding, 1000)
    except (InvalidInput, DecompressedTooLarge):
        return

    assert len(content) <= 1000


@given(data=st.binary(max_size=2000))
def test_a_snappy_block_comes_back(data: bytes) -> None:
    assert data == decompress_snappy(compress_snappy(data), CAP)


@given(data=st.binary(max_size=200))
def test_any_bytes_give_a_snappy_block_or_a_declared_error(data: bytes) -> None:
    try:
        content = decompress_snappy(data, 1000)
    except (InvalidInput, DecompressedTooLarge):
        return

    assert len(content) <= 1000


def test_a_snappy_block_that_states_more_than_the_cap_is_refused_unread() -> None:
    with pytest.raises(DecompressedTooLarge):
        decompress_snappy(b"\xff\xff\xff\xff\x0f" + bytes(10), 1000)


@given(data=st.binary(max_size=2000))
def test_zstd_comes_back(data: bytes) -> None:
    assert data == decompress_zstd(compress_zstd(data), len(data))
    if data:
        with pytest.raises(DecompressedTooLarge):
            decompress_zstd(compress_zstd(data), len(data) - 1)


@given(data=st.binary(max_size=200))
def test_any_bytes_give_zstd_content_or_a_declared_error(data: bytes) -> None:
    try:
        content = decompress_zstd(b"\x28\xb5\x2f\xfd" + data, 1000)
    except (InvalidInput, DecompressedTooLarge):
        return

    assert len(content) <= 1000


def test_a_zstd_bomb_is_refused_at_the_cap() -> None:
    bomb = compress_zstd(bytes(1 << 26))
    assert len(bomb) < 10_000
    with pytest.raises(DecompressedTooLarge, match="expand to more than the 1048576 bytes allowed"):
        decompress_zstd(bomb, 1 << 20)


@given(st.lists(st.binary(max_size=2000), max_size=20))
def test_a_gzip_stream_is_one_member_with_all_its_parts(parts: list[bytes]) -> None:
    stream = GzipStream()
    sent = b"".join([*(stream.add(part) for part in parts), stream.finish()])

    reader = zlib.decompressobj(wbits=31)
    assert b"".join(parts) == reader.decompress(sent)
    assert reader.eof
    assert b"" == reader.unused_data
