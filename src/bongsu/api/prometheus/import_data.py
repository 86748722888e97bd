"""
The import endpoints: ``/import`` takes JSON lines, ``/import/prometheus`` takes Prometheus text and OpenMetrics.

A body of any length is stored while it arrives, a few megabytes at a time; what was stored stays, whatever comes after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.routing import Route

from bongsu.api.body import BodyLimits, content_encoding, content_type, read_raw_body
from bongsu.api.errors import BodyTimeout, BodyTooLarge, UnsupportedMedia
from bongsu.api.prometheus.endpoint import Endpoint
from bongsu.api.prometheus.parameters import Parameters, invalid_parameter, query_parameters
from bongsu.api.prometheus.routes import PREFIX
from bongsu.api.respond import json_response, no_content
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.ingest.imports import Importer, ImportOutcome
from bongsu.model.errors import LimitExceeded
from bongsu.runtime.compress import DecompressedTooLarge, GunzipStream, decompress_zstd
from bongsu.wire.archive.batch import with_labels
from bongsu.wire.archive.json_lines import read_json_lines
from bongsu.wire.archive.text import TextReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl
    from bongsu.api.prometheus.caller import OpenStore
    from bongsu.ingest.imports import ImportMetrics
    from bongsu.runtime.clock import Clock
    from bongsu.wire.archive.batch import LineBatch

IMPORT_LIMITS = BodyLimits()

CHUNK_BYTES = 2 << 20
"""So much text is stored at once: some 40,000 samples, one commit of the log for them."""

_MAX_WAIT_S = 60.0
"""The longest that an import which is under way waits for the project's rate; a rate that needs more is told with 429."""

_OPENMETRICS = "application/openmetrics-text"
_REFUSED_STATUS = 400
_ENCODINGS = ("gzip", "zstd")

WRITTEN_HEADER = "X-Bongsu-Samples-Written"


class Reader(Protocol):
    """Reads whole lines of one import."""

    def __call__(self, data: bytes, first_line: int) -> LineBatch:
        """Return what the lines say."""
        ...


@dataclass(frozen=True, slots=True)
class _Options:
    """The parameters of an import."""

    labels: dict[str, str]
    timestamp_ms: int
    overwrite: bool


class DataImport:
    """Handlers of imports; all need a key with the scope `write`."""

    def __init__(
        self,
        access: AccessControl,
        open_store: OpenStore,
        metrics: ImportMetrics,
        clock: Clock,
        limits: BodyLimits,
    ) -> None:
        self._access = access
        self._open_store = open_store
        self._metrics = metrics
        self._clock = clock
        self._limits = limits

    async def json_lines(self, request: Request) -> Response:
        """Answer ``/import``: one series a line, as VictoriaMetrics exports them."""
        return await self._import(request, lambda _: read_json_lines)

    async def text(self, request: Request) -> Response:
        """Answer ``/import/prometheus``: OpenMetrics if the content type says so, else Prometheus text."""
        openmetrics = content_type(request) == _OPENMETRICS
        return await self._import(
            request,
            lambda options: TextReader(openmetrics=openmetrics, default_ms=options.timestamp_ms).read,
        )

    async def _import(self, request: Request, make_reader: Callable[[_Options], Reader]) -> Response:
        access = await self._access.require(request, Scope.WRITE)
        options = _read_options(query_parameters(request), self._clock.now_ms())
        store = await in_thread(self._open_store, access)
        importer = Importer(store, self._clock, self._metrics, overwrite=options.overwrite)
        reader = make_reader(options)
        total, line = ImportOutcome(), 1
        async for lines in _line_chunks(_content(request, self._limits), self._limits):
            batch = with_labels(await in_thread(reader, lines, line), options.labels)
            total.add(await self._write(importer, batch, under_way=line > 1))
            line += lines.count(b"\n") + (not lines.endswith(b"\n"))
        return _answer(total)

    async def _write(self, importer: Importer, batch: LineBatch, *, under_way: bool) -> ImportOutcome:
        while True:
            try:
                return await in_thread(importer.write, batch)
            except LimitExceeded as error:
                # The sender of a long body cannot send a part of it again: it is slowed down instead.
                wait = error.retry_after_s
                if not under_way or wait is None or wait > _MAX_WAIT_S:
                    raise
                await self._clock.sleep(wait)


def _read_options(parameters: Parameters, now_ms: int) -> _Options:
    labels = {}
    for text in parameters.texts("extra_label"):
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise invalid_parameter("extra_label", f"{text[:60]!r} is not a label; write it as name=value")
        labels[name] = value
    return _Options(labels, parameters.count("timestamp", now_ms), parameters.flag("overwrite"))


async def _content(request: Request, limits: BodyLimits) -> AsyncIterator[bytes]:
    """Yield the body's content as it arrives."""
    encoding = content_encoding(request)
    if encoding == "zstd":
        raw = await read_raw_body(request, limits)
        try:
            yield await in_thread(decompress_zstd, raw, limits.max_decompressed_bytes)
        except DecompressedTooLarge as error:
            raise BodyTooLarge(f"{error.message}; {limits.advice}") from error
    elif encoding == "gzip":
        stream = GunzipStream()
        async for part in _parts(request, limits):
            for content in stream.add(part):
                yield content
        stream.finish()
    elif encoding == "identity":
        async for part in _parts(request, limits):
            yield part
    else:
        raise UnsupportedMedia(
            f"Content-Encoding is {encoding[:100]!r}; this call takes {', '.join(_ENCODINGS)} or none"
        )


async def _parts(request: Request, limits: BodyLimits) -> AsyncIterator[bytes]:
    """Yield the body as it arrives; whoever stalls is cut off."""
    stream = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(limits.body_timeout_s):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise BodyTimeout(
                f"nothing came for {limits.body_timeout_s:g} s; what came before is stored, send the rest again"
            ) from None
        yield part


async def _line_chunks(content: AsyncIterator[bytes], limits: BodyLimits) -> AsyncIterator[bytes]:
    """Yield whole lines, some megabytes at once."""
    held: list[bytes] = []
    size, has_end = 0, False
    async for part in content:
        held.append(part)
        size += len(part)
        has_end = has_end or b"\n" in part
        # Without the end of a line there is nothing to cut: a long line is joined once, not with every part of it.
        if has_end and size >= CHUNK_BYTES:
            data = b"".join(held)
            end = data.rfind(b"\n") + 1
            yield data[:end]
            held, size, has_end = [data[end:]], len(data) - end, False
        if not has_end and size > limits.max_decompressed_bytes:
            raise BodyTooLarge(
                f"a line has more than {limits.max_decompressed_bytes} bytes; write long series as several lines"
            )
    if size:
        yield b"".join(held)


def _answer(outcome: ImportOutcome) -> Response:
    headers = {WRITTEN_HEADER: str(outcome.written)}
    if not outcome.refused:
        return no_content(headers=headers)
    data = {
        "written": outcome.written,
        "refused": outcome.refused,
        "faults": [
            {"line": fault.line, "id": fault.id, "message": fault.message} for fault in outcome.faults
        ],
    }
    body = {"status": "error", "errorType": "bad_data", "error": outcome.message, "data": data}
    return json_response(body, status=_REFUSED_STATUS, headers=headers)


def import_routes(
    *,
    access: AccessControl,
    open_store: OpenStore,
    metrics: ImportMetrics,
    clock: Clock,
    log: FilteringBoundLogger,
    limits: BodyLimits = IMPORT_LIMITS,
) -> list[BaseRoute]:
    """Return the routes of imports; they come before those of the query side."""
    handlers = DataImport(access, open_store, metrics, clock, limits)
    return [
        Route(f"{PREFIX}/import", Endpoint({"POST": handlers.json_lines}, log)),
        Route(f"{PREFIX}/import/prometheus", Endpoint({"POST": handlers.text}, log)),
    ]
