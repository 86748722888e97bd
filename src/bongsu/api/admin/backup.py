"""`GET /admin/v1/backup`: everything that is stored, as one tar stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.errors import Handler

MEDIA_TYPE = "application/x-tar"


def download(parts: Callable[[], Iterator[bytes]]) -> Handler:
    """Return the handler that sends what `parts` yields; it is called in a worker thread, as is each step of its iterator."""

    async def handler(_request: Request) -> Response:
        return await in_thread(lambda: parts_response(parts(), media_type=MEDIA_TYPE))

    return handler
