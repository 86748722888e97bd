"""The calls of `/admin/v1` that move a project: out as one document, and in again on another server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bongsu.api.admin.gate import actor_of
from bongsu.api.admin.records import new_project_record
from bongsu.api.body import BodyLimits, read_json_object
from bongsu.api.parameters import flag_of
from bongsu.api.respond import json_response
from bongsu.control.errors import BadValue
from bongsu.model.errors import InvalidInput
from bongsu.scrape.options import MASK, checked_options, shown_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.threads import Lane
    from bongsu.control.plane import ControlPlane

CREATED = 201
_LIMITS = BodyLimits(max_body_bytes=64 << 20, max_decompressed_bytes=64 << 20, setting="")
"""Five thousand servers and five hundred layouts, which a project has at most by default, take some tens of megabytes."""
_NO_STORE = {"Cache-Control": "no-store"}


class MovingCalls:
    """The handlers."""

    def __init__(self, control: ControlPlane, lane: Lane) -> None:
        self._control = control
        self._lane = lane

    async def export(self, request: Request) -> Response:
        """Answer with the whole project but for its secrets and samples."""
        project_id = request.path_params["projectId"]
        document = await self._lane.run(self._control.moves.export, project_id, shown_options)
        return json_response(document, headers=_NO_STORE)

    async def import_(self, request: Request) -> Response:
        """Make a project from an export; with ``check=true`` only tell how that would go."""
        only_check = flag_of(request, "check")
        document = await read_json_object(request, _LIMITS)
        report = await self._lane.run(
            self._control.moves.import_,
            document,
            _kept_options,
            name=request.query_params.get("name"),
            only_check=only_check,
            actor=actor_of(request),
        )
        answer: dict[str, Any] = {
            "project": None if report.made is None else new_project_record(report.made),
            "counts": {
                name: report.counts.get(name, 0) for name in ("servers", "workspaces", "targets", "layouts")
            },
            "notes": list(report.notes),
        }
        return json_response(answer, status=200 if only_check else CREATED, headers=_NO_STORE)


def _kept_options(given: Mapping[str, Any], whose: str) -> dict[str, Any]:
    """Return the options of a document without those that had a secret; raises BadValue as `checked_options`."""
    kept = {name: value for name, value in given.items() if MASK not in json.dumps(value)}
    try:
        return checked_options(kept)
    except InvalidInput as error:
        raise BadValue(f"'scrape' of {whose}: {error.message}") from error
