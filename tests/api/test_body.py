from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from tests.support.access import make_request

from bongsu.api.body import (
    BodyLimits,
    parse_json_object,
    read_body,
    read_json_object,
    read_raw_body,
    require_content_type,
)
from bongsu.api.errors import BodyTimeout, BodyTooLarge, UnsupportedMedia
from bongsu.model.errors import InvalidInput

pytestmark = pytest.mark.anyio

SMALL = BodyLimits(max_body_bytes=100, max_decompressed_bytes=1000, body_timeout_s=5.0)


async def test_a_body_is_joined_from_its_parts() -> None:
    assert b"abcd" == await read_raw_body(make_request(parts=[b"ab", b"", b"cd"]), SMALL)


async def test_an_empty_body_is_empty() -> None:
    assert b"" == await read_raw_body(make_request(), SMALL)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "identity", ""])
async def test_a_body_is_decompressed_after_its_encoding(encoding: str) -> None:
    content = b"x" * 90
    packed = {"gzip": gzip.compress(content), "deflate": zlib.compress(content)}
    parts = [packed.get(encoding.lower(), content)]

    assert content == await read_body(make_request({"Content-Encoding": encoding}, parts=parts), SMALL)


async def test_a_large_compressed_body_is_read_in_a_thread() -> None:
    content = bytes(range(256)) * 4000
    packed = gzip.compress(content, compresslevel=0)
    request = make_request({"Content-Encoding": "gzip"}, parts=[packed[:50_000], packed[50_000:]])

    assert content == await read_body(request, BodyLimits())


async def test_reading_stops_at_the_limit_while_the_body_arrives() -> None:
    parts = [b"x" * 60] * 10
    taken = []

    async def receive() -> dict[str, object]:
        taken.append(parts.pop())
        return {"type": "http.request", "body": taken[-1], "more_body": True}

    with pytest.raises(
        BodyTooLarge,
        match=r"100 are allowed; send less at once, or raise the setting 'server.max_body_bytes'",
    ):
        await read_raw_body(make_request(receive=receive), SMALL)

    assert 2 == len(taken)


@pytest.mark.parametrize("stated", ["101", "9" * 5000])
async def test_a_stated_length_over_the_limit_is_refused_unread(stated: str) -> None:
    async def receive() -> dict[str, object]:
        raise AssertionError("BUG: the body was read")

    with pytest.raises(BodyTooLarge):
        await read_raw_body(make_request({"Content-Length": stated}, receive=receive), SMALL)


async def test_a_stated_length_that_is_no_number_is_bad_input() -> None:
    with pytest.raises(InvalidInput, match="Content-Length is '-1'"):
        await read_raw_body(make_request({"Content-Length": "-1"}), SMALL)


async def test_a_bomb_is_refused() -> None:
    bomb = gzip.compress(b"\0" * 50_000)

    with pytest.raises(
        BodyTooLarge,
        match=r"1000 bytes allowed; send less at once, or raise the setting 'server\.max_body_bytes'",
    ):
        await read_body(make_request({"Content-Encoding": "gzip"}, parts=[bomb]), SMALL)


async def test_damaged_compression_is_bad_input() -> None:
    with pytest.raises(InvalidInput, match="cannot read 5 bytes as gzip"):
        await read_body(make_request({"Content-Encoding": "gzip"}, parts=[b"plain"]), SMALL)


async def test_an_unknown_encoding_is_unsupported() -> None:
    with pytest.raises(UnsupportedMedia, match="'br'; this call takes gzip, deflate"):
        await read_body(make_request({"Content-Encoding": "br"}, parts=[b"x"]), SMALL)


async def test_a_slow_client_is_told_so() -> None:
    async def receive() -> dict[str, object]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("BUG: the future never ends")

    limits = BodyLimits(max_body_bytes=100, body_timeout_s=0.01)
    with pytest.raises(BodyTimeout, match=r"0 bytes of the body came within 0.01 s; send it faster"):
        await read_raw_body(make_request(receive=receive), limits)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b'"x"', b"\xff"])
def test_what_is_not_a_json_object_is_bad_input(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="send one JSON object") as caught:
        parse_json_object(body)

    assert "bad-json" == caught.value.id


async def test_a_json_object_is_read_with_its_fields() -> None:
    assert {"port": 9100} == await read_json_object(make_request(parts=[b'{"port": 9100}']))


def test_the_content_type_is_compared_without_parameters() -> None:
    request = make_request({"Content-Type": "Application/JSON; charset=utf-8"})

    assert "application/json" == require_content_type(request, {"application/json"})


def test_another_content_type_is_unsupported() -> None:
    with pytest.raises(UnsupportedMedia, match="'text/html'; this call takes application/json"):
        require_content_type(make_request({"Content-Type": "text/html"}), {"application/json"})
