"""The remote write receiver: ``/write`` and its alias ``/push``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from starlette.routing import Route

from bongsu.api.body import BodyLimits, content_encoding, read_raw_body
from bongsu.api.errors import UnsupportedMedia, failure_of, guard
from bongsu.api.prometheus.endpoint import Endpoint
from bongsu.api.prometheus.routes import PREFIX
from bongsu.api.respond import no_content, text_response
from bongsu.api.threads import GroupLane, in_thread
from bongsu.api.whole import Later
from bongsu.control.values import Scope
from bongsu.ingest.remote_write import WriteOutcome
from bongsu.model.errors import BongsuError, InvalidInput
from bongsu.runtime.compress import DecompressedTooLarge, decompress_snappy, decompress_zstd
from bongsu.wire.remote_write.negotiation import UnsupportedMessage, version_of
from bongsu.wire.remote_write.request import Version

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.errors import Failure
    from bongsu.api.prometheus.caller import OpenStore
    from bongsu.api.whole import HasHeaders, WholeRequest
    from bongsu.ingest.remote_writers import RemoteWriters

WRITE_LIMITS = BodyLimits(max_decompressed_bytes=32 * 1024 * 1024)
"""Senders stay far below: Prometheus sends some 2,000 samples at once, and takes 32 MiB itself."""

_ENCODINGS = {"snappy": decompress_snappy, "zstd": decompress_zstd}
_COUNT_HEADERS = {
    "samples": "X-Prometheus-Remote-Write-Samples-Written",
    "histograms": "X-Prometheus-Remote-Write-Histograms-Written",
    "exemplars": "X-Prometheus-Remote-Write-Exemplars-Written",
}
_PARTIAL_STATUS = 400
"""The refused part must not be sent again, so it is the sender's mistake, never a 5xx (specification 2.0, "Partial Write")."""


_LANE_THREADS = 2
"""While one waits for the disk, the other decodes."""

_LANE_REQUESTS = 8
"""Requests that are stored together: beyond a few there is nothing left to share."""


_LANE_BYTES = 256 << 10
"""Compressed bytes of a request that may go with others, seven times what senders send; nobody waits behind a larger one."""


class _Arrived(NamedTuple):
    """A request whose headers are good and whose body is there."""

    access: ProjectAccess
    body: bytes
    encoding: str
    version: Version


class RemoteWrite:
    """Handler of remote write requests. Headers are judged before the body is read."""

    def __init__(
        self,
        access: AccessControl,
        open_store: OpenStore,
        writers: RemoteWriters,
        limits: BodyLimits,
        log: FilteringBoundLogger,
    ) -> None:
        self._access = access
        self._open_store = open_store
        self._writers = writers
        self._limits = limits
        self._log = log
        self._lane = GroupLane(self._store_all, threads=_LANE_THREADS, most=_LANE_REQUESTS)

    async def write(self, request: Request) -> Response:
        """Answer 204 when all is durable; 400 with the reasons when some of it, or all, was refused."""
        access = await self._access.require(request, Scope.WRITE)
        version, encoding = _judge_headers(request)
        try:
            body = await read_raw_body(request, self._limits)
            outcome = await self._stored(_Arrived(access, body, encoding, version))
        except BongsuError as error:
            failure = failure_of(error)
            if failure.status >= 500 and failure.id == "internal":
                raise
            return _with_counts(_render(failure), WriteOutcome(), version)
        return _answer(outcome, version)

    def write_at_once(self, request: WholeRequest) -> Later | None:
        """Begin to store a request that is here as a whole; None for large ones, and where `write` has to tell what is the matter."""
        access = self._access.known(request, Scope.WRITE)
        if access is None or len(request.body) > min(_LANE_BYTES, self._limits.max_body_bytes):
            return None
        version, encoding = _judge_headers(request)
        work = self._lane.submit(_Arrived(access, request.body, encoding, version))
        return Later(work, functools.partial(self._respond, version))

    def _respond(self, version: Version, work: asyncio.Future[WriteOutcome]) -> Response:
        try:
            return _answer(work.result(), version)
        except Exception as error:  # noqa: BLE001 - every failure has its answer
            failure = failure_of(error)
            if failure.status >= 500 and failure.id == "internal":
                self._log.error("request failed", error_id=failure.id, exc_info=error)
            return _with_counts(_render(failure), WriteOutcome(), version)

    async def _stored(self, arrived: _Arrived) -> WriteOutcome:
        if len(arrived.body) <= _LANE_BYTES:
            return await self._lane.run(arrived)
        (outcome,) = await in_thread(self._store_all, [arrived])
        if isinstance(outcome, BongsuError):
            raise outcome
        return outcome

    def _store_all(self, arrived: Sequence[_Arrived]) -> Sequence[WriteOutcome | BongsuError]:
        """Store requests, those of a project together; blocks."""
        results: dict[int, WriteOutcome | BongsuError] = {}
        groups: dict[str, list[tuple[int, bytes]]] = {}
        for place, each in enumerate(arrived):
            try:
                data = _decompress(each.body, each.encoding, self._limits)
            except BongsuError as error:
                results[place] = error
            else:
                groups.setdefault(each.access.project.project_id, []).append((place, data))
        for project_id, group in groups.items():
            places = [place for place, _ in group]
            try:
                writer = self._writers.of(project_id, self._open_store(arrived[places[0]].access))
                outcomes = writer.write_all([(data, arrived[place].version) for place, data in group])
            except BongsuError as error:
                outcomes = [error] * len(group)
            results.update(zip(places, outcomes, strict=True))
        return [results[place] for place in range(len(arrived))]


def _answer(outcome: WriteOutcome, version: Version) -> Response:
    response = (
        text_response(outcome.message + "\n", status=_PARTIAL_STATUS) if outcome.refused else no_content()
    )
    return _with_counts(response, outcome, version)


def _judge_headers(request: HasHeaders) -> tuple[Version, str]:
    encoding = content_encoding(request)
    if encoding not in {"identity", *_ENCODINGS}:
        raise UnsupportedMedia(
            f"Content-Encoding is {encoding[:100]!r}; this call takes {', '.join(_ENCODINGS)} or none"
        )
    try:
        return version_of(request.headers.get("content-type")), encoding
    except UnsupportedMessage as error:
        raise UnsupportedMedia(error.message) from error


def _decompress(body: bytes, encoding: str, limits: BodyLimits) -> bytes:
    if encoding == "identity":
        return body
    try:
        return _ENCODINGS[encoding](body, limits.max_decompressed_bytes)
    except DecompressedTooLarge as error:
        # The specification leaves 400 as the only status that senders do not retry.
        raise InvalidInput(f"{error.message}; {limits.advice}", id=error.id) from error


def _with_counts(response: Response, outcome: WriteOutcome, version: Version) -> Response:
    if version is Version.V2:
        for kind, header in _COUNT_HEADERS.items():
            response.headers[header] = str(getattr(outcome, kind))
    return response


def _render(failure: Failure) -> Response:
    """Return an error as senders log it: as plain text."""
    return text_response(failure.message + "\n", status=failure.status, headers=failure.headers)


def write_routes(
    *,
    access: AccessControl,
    open_store: OpenStore,
    writers: RemoteWriters,
    log: FilteringBoundLogger,
    limits: BodyLimits = WRITE_LIMITS,
) -> list[BaseRoute]:
    """
    Return the routes of the receiver; they come before those of the query side.

    Parameters
    ----------
    open_store
        Gives the store of whom a request acts for, the same object each time.
    """
    remote_write = RemoteWrite(access, open_store, writers, limits, log)
    handler = guard(remote_write.write, render=_render, log=log)
    endpoint = Endpoint({"POST": handler}, log, at_once=remote_write.write_at_once)
    return [Route(PREFIX + path, endpoint) for path in ("/write", "/push")]
