"""
Answers in parts: small ones whole and with their length, large ones streamed with bounded memory.

The parts are made in worker threads, a few ahead of what the client has taken and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from itertools import chain
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from bongsu.api.respond import JSON
from bongsu.api.threads import in_thread
from bongsu.runtime.compress import ANSWER_CODINGS, answer_stream
from bongsu.runtime.parts import gathered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.types import Message, Send

    from bongsu.api.whole import HasHeaders

WHOLE_BYTES = 1 << 20
"""An answer up to this size is sent whole: one write, and a length for the client."""

_SENT_BYTES = 1 << 18
"""Parts are sent together up to this size: a part costs a change of threads, which is more than to make a small one."""

_MIN_COMPRESSED_BYTES = 1400
"""What fits into one packet gains nothing from compression."""

STALL_TIMEOUT_S = 60.0
"""A part is a megabyte at most: whoever reads less than 17 kB/s holds the memory of a result for too long."""


def coding_of(request: HasHeaders) -> str:
    """Return the coding that the client likes best of those that are offered (RFC 9110, 12.5.3); empty for none."""
    accepted = request.headers.get("accept-encoding", "")
    if not accepted:
        return ""
    weights: dict[str, float] = {}
    for item in accepted.split(","):
        coding, _, parameter = item.partition(";")
        weights[coding.strip().lower()] = _weight(parameter)
    # A client that takes anything gets what all of them know.
    others = weights.get("*", 0.0)
    offered = {coding: weights.get(coding, others if coding == "gzip" else 0.0) for coding in ANSWER_CODINGS}
    best = max(ANSWER_CODINGS, key=lambda coding: offered[coding])
    return best if offered[best] > 0 else ""


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def parts_response(parts: Iterator[bytes], *, coding: str = "", media_type: str = JSON) -> Response:
    """
    Return an answer made of parts; called in a worker thread, since the first parts are made at once.

    Errors of the first megabyte still become a proper error answer; a later one breaks the connection, which tells the client
    that the answer is not whole.
    """
    first: list[bytes] = []
    size = 0
    for part in parts:
        first.append(part)
        size += len(part)
        if size > WHOLE_BYTES:
            return _stream(b"".join(first), parts, coding, media_type)
    return _whole(b"".join(first), coding, media_type)


class PartsResponse(StreamingResponse):
    """
    A streamed answer that a client may not stall.

    Parameters
    ----------
    stall_timeout_s
        Seconds that the client may take for one part; after that the connection is broken and the result let go.
    """

    def __init__(
        self,
        parts: AsyncIterator[bytes],
        *,
        media_type: str,
        headers: Mapping[str, str] | None = None,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        super().__init__(parts, media_type=media_type, headers=headers)
        self._stall_timeout_s = stall_timeout_s

    async def stream_response(self, send: Send) -> None:
        """Send the parts; raises TimeoutError, which is a client that went away, when one is not taken in time."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._stall_timeout_s):
                await send(message)

        await super().stream_response(send_in_time)


def _headers(coding: str) -> dict[str, str]:
    return {"Content-Encoding": coding, "Vary": "Accept-Encoding"}


def _whole(body: bytes, coding: str, media_type: str) -> Response:
    if coding and len(body) >= _MIN_COMPRESSED_BYTES:
        stream = answer_stream(coding)
        return Response(stream.add(body) + stream.finish(), headers=_headers(coding), media_type=media_type)
    return Response(body, media_type=media_type)


def _stream(first: bytes, rest: Iterator[bytes], coding: str, media_type: str) -> Response:
    parts = chain((first,), gathered(rest, _SENT_BYTES))
    if not coding:
        return PartsResponse(_pull(parts), media_type=media_type)
    return PartsResponse(_pull(_compressed(parts, coding)), media_type=media_type, headers=_headers(coding))


def _compressed(parts: Iterator[bytes], coding: str) -> Iterator[bytes]:
    stream = answer_stream(coding)
    for part in parts:
        compressed = stream.add(part)
        if compressed:
            yield compressed
    yield stream.finish()


async def _pull(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts; the next one is being made while the client takes the one before."""
    coming = asyncio.ensure_future(in_thread(next, parts, None))
    try:
        while (part := await coming) is not None:
            coming = asyncio.ensure_future(in_thread(next, parts, None))
            yield part
    finally:
        # Whoever makes a part uses the result: nobody may let go of it before.
        with contextlib.suppress(Exception):
            await asyncio.shield(coming)
