"""
Compression of what crosses the wire, with a cap on what comes out.

A few kilobytes can expand to gigabytes; every function here stops at the cap, before the memory is taken.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import cramjam
import numpy as np

from bongsu.model.errors import BongsuError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ENCODINGS = ("gzip", "deflate")
"""HTTP content codings that `decompress` takes, beside ``identity``."""

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_STEP_BYTES = 1 << 20
"""Output is taken by the megabyte: a bomb is noticed after at most one step too many."""
_FEED_BYTES = 1 << 16
"""Input is fed by 64 KiB: what follows a gzip member is copied back once per member, and this bounds the copy."""
_MAX_MEMBERS = 10_000
"""Far beyond what a client sends; bounds the work that a body of empty members can cause."""
_BUFFER_FULL = "failed to write whole buffer"
"""How the zstd library says that its output did not fit."""
_VARINT_BITS = 32
"""A snappy block states its length in 32 bits."""


class DecompressedTooLarge(BongsuError):
    """The data would expand beyond the cap."""

    def __init__(self, encoding: str, compressed_bytes: int, max_bytes: int) -> None:
        super().__init__(
            f"{compressed_bytes} bytes of {encoding} expand to more than the {max_bytes} bytes allowed",
            id="body-too-large",
        )


def decompress(data: bytes, encoding: str, max_bytes: int) -> bytes:
    """
    Return the content of an HTTP body.

    Parameters
    ----------
    encoding
        ``identity``, ``gzip`` (one or several members) or ``deflate`` (with or without the zlib frame, since clients
        disagree on what the name means).
    max_bytes
        Most bytes that may come out.

    Raises
    ------
    InvalidInput
        If the coding is unknown, the data is damaged, or it ends early.
    DecompressedTooLarge
        If it would expand beyond `max_bytes`.
    """
    if encoding == "identity":
        return data
    if encoding == "gzip":
        return _gunzip(data, max_bytes)
    if encoding == "deflate":
        return b"".join(_Inflation(data, encoding, _deflate_window(data), max_bytes).parts())
    raise InvalidInput(
        f"unknown compression {encoding!r}; use one of identity, {', '.join(ENCODINGS)}", id="bad-compression"
    )


def _deflate_window(data: bytes) -> int:
    # RFC 1950: method 8 in the low bits of the first byte, and the first two bytes are a multiple of 31.
    framed = len(data) > 1 and data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if framed else -zlib.MAX_WBITS


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    """RFC 1952, 2.2: a gzip file is a series of members; their contents follow each other."""
    inflation = _Inflation(data, "gzip", _GZIP_WINDOW, max_bytes)
    parts = list(inflation.parts())
    members = 1
    while inflation.position < len(data):
        members += 1
        if members > _MAX_MEMBERS:
            raise InvalidInput(
                f"{len(data)} bytes of gzip hold more than {_MAX_MEMBERS} members; compress the body as one",
                id="bad-compression",
            )
        parts += inflation.parts()
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Inflation:
    """One pass over a body of one or several deflate streams, under one cap."""

    def __init__(self, data: bytes, encoding: str, window: int, max_bytes: int) -> None:
        self._data = data
        self._encoding = encoding
        self._window = window
        self._max_bytes = max_bytes
        self._total = 0
        self.position = 0

    def parts(self) -> Iterator[bytes]:
        """Give the content of the next stream; `position` is then behind it."""
        stream = zlib.decompressobj(wbits=self._window)
        while not stream.eof:
            fed = stream.unconsumed_tail or self._feed()
            part = self._step(stream, fed)
            if part:
                yield part
            elif not fed and not stream.eof:
                raise InvalidInput(
                    f"{len(self._data)} bytes of {self._encoding} end early, after {self._total} bytes of content; "
                    "send the whole body",
                    id="bad-compression",
                )
        self.position -= len(stream.unused_data)

    def _feed(self) -> bytes:
        fed = self._data[self.position : self.position + _FEED_BYTES]
        self.position += len(fed)
        return fed

    def _step(self, stream: zlib._Decompress, fed: bytes) -> bytes:
        # One byte more than the cap tells "full" from "over". Never 0, which would mean no bound at all.
        room = min(_STEP_BYTES, self._max_bytes - self._total + 1)
        try:
            part = stream.decompress(fed, room)
        except zlib.error as error:
            raise InvalidInput(
                f"cannot read {len(self._data)} bytes as {self._encoding}: {error}", id="bad-compression"
            ) from error
        self._total += len(part)
        if self._total > self._max_bytes:
            raise DecompressedTooLarge(self._encoding, len(self._data), self._max_bytes)
        return part


class GunzipStream:
    """
    The content of gzip members that come in parts of any size; nothing but one step of output is ever held.

    Who uses it bounds the whole: a few kilobytes can go on for gigabytes.
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=_GZIP_WINDOW)
        self._fed = 0

    def add(self, data: bytes) -> Iterator[bytes]:
        """
        Yield the content of the next part, at most a megabyte at once.

        Raises
        ------
        InvalidInput
            If the data is damaged.
        """
        self._fed += len(data)
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=_GZIP_WINDOW)
            try:
                part = self._stream.decompress(data, _STEP_BYTES)
            except zlib.error as error:
                raise InvalidInput(
                    f"cannot read as gzip, within the first {self._fed} bytes: {error}", id="bad-compression"
                ) from error
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if part:
                yield part

    def finish(self) -> None:
        """
        Say that no more comes.

        Raises
        ------
        InvalidInput
            If a member is not whole.
        """
        if self._fed and not self._stream.eof:
            raise InvalidInput(
                f"{self._fed} bytes of gzip end early; send the whole body", id="bad-compression"
            )


def compress_gzip(data: bytes, *, level: int = 4) -> bytes:
    """Return one gzip member; level 4 costs a third of level 9's time for about 5 % more bytes on JSON."""
    stream = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WINDOW)
    return stream.compress(data) + stream.flush()


class GzipStream:
    """
    One gzip member, made in parts: several members in a row are legal, but not every HTTP client reads beyond the first.

    Parameters
    ----------
    level
        1 keeps up with what writes the data; 4 costs twice its time for about 10 % fewer bytes on JSON.
    window
        zlib's number for the framing: gzip, or `zlib.MAX_WBITS` for what HTTP calls deflate.
    """

    def __init__(self, *, level: int = 1, window: int = _GZIP_WINDOW) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, window)

    def add(self, data: bytes) -> bytes:
        """Take the next part of the content; return what can be sent, which may be nothing yet."""
        return self._stream.compress(data)

    def finish(self) -> bytes:
        """Return the end of the member; nothing can be added any more."""
        return self._stream.flush()


class ZstdStream:
    """One zstd frame, made in parts."""

    def __init__(self, *, level: int = 1) -> None:
        self._stream = cramjam.zstd.Compressor(level=level)

    def add(self, data: bytes) -> bytes:
        """Take the next part of the content and return it compressed."""
        self._stream.compress(data)
        return bytes(self._stream.flush())

    def finish(self) -> bytes:
        """Return the end of the frame; nothing can be added any more."""
        return bytes(self._stream.finish())


ANSWER_CODINGS = ("gzip", "zstd", "deflate")
"""Codings in which answers can be sent; of those that a client likes alike, the first: what forwards a browser's header often reads gzip only."""


def answer_stream(coding: str) -> GzipStream | ZstdStream:
    """Return the stream that makes an answer in one of `ANSWER_CODINGS`."""
    if coding == "zstd":
        return ZstdStream()
    return GzipStream(window=_GZIP_WINDOW if coding == "gzip" else zlib.MAX_WBITS)


def decompress_snappy(data: bytes, max_bytes: int) -> bytes:
    """
    Return the content of one snappy block (not the framed format), as remote write sends it.

    Raises
    ------
    InvalidInput
        If the block is damaged.
    DecompressedTooLarge
        If it states more than `max_bytes`.
    """
    if _snappy_length(data) > max_bytes:
        raise DecompressedTooLarge("snappy", len(data), max_bytes)
    try:
        return bytes(cramjam.snappy.decompress_raw(data))
    except cramjam.DecompressionError as error:
        raise InvalidInput(
            f"cannot read {len(data)} bytes as a snappy block: {error}", id="bad-compression"
        ) from error


def decompress_zstd(data: bytes, max_bytes: int) -> bytes:
    """
    Return the content of zstd frames, as vmagent and vmalert send them.

    Raises
    ------
    InvalidInput
        If a frame is damaged.
    DecompressedTooLarge
        If the content is over `max_bytes`.
    """
    # Untouched pages of an empty array cost no memory, so the cap itself may be the size of the buffer. One byte more
    # tells "full" from "over".
    # Any: numpy declares the buffer protocol to type checkers from Python 3.12 on.
    buffer: Any = np.empty(max_bytes + 1, dtype=np.uint8)
    try:
        written = cramjam.zstd.decompress_into(data, buffer)
    except cramjam.DecompressionError as error:
        if _BUFFER_FULL in str(error):
            raise DecompressedTooLarge("zstd", len(data), max_bytes) from error
        raise InvalidInput(f"cannot read {len(data)} bytes as zstd: {error}", id="bad-compression") from error
    if written > max_bytes:
        raise DecompressedTooLarge("zstd", len(data), max_bytes)
    return bytes(buffer[:written])


def decompress_zstd_exactly(data: memoryview, size: int) -> NDArray[np.uint8]:
    """
    Return the content of zstd frames, whose size is known.

    Raises
    ------
    InvalidInput
        If a frame is damaged, or the content has another size.
    """
    # Any: as above.
    content: Any = np.empty(size, dtype=np.uint8)
    try:
        written = cramjam.zstd.decompress_into(data, content)
    except cramjam.DecompressionError as error:
        raise InvalidInput(f"cannot read {len(data)} bytes as zstd: {error}", id="bad-compression") from error
    if written != size:
        raise InvalidInput(
            f"{len(data)} bytes of zstd hold {written} bytes, not {size}", id="bad-compression"
        )
    array: NDArray[np.uint8] = content
    return array


def compress_zstd(data: bytes) -> bytes:
    """Return one zstd frame."""
    return bytes(cramjam.zstd.compress(data))


def _snappy_length(data: bytes) -> int:
    """Return the length that a snappy block states in its leading varint."""
    length = 0
    for index, byte in enumerate(data[:5]):
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if length >> _VARINT_BITS:
                break
            return length
    raise InvalidInput(
        f"cannot read {len(data)} bytes as a snappy block: its length is damaged", id="bad-compression"
    )


def compress_snappy(data: bytes) -> bytes:
    """Return one snappy block."""
    return bytes(cramjam.snappy.compress_raw(data))
