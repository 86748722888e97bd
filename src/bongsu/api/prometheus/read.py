"""The remote read endpoint: raw samples, or chunks of them, for another Prometheus or whatever speaks its protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from bongsu.api.body import BodyLimits, content_encoding, read_raw_body
from bongsu.api.errors import BodyTooLarge, UnsupportedMedia
from bongsu.api.prometheus.times import MAX_TIME_MS
from bongsu.api.streaming import parts_response
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput
from bongsu.query.samples import stored_series
from bongsu.runtime.compress import DecompressedTooLarge, compress_snappy, decompress_snappy
from bongsu.wire.remote_read import AnswerType, read_request, write_result
from bongsu.wire.remote_read_chunks import ChunkStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import Request

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.prometheus.caller import OpenStore
    from bongsu.storage.contract import ProjectStore
    from bongsu.wire.remote_read import ReadQuery

PROTOBUF = "application/x-protobuf"

_LIMITS = BodyLimits(max_body_bytes=1 << 20, max_decompressed_bytes=4 << 20)
"""A request is a handful of selectors."""

STREAMED = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"

MAX_SAMPLES = 5_000_000
"""Samples of an answer of samples, which has to be made whole before it is compressed: some 100 MB."""

MAX_STREAMED_SAMPLES = 50_000_000
"""Samples of a streamed answer, whose frames are made as they are sent; the bound that Prometheus has for both."""


class RemoteRead:
    """
    Handler of ``/read``.

    Answers are of the kind that the reader names first: a stream of chunks, whose size has no bound in memory, or samples.
    """

    def __init__(self, access: AccessControl, open_store: OpenStore) -> None:
        self._access = access
        self._open_store = open_store

    async def read(self, request: Request) -> Response:
        """Answer the queries of a ``ReadRequest``, in their order."""
        access = await self._access.require(request, Scope.READ)
        encoding = content_encoding(request)
        if encoding not in {"snappy", "identity"}:
            raise UnsupportedMedia(f"Content-Encoding is {encoding!r}; remote read sends snappy")
        body = await read_raw_body(request, _LIMITS)
        # Older readers compress without saying so.
        return await in_thread(self._read, access, body)

    def _read(self, access: ProjectAccess, body: bytes) -> Response:
        try:
            asked = read_request(decompress_snappy(body, _LIMITS.max_decompressed_bytes))
        except DecompressedTooLarge as error:
            raise BodyTooLarge(error.message) from error
        if not all(query.matchers for query in asked.queries):
            raise InvalidInput(
                "a query of the request has no matchers; send at least one", id="match-missing"
            )
        store = self._open_store(access)
        if asked.accepted[0] is AnswerType.STREAMED_XOR_CHUNKS:
            return parts_response(_frames(store, asked.queries), media_type=STREAMED)
        content = compress_snappy(b"".join(_results(store, asked.queries)))
        return Response(content, media_type=PROTOBUF, headers={"Content-Encoding": "snappy"})


def _results(store: ProjectStore, queries: Sequence[ReadQuery]) -> Iterator[bytes]:
    left = MAX_SAMPLES
    for query in queries:
        found = list(stored_series(store, query.matchers, *_range(query), max_samples=left))
        left -= sum(len(series.times) + len(series.histograms) for series in found)
        yield write_result(found)


def _frames(store: ProjectStore, queries: Sequence[ReadQuery]) -> Iterator[bytes]:
    stream = ChunkStream()
    left = MAX_STREAMED_SAMPLES
    for place, query in enumerate(queries):
        for series in stored_series(store, query.matchers, *_range(query), max_samples=left):
            left -= len(series.times)
            yield from stream.frames(place, series)


def _range(query: ReadQuery) -> tuple[int, int]:
    return max(query.start_ms, -MAX_TIME_MS), min(query.end_ms, MAX_TIME_MS)
