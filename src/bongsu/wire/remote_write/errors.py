"""What is wrong with a remote write request."""

from __future__ import annotations

from bongsu.wire.messages import BadMessage


class BadRemoteWrite(BadMessage):
    """The request, or one part of it, is malformed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="bad-remote-write")
