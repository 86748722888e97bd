"""The remote read endpoint: raw samples for another Prometheus, or whatever speaks its protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from bongsu.api.body import BodyLimits, content_encoding, read_raw_body
from bongsu.api.errors import BodyTooLarge, UnsupportedMedia
from bongsu.api.prometheus.times import MAX_TIME_MS
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput
from bongsu.query.samples import stored_series
from bongsu.runtime.compress import DecompressedTooLarge, compress_snappy, decompress_snappy
from bongsu.wire.remote_read import read_request, write_result

if TYPE_CHECKING:
    from starlette.requests import Request

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.prometheus.caller import OpenStore

PROTOBUF = "application/x-protobuf"

_LIMITS = BodyLimits(max_body_bytes=1 << 20, max_decompressed_bytes=4 << 20)
"""A request is a handful of selectors."""

MAX_SAMPLES = 5_000_000
"""Samples of one answer, which has to be made whole before it is compressed: some 100 MB."""


class RemoteRead:
    """Handler of ``/read``. Answers are samples, the answer type that every reader takes; native histograms are left out."""

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
        content = await in_thread(self._read, access, body)
        return Response(content, media_type=PROTOBUF, headers={"Content-Encoding": "snappy"})

    def _read(self, access: ProjectAccess, body: bytes) -> bytes:
        try:
            queries = read_request(decompress_snappy(body, _LIMITS.max_decompressed_bytes))
        except DecompressedTooLarge as error:
            raise BodyTooLarge(error.message) from error
        store = self._open_store(access)
        results: list[bytes] = []
        left = MAX_SAMPLES
        for query in queries:
            if not query.matchers:
                raise InvalidInput(
                    "a query of the request has no matchers; send at least one", id="match-missing"
                )
            start_ms, end_ms = max(query.start_ms, -MAX_TIME_MS), min(query.end_ms, MAX_TIME_MS)
            found = list(stored_series(store, query.matchers, start_ms, end_ms, max_samples=left))
            left -= sum(len(series.times) for series in found)
            # Readers merge answers, so they rely on the order of labels.
            found.sort(key=lambda series: list(series.labels.items()))
            results.append(write_result(found))
        return compress_snappy(b"".join(results))
