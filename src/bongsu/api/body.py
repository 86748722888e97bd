"""Request bodies, bounded in bytes and in time while they arrive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bongsu.api.errors import BodyTimeout, BodyTooLarge, UnsupportedMedia
from bongsu.api.threads import in_thread
from bongsu.model.errors import InvalidInput
from bongsu.runtime.compress import ENCODINGS, DecompressedTooLarge, decompress

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

    from bongsu.api.whole import HasHeaders

_INLINE_BYTES = 32 * 1024
"""Up to here decompression takes well under a millisecond, less than a change of threads under load."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """
    Bounds of one request body.

    Attributes
    ----------
    max_body_bytes
        Bytes as sent.
    max_decompressed_bytes
        Bytes after decompression.
    body_timeout_s
        Seconds from the first read to the last byte.
    setting
        Name of the setting that raises the bounds of bytes; empty where they are fixed.
    """

    max_body_bytes: int = 32 * 1024 * 1024
    max_decompressed_bytes: int = 128 * 1024 * 1024
    body_timeout_s: float = 30.0
    setting: str = "server.max_body_bytes"

    @property
    def advice(self) -> str:
        """What a client can do whose body is over a bound."""
        return (
            f"send less at once, or raise the setting {self.setting!r}"
            if self.setting
            else "send less at once"
        )


CONTROL_LIMITS = BodyLimits(max_body_bytes=1024 * 1024, max_decompressed_bytes=1024 * 1024, setting="")
"""For calls whose body is a handful of fields."""


async def read_raw_body(request: Request, limits: BodyLimits) -> bytes:
    """
    Return the body as sent; nothing beyond the limit is ever held.

    Raises
    ------
    BodyTooLarge
        If the stated or the actual length is over ``max_body_bytes``.
    BodyTimeout
        If the client is too slow.
    InvalidInput
        If the stated length is not a number.
    """
    _check_stated_length(request, limits)
    parts: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            async for part in request.stream():
                total += len(part)
                if total > limits.max_body_bytes:
                    raise _too_large(f"more than {limits.max_body_bytes}", limits)
                parts.append(part)
    except TimeoutError:
        raise BodyTimeout(
            f"{total} bytes of the body came within {limits.body_timeout_s:g} s; send it faster or in smaller parts"
        ) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def read_body(request: Request, limits: BodyLimits) -> bytes:
    """
    Return the body's content, decompressed after its ``Content-Encoding`` (gzip, deflate, identity).

    Raises
    ------
    UnsupportedMedia
        If the coding is another one.
    BodyTooLarge, BodyTimeout, InvalidInput
        As `read_raw_body`, and for content over ``max_decompressed_bytes`` or damaged data.
    """
    encoding = content_encoding(request)
    if encoding not in {"identity", *ENCODINGS}:
        raise UnsupportedMedia(
            f"Content-Encoding is {encoding!r}; this call takes {', '.join(ENCODINGS)} or none"
        )
    raw = await read_raw_body(request, limits)
    if encoding == "identity":
        return raw
    try:
        if len(raw) <= _INLINE_BYTES:
            return decompress(raw, encoding, limits.max_decompressed_bytes)
        return await in_thread(decompress, raw, encoding, limits.max_decompressed_bytes)
    except DecompressedTooLarge as error:
        raise BodyTooLarge(f"{error.message}; {limits.advice}") from error


def content_encoding(request: HasHeaders) -> str:
    """Return the body's compression in lower case; ``identity`` when none is named."""
    return request.headers.get("content-encoding", "").strip().lower() or "identity"


def content_type(request: HasHeaders) -> str:
    """Return the body's media type in lower case, without parameters; empty when none is named."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_content_type(request: Request, allowed: Collection[str]) -> str:
    """Return the body's media type, or raise UnsupportedMedia when it is not one of `allowed`."""
    received = content_type(request)
    if received not in allowed:
        raise UnsupportedMedia(
            f"Content-Type is {received or 'missing'!r}; this call takes {', '.join(sorted(allowed))}"
        )
    return received


def parse_json_object(body: bytes) -> dict[str, Any]:
    """
    Return the fields of a JSON object.

    Raises
    ------
    InvalidInput
        If the body is not JSON, or not an object.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"the body is not JSON: {error}; send one JSON object", id="bad-json") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"the body is a JSON {type(value).__name__}; send one JSON object", id="bad-json")
    return value


async def read_json_object(request: Request, limits: BodyLimits = CONTROL_LIMITS) -> dict[str, Any]:
    """Return the fields of a JSON object body; raises as `read_body` and `parse_json_object`."""
    return parse_json_object(await read_body(request, limits))


def _check_stated_length(request: Request, limits: BodyLimits) -> None:
    stated = request.headers.get("content-length")
    if stated is None:
        return
    if not (stated.isascii() and stated.isdigit()):
        raise InvalidInput(
            f"Content-Length is {stated[:40]!r}; send a number of bytes", id="bad-content-length"
        )
    if len(stated) > len(str(limits.max_body_bytes)) + 20 or int(stated) > limits.max_body_bytes:
        raise _too_large(stated[:40], limits)


def _too_large(received: str, limits: BodyLimits) -> BodyTooLarge:
    return BodyTooLarge(
        f"the body has {received} bytes, {limits.max_body_bytes} are allowed; {limits.advice}"
    )
