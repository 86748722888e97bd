"""`/admin/v1/store`: how the store is, what it has set aside as damaged, and a check of every file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from bongsu.api.respond import json_response
from bongsu.api.threads import in_thread

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class StoreReport:
    """
    How the store is; the fields are the answer's.

    Attributes
    ----------
    refusesWrites
        Why writes are refused now, or None.
    damage
        What was found damaged since the start, one line each.
    quarantined
        Files with what was set aside as damaged, by this start or an earlier one, relative to the store's folder.
    """

    projects: int
    logSegments: int  # noqa: N815 - the API's spelling
    logBytes: int  # noqa: N815
    refusesWrites: str | None  # noqa: N815
    damage: tuple[str, ...]
    quarantined: tuple[str, ...]


class StoreWatch(Protocol):
    """Who knows the store; blocks, and may be called from any thread."""

    def report(self) -> StoreReport:
        """Return how the store is."""
        ...

    def verify(self) -> None:
        """Check every checksum of every block; damaged ones are set aside."""
        ...


class StoreCalls:
    """The handlers."""

    def __init__(self, watch: StoreWatch) -> None:
        self._watch = watch

    async def show(self, _request: Request) -> Response:
        """Answer how the store is."""
        return json_response(asdict(await in_thread(self._watch.report)))

    async def verify(self, _request: Request) -> Response:
        """Check every block, then answer how the store is."""
        await in_thread(self._watch.verify)
        return json_response(asdict(await in_thread(self._watch.report)))
