"""
The HTTP connection: uvicorn's, with a short way for requests that are answered at once.

A request whose last byte came with its first is offered to the application as a whole. If that answers, now or when some work is done, the
answer is written here, by one call of the socket; otherwise uvicorn gets what the parser said, as if it had said it now, and everything goes its general way. The
bytes of the answer are those that uvicorn would have sent.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bongsu.api.whole import Later, WholeRequest, first_of_each

if TYPE_CHECKING:
    from bongsu.api.whole import AtOnce

_METHODS = frozenset({b"GET", b"POST"})
_PLAIN_URL = re.compile(rb"/[^%#?\x80-\xff]*(\?[^#\x80-\xff]*)?")
"""What is parsed by looking for a question mark: no other host, no escapes in the path, no fragment."""


class _UnderWay:
    """What uvicorn sees of a request whose answer comes later: it lets those that follow wait, and a connection that is to end."""

    def __init__(self) -> None:
        self.response_complete = False
        self.keep_alive = True
        self.disconnected = False
        self.message_event = asyncio.Event()


class ShortWayProtocol(HttpToolsProtocol):
    """
    One connection.

    Parameters
    ----------
    at_once
        Answers whole requests, or says by None that it does not.
    given
        As uvicorn gives them.
    """

    def __init__(self, at_once: AtOnce, **given: Any) -> None:  # what uvicorn gives is its own affair
        super().__init__(**given)
        self._at_once = at_once
        self._held: list[bytes] | None = None
        """The body so far of a request that uvicorn does not know of yet."""

    def data_received(self, data: bytes) -> None:
        """Take bytes; what is not whole by their end is no request for the short way."""
        super().data_received(data)
        if self._held is not None:
            self._let_go()

    def on_headers_complete(self) -> None:
        """Hold the request back until its end, which mostly came with the same bytes."""
        if self._may_be_short():
            self._held = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        """Answer a request that was held back, or let uvicorn go on with it."""
        if self._held is not None:
            response = self._at_once(self._whole(b"".join(self._held)))
            if isinstance(response, Later):
                self._held = None
                self._answer_later(response)
                return
            if type(response) is Response and response.status_code == 200:
                self._held = None
                self._write(response)
                return
            self._let_go(response)
        super().on_message_complete()

    def _may_be_short(self) -> bool:
        """Tell whether nothing stands in the way of an answer at once; in doubt the general way knows what to do."""
        parser = self.parser
        return (
            parser.get_method() in _METHODS
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and _PLAIN_URL.fullmatch(self.url) is not None
        )

    def _whole(self, body: bytes) -> WholeRequest:
        path, _, query = self.url.partition(b"?")
        method = self.parser.get_method().decode("ascii")
        return WholeRequest(
            method, self.root_path + path.decode("ascii"), query, first_of_each(self.headers), body
        )

    def _let_go(self, response: Response | None = None) -> None:
        """Give uvicorn what was held back, with an answer that is too large for the short way if there is one."""
        held, self._held = self._held or [], None
        if self.transport.is_closing():
            return  # what came after the headers was no HTTP
        app = self.app
        if response is not None:
            self.app = response
        super().on_headers_complete()
        self.app = app
        for body in held:
            super().on_body(body)

    def _answer_later(self, later: Later) -> None:
        under_way: Any = _UnderWay()  # stands where uvicorn has a class of its own
        self.cycle = under_way

        def answer(work: asyncio.Future[Any]) -> None:
            response = later.respond(work)
            under_way.response_complete = True
            if not self.transport.is_closing():
                self._write(response, keep_alive=under_way.keep_alive)

        later.work.add_done_callback(answer)

    def _write(self, response: Response, *, keep_alive: bool = True) -> None:
        parts = [STATUS_LINE[response.status_code]]
        for name, value in (*self.server_state.default_headers, *response.raw_headers):
            parts += (name, b": ", value, b"\r\n")
        if not keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", bytes(response.body))
        self.transport.write(b"".join(parts))
        if not keep_alive:
            self.transport.close()
        # What uvicorn does once an answer is complete: count it, and give the client a while for its next request.
        self.on_response_complete()
