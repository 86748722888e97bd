"""The limits of the project for whoever may read it: what holds, what is used, what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.admin.records import limit_record
from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl
    from bongsu.control.limits import LimitCount, LimitUse

    class LimitBook(Protocol):
        """Who knows the limits of a project; blocks."""

        def limits(self, project_id: str) -> list[LimitUse]:
            """Return every limit in the order of their names."""
            ...


class ConsoleLimits:
    """
    The handler.

    Parameters
    ----------
    counts
        What counts against the limits that the control plane does not know, by a project's id; blocks.
    """

    def __init__(
        self, access: AccessControl, book: LimitBook, counts: Callable[[str], Mapping[str, LimitCount]]
    ) -> None:
        self._access = access
        self._book = book
        self._counts = counts

    async def show(self, request: Request) -> Response:
        """Answer the same records as the admin API does."""
        access = await self._access.require(request, Scope.READ)
        project_id = access.project.project_id
        found = await in_thread(self._book.limits, project_id)
        counts = await in_thread(self._counts, project_id)
        return json_response(
            {"limits": [limit_record(use.with_count(counts.get(use.name))) for use in found]},
            headers={"Cache-Control": "no-store"},
        )
