"""
What an operator should know of now: as a list, and as a stream of server-sent events that begins with the list.

A key is checked again while its stream lasts. A stream ends when the server stops; browsers open it anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from starlette.responses import StreamingResponse

from bongsu.api.prometheus.envelope import success_response
from bongsu.api.prometheus.targets import rfc_3339
from bongsu.api.respond import no_content
from bongsu.api.threads import in_thread
from bongsu.model.errors import BongsuError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission
    from bongsu.api.prometheus.status import StatusFacts
    from bongsu.runtime.clock import Clock

    Notification = dict[str, str | bool]

MOST_STREAMS = 16
"""Streams at the same time; who comes after them gets 204, as from Prometheus, and asks for the list now and then."""

_LOOK_S = 1.0
"""How often a stream looks for news, and whether the server stops."""
_PING_S = 15.0
"""A comment line this often keeps proxies from closing a quiet stream."""
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Notifications:
    """
    Handlers of ``/notifications`` and ``/notifications/live``. Lives on one event loop.

    Parameters
    ----------
    stopping
        Whether the server is about to stop: streams end then, so that it need not wait for them.
    """

    def __init__(
        self, admission: Admission, facts: StatusFacts, clock: Clock, *, stopping: Callable[[], bool]
    ) -> None:
        self._admission = admission
        self._facts = facts
        self._clock = clock
        self._stopping = stopping
        self._streams = 0

    async def now(self, request: Request) -> Response:
        """Answer what holds now."""
        await self._admission.admit(request)
        return success_response(await self._current())

    async def live(self, request: Request) -> Response:
        """Answer what holds now, and then every change, until the caller goes."""
        await self._admission.admit(request)
        if self._streams >= MOST_STREAMS:
            return no_content()
        return StreamingResponse(self._events(request), media_type="text/event-stream", headers=_HEADERS)

    async def _events(self, request: Request) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            told: list[Notification] = []
            said = self._clock.monotonic()
            yield b": notifications follow\n\n"
            while not self._stopping():
                current = await self._current()
                for notification in current:
                    if notification not in told:
                        yield b"data: %s\n\n" % orjson.dumps(notification)
                for notification in told:
                    if notification not in current:
                        yield b"data: %s\n\n" % orjson.dumps({**notification, "active": False})
                told = current
                if self._clock.monotonic() - said >= _PING_S:
                    if not await self._may_go_on(request):
                        return
                    said = self._clock.monotonic()
                    yield b": still here\n\n"
                await self._clock.sleep(_LOOK_S)
        finally:
            self._streams -= 1

    async def _current(self) -> list[Notification]:
        damaged = await in_thread(self._facts.damaged_parts)
        if not damaged:
            return []
        text = f"{damaged} parts of the store were found damaged and set aside; the server's log names them"
        return [{"text": text, "date": rfc_3339(self._facts.start_ms), "active": True}]

    async def _may_go_on(self, request: Request) -> bool:
        try:
            await self._admission.admit(request)
        except BongsuError:
            return False
        return True
