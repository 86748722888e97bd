"""One keep-alive connection; as little client as possible, so that the server is what is measured."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 300.0
"""A query that takes longer has no number."""

_LAST_CHUNK = b"\r\n0\r\n\r\n"
_READ_BYTES = 1 << 18


class RequestFailed(Exception):
    """An answer of status 400 or above, or none at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; the body is what the server sent, without the frame of chunks."""

    status: int
    body: bytes
    size: int
    seconds: float

    def json(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.body)


class Connection:
    """
    Sends requests one after the other.

    Bodies in chunks are found complete by their last seven bytes: JSON and the texts of these servers hold no bare line breaks of
    the kind that would look the same.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 80)
        lines = {"Host": parts.netloc, **headers}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket: socket.socket | None = None
        self._buffer = bytearray(_READ_BYTES)

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def get(self, path: str, *, keep: bool = True) -> Answer:
        """Send a GET; without `keep` the body of a good answer is counted only."""
        return self.request("GET", path, keep=keep)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        keep: bool = True,
    ) -> Answer:
        """
        Send one request and read its answer to the end.

        Raises
        ------
        RequestFailed
            If the status is 400 or above, or the connection breaks.
        """
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        length = f"Content-Length: {len(body)}\r\n" if body or method != "GET" else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}{more}{length}\r\n".encode()
        began = time.perf_counter()
        try:
            self._open().sendall(head + body)
            status, content, size = self._read(keep=keep)
        except OSError as error:
            self.close()
            raise RequestFailed(f"{method} {path[:80]}: {error}") from error
        seconds = time.perf_counter() - began
        if status >= 400:
            raise RequestFailed(f"{method} {path[:200]}: HTTP {status}: {content[:500].decode()}")
        return Answer(status, content, size, seconds)

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _receive(self) -> bytes:
        assert self._socket is not None
        got = self._socket.recv_into(self._buffer)
        if not got:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return bytes(self._buffer[:got])

    def _read(self, *, keep: bool) -> tuple[int, bytes, int]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        status = int(lines[0].split()[1])
        fields = dict(line.split(b": ", 1) for line in lines[1:] if b": " in line)
        keep = keep or status >= 400
        if b"chunked" in fields.get(b"transfer-encoding", b""):
            body, size = self._read_chunks(rest, keep=keep)
        else:
            body, size = self._read_length(rest, int(fields.get(b"content-length", b"0")), keep=keep)
        if fields.get(b"connection") == b"close":
            self.close()
        return status, body, size

    def _read_length(self, rest: bytes, length: int, *, keep: bool) -> tuple[bytes, int]:
        parts, size = [rest], len(rest)
        while size < length:
            part = self._receive()
            size += len(part)
            if keep:
                parts.append(part)
        return b"".join(parts), size

    def _read_chunks(self, rest: bytes, *, keep: bool) -> tuple[bytes, int]:
        parts, size = [rest], len(rest)
        tail = b"\r\n" + rest[-len(_LAST_CHUNK) :]
        while not tail.endswith(_LAST_CHUNK):
            part = self._receive()
            size += len(part)
            tail = (tail + part)[-len(_LAST_CHUNK) :]
            if keep:
                parts.append(part)
        return (_without_frame(b"".join(parts)) if keep else b""), size


def _without_frame(data: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while True:
        line_end = data.index(b"\r\n", at)
        length = int(data[at:line_end].split(b";")[0], 16)
        if not length:
            return b"".join(parts)
        at = line_end + 2
        parts.append(data[at : at + length])
        at += length + 2
