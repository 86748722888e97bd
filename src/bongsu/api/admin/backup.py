"""`GET /admin/v1/backup`: everything that is stored, as one tar stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.admin.gate import actor_of
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.errors import Handler
    from bongsu.control.audit import AuditTrail

MEDIA_TYPE = "application/x-tar"


def download(parts: Callable[[], Iterator[bytes]], trail: AuditTrail) -> Handler:
    """Return the handler that sends what `parts` yields; it is called in a worker thread, as is each step of its iterator."""

    async def handler(request: Request) -> Response:
        # Whoever has a backup has everything: that is told before the first byte leaves.
        await in_thread(trail.note, actor_of(request), "backup.read", "backup")
        return await in_thread(lambda: parts_response(parts(), media_type=MEDIA_TYPE))

    return handler
