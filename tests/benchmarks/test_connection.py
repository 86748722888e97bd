"""The client of the measurements reads whole answers, whatever pieces they come in."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from benchmarks.compare.connection import Connection, RequestFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n world of 16 by.\r\n0\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
EMPTY_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
REFUSED = b"HTTP/1.1 422 No\r\nContent-Length: 3\r\n\r\nbad"


@contextlib.contextmanager
def serving(answer: bytes, piece: int) -> Iterator[Connection]:
    """Answer every request on one connection, some bytes at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with peer:
                    while peer.recv(65536):
                        for at in range(0, len(answer), piece):
                            peer.sendall(answer[at : at + piece])

        thread = threading.Thread(target=serve)
        thread.start()
        with contextlib.closing(
            Connection(f"http://127.0.0.1:{listener.getsockname()[1]}", {})
        ) as connection:
            yield connection
        thread.join()


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(
    ("answer", "body"),
    [(PLAIN, b"hello"), (CHUNKED, b"hello world of 16 by."), (EMPTY, b""), (EMPTY_CHUNKED, b"")],
)
def test_bodies_are_read_to_their_end(answer: bytes, body: bytes, piece: int) -> None:
    with serving(answer, piece) as connection:
        assert [body, body] == [connection.get("/").body for _ in range(2)]


@pytest.mark.parametrize("piece", [1, 1000])
def test_a_body_that_nobody_wants_is_counted(piece: int) -> None:
    with serving(PLAIN, piece) as connection:
        answer = connection.get("/", keep=False)
    assert 5 == answer.size


def test_a_refusal_says_what_the_server_said() -> None:
    with serving(REFUSED, 1000) as connection, pytest.raises(RequestFailed, match="HTTP 422: bad"):
        connection.get("/", keep=False)
