"""Endpoints that change data: deletion of series, and maintenance of the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bongsu.api.permissions import needed_role
from bongsu.api.prometheus.envelope import success_response
from bongsu.api.prometheus.selectors import MATCH, read_selectors, read_time_range
from bongsu.api.respond import no_content
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.control.values import Actor


@dataclass(frozen=True, slots=True)
class BlockFacts:
    """
    One block of a project.

    Attributes
    ----------
    number
        Unique in its project, rising.
    level
        0 from the head, else one more than the highest of its sources, the blocks that it has replaced.
    min_time, max_time
        Of its samples, Unix milliseconds.
    """

    number: int
    level: int
    min_time: int
    max_time: int
    series: int
    samples: int
    chunks: int
    sources: tuple[int, ...] = ()


class Maintenance(Protocol):
    """What an operator can ask of the store as a whole; blocks, and may be called from any thread."""

    def blocks(self, project_id: str) -> Sequence[BlockFacts]:
        """Return the blocks of a project, oldest first."""
        ...

    def clean_tombstones(self, project_id: str) -> None:
        """Remove deleted samples from the disk."""
        ...

    def snapshot(self, project_id: str, *, skip_head: bool) -> str:
        """Make a snapshot; return its name."""
        ...


class Trail(Protocol):
    """Where it is written who changed what; blocks, and may be called from any thread."""

    def note(
        self, actor: Actor, action: str, subject: str, project_id: str | None = None, **detail: object
    ) -> None:
        """Add an entry."""
        ...


_MOST_TOLD = 1_000
"""Characters of selectors that an entry holds."""


class NotOffered(NotFound):
    """The store of this server cannot do it."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not offered by this server's store; deleted samples are hidden at once all the same",
            id="maintenance-not-offered",
        )


class TsdbAdmin:
    """
    Handlers of ``/admin/tsdb``; all need a key with the scope `manage`, or an owner: what is deleted does not come back.

    Parameters
    ----------
    maintenance
        None when the store offers none.
    trail
        Told of every change; None where nobody keeps one.
    """

    def __init__(
        self, admission: Admission, maintenance: Maintenance | None, trail: Trail | None = None
    ) -> None:
        self._admission = admission
        self._maintenance = maintenance
        self._trail = trail

    async def delete_series(self, request: Request) -> Response:
        """Answer ``/admin/tsdb/delete_series``: hide the samples of the matching series in the range."""
        call = await self._admit(request, "delete_series")
        answer = await in_thread(self._delete, call)
        told = {name: call.parameters.text(name)[:_MOST_TOLD] for name in ("start", "end")}
        selectors = ", ".join(call.parameters.texts(MATCH))[:_MOST_TOLD]
        await self._note(request, call, "samples.delete", selectors=selectors, **told)
        return answer

    async def clean_tombstones(self, request: Request) -> Response:
        """Answer ``/admin/tsdb/clean_tombstones``: free the space of deleted samples."""
        call = await self._admit(request, "clean_tombstones")
        maintenance = self._offered("cleaning of tombstones")
        await in_thread(maintenance.clean_tombstones, call.access.project.project_id)
        await self._note(request, call, "samples.clean")
        return no_content()

    async def snapshot(self, request: Request) -> Response:
        """Answer ``/admin/tsdb/snapshot``: keep the data of now under a name."""
        call = await self._admit(request, "snapshot")
        skip_head = call.parameters.flag("skip_head")
        maintenance = self._offered("a snapshot")
        name = await in_thread(maintenance.snapshot, call.access.project.project_id, skip_head=skip_head)
        await self._note(request, call, "samples.snapshot", name=name)
        return success_response({"name": name})

    async def blocks(self, request: Request) -> Response:
        """Answer ``/status/tsdb/blocks``: which blocks the project's older samples are in; for every key that may read."""
        call = await self._admission.admit(request)
        maintenance = self._offered("a list of blocks")
        found = await in_thread(maintenance.blocks, call.access.project.project_id)
        return success_response({"blocks": [_block(block) for block in found]})

    async def _admit(self, request: Request, name: str) -> Call:
        role = needed_role(f"POST /prometheus/api/v1/admin/tsdb/{name}")
        return await self._admission.admit(request, Scope.MANAGE, role=role)

    async def _note(self, request: Request, call: Call, action: str, **detail: object) -> None:
        if self._trail is not None:
            project_id, actor = call.access.project.project_id, call.access.actor(request)
            await in_thread(self._trail.note, actor, action, project_id, project_id, **detail)

    def _delete(self, call: Call) -> Response:
        selectors = read_selectors(call.parameters, required=True)
        start_ms, end_ms = read_time_range(call.parameters)
        if end_ms < start_ms:
            raise InvalidInput(
                'invalid parameter "end": end timestamp must not be before start time', id="invalid-parameter"
            )
        self._admission.store(call).delete(selectors, start_ms, end_ms)
        return no_content()

    def _offered(self, what: str) -> Maintenance:
        if self._maintenance is None:
            raise NotOffered(what)
        return self._maintenance


_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of ULIDs: Crockford's base 32."""


def block_ulid(block: BlockFacts) -> str:
    """Return a block's identity in the form that tools expect: the time of its first sample, then its number."""
    number = (max(0, block.min_time) << 80 | block.number) & ((1 << 128) - 1)
    return "".join(_DIGITS[number >> shift & 31] for shift in range(125, -1, -5))


def _block(block: BlockFacts) -> dict[str, Any]:
    return {
        "ulid": block_ulid(block),
        "minTime": block.min_time,
        # Prometheus' blocks end before their last time.
        "maxTime": block.max_time + 1,
        "stats": {"numSamples": block.samples, "numSeries": block.series, "numChunks": block.chunks},
        "compaction": {"level": block.level + 1, "sources": [str(source) for source in block.sources]},
        "version": 1,
    }
