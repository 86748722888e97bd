"""Layouts of charts: listed and read with the scope `read`, changed with `manage`, by the session or by a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.body import read_json_object
from bongsu.api.respond import json_response, no_content
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl
    from bongsu.control.layouts import Layout
    from bongsu.control.values import Actor, Project

    class LayoutBook(Protocol):
        """Where layouts are kept; methods block, may be called from any thread, and raise a BongsuError."""

        def all(self, project: Project, *, place: str | None = None) -> list[Layout]:
            """Return a project's layouts without their documents."""
            ...

        def get(self, project: Project, layout_id: str) -> Layout:
            """Return one layout."""
            ...

        def create(self, project: Project, fields: Mapping[str, object], *, actor: Actor = ...) -> Layout:
            """Keep a new one."""
            ...

        def update(
            self, project: Project, layout_id: str, fields: Mapping[str, object], *, actor: Actor = ...
        ) -> Layout:
            """Change one whose version is the one that was sent."""
            ...

        def delete(self, project: Project, layout_id: str, *, actor: Actor = ...) -> None:
            """Remove one."""
            ...


_NEVER = {"Cache-Control": "no-store"}


class ConsoleLayouts:
    """The handlers."""

    def __init__(self, access: AccessControl, book: LayoutBook) -> None:
        self._access = access
        self._book = book

    async def show_all(self, request: Request) -> Response:
        """Answer the project's layouts without their panels; ``?place=`` asks for those of one place."""
        access = await self._access.require(request, Scope.READ)
        place = request.query_params.get("place")
        found = await in_thread(self._book.all, access.project, place=place)
        return json_response({"layouts": [_record(layout) for layout in found]}, headers=_NEVER)

    async def show(self, request: Request) -> Response:
        """Answer one layout with its panels."""
        access = await self._access.require(request, Scope.READ)
        found = await in_thread(self._book.get, access.project, request.path_params["layoutId"])
        return _whole(found)

    async def create(self, request: Request) -> Response:
        """Keep a new layout of ``{"name", "place", "layout"}``."""
        access = await self._access.require(request, Scope.MANAGE)
        fields = await read_json_object(request)
        made = await in_thread(self._book.create, access.project, fields, actor=access.actor(request))
        return _whole(made, status=201)

    async def update(self, request: Request) -> Response:
        """Change a layout; ``version`` must be the one that was read."""
        access = await self._access.require(request, Scope.MANAGE)
        layout_id, fields = request.path_params["layoutId"], await read_json_object(request)
        changed = await in_thread(
            self._book.update, access.project, layout_id, fields, actor=access.actor(request)
        )
        return _whole(changed)

    async def delete(self, request: Request) -> Response:
        """Remove a layout."""
        access = await self._access.require(request, Scope.MANAGE)
        layout_id = request.path_params["layoutId"]
        await in_thread(self._book.delete, access.project, layout_id, actor=access.actor(request))
        return no_content()


def _record(layout: Layout) -> dict[str, Any]:
    return {
        "layoutId": layout.layout_id,
        "name": layout.name,
        "place": layout.place,
        "version": layout.version,
        "modifiedMs": layout.modified_ms,
    }


def _whole(layout: Layout, *, status: int = 200) -> Response:
    return json_response(_record(layout) | {"layout": dict(layout.document)}, status=status, headers=_NEVER)
