"""Reading the samples of a running Prometheus, window by window: by remote read, else by its query API."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bongsu.client.transfer.summary import Summary
from bongsu.client.transport import CallFailed
from bongsu.runtime.compress import compress_snappy, decompress_snappy
from bongsu.wire.archive.json_lines import write_series
from bongsu.wire.remote_read_answer import write_messages, write_read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bongsu.client.transfer.cursor import Cursor
    from bongsu.client.transfer.summary import Sink
    from bongsu.model.matchers import Matcher

_HOUR_MS = 3_600_000
_LEAST_WINDOW_MS, _MOST_WINDOW_MS = 60_000, 30 * 24 * _HOUR_MS
_FEW_SAMPLES, _MANY_SAMPLES = 200_000, 2_000_000
"""Windows are made longer below, and shorter above: an answer is held as a whole here and at the other end, some 20 bytes a sample."""

_MAX_ANSWER_BYTES = 1 << 30
_MESSAGE_BYTES = 8 << 20
"""Well below what a server takes (``server.max_body_bytes``, 64 MiB)."""

_TIMEOUT_S = 300.0
_NO_REMOTE_READ = {404, 405, 501}
_TOO_MANY = {400, 413, 422}
"""Statuses by which servers say that a window holds too much."""


class MessageSink(Protocol):
    """Where remote write messages go."""

    def send(self, message: bytes, samples: int) -> Summary:
        """Store a ``WriteRequest`` of version 1 and return when that is durable."""
        ...


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """
    A running Prometheus, or what speaks its API.

    Attributes
    ----------
    url
        What its API is below: ``http://HOST:9090``.
    headers
        Sent with every call, such as Authorization.
    """

    url: str
    headers: Mapping[str, str]

    def oldest_hour(self, now_ms: int) -> int:
        """Return a time at most an hour before the oldest sample, Unix milliseconds, found by halving; `now_ms` when there is none."""
        low, high = 0, now_ms // _HOUR_MS + 1
        if not self._has_samples_until(high * _HOUR_MS):
            return now_ms
        while low < high:
            middle = (low + high) // 2
            if self._has_samples_until(middle * _HOUR_MS):
                high = middle
            else:
                low = middle + 1
        return max(0, high - 1) * _HOUR_MS

    def read(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> bytes:
        """Return the ``ReadResponse`` for a closed range; raises CallFailed."""
        request = write_read_request(matchers, start_ms, end_ms)
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Read-Version": "0.1.0",
        }
        return decompress_snappy(
            self._call("/api/v1/read", compress_snappy(request), headers), _MAX_ANSWER_BYTES
        )

    def query(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        """Return the series of a closed range by a range selector; raises CallFailed."""
        selector = ",".join(map(str, matchers))
        form = {"query": f"{{{selector}}}[{end_ms - start_ms + 1}ms]", "time": f"{end_ms / 1000:.3f}"}
        answer = json.loads(self._call("/api/v1/query", urllib.parse.urlencode(form).encode(), {}))
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def _has_samples_until(self, end_ms: int) -> bool:
        query = urllib.parse.urlencode({"start": "0", "end": f"{end_ms / 1000:.3f}", "limit": "1"})
        return bool(json.loads(self._call(f"/api/v1/labels?{query}", None, {}))["data"])

    def _call(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked by the command
            self.url.rstrip("/") + path, data=body, headers={**headers, **self.headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()[:500].decode(errors="replace").strip()
            raise CallFailed(
                f"{self.url}{path.partition('?')[0]} answered {error.code}: {said}", status=error.code
            ) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise CallFailed(f"cannot reach {self.url}: {getattr(error, 'reason', error)}") from None


@dataclass(slots=True)
class Transfer:
    """
    Hands all samples of a source on.

    Attributes
    ----------
    messages, lines
        Where remote write messages go, and JSON lines when the source has no remote read.
    told
        Called after every window with its end (Unix milliseconds) and what came of all so far.
    histograms_left_out
        Native histograms that the query API cannot give whole.
    """

    source: PrometheusSource
    matchers: Sequence[Matcher]
    messages: MessageSink
    lines: Sink
    told: Callable[[int, Summary], None]
    histograms_left_out: int = 0
    _by_query: bool = False

    def run(self, cursor: Cursor, start_ms: int, end_ms: int) -> Summary:
        """Move the samples of ``[start_ms, end_ms]`` that the cursor has not passed; its place is the next millisecond to read."""
        total = Summary()
        begin, window = max(start_ms, cursor.place), _HOUR_MS
        while begin <= end_ms:
            stop = min(begin + window - 1, end_ms)
            try:
                part, samples = self._window(begin, stop)
            except CallFailed as error:
                if error.status not in _TOO_MANY or window <= _LEAST_WINDOW_MS:
                    raise
                window //= 4
                continue
            total.add(part)
            begin = stop + 1
            cursor.move(begin)
            self.told(stop, total)
            if samples > _MANY_SAMPLES:
                window = max(window // 2, _LEAST_WINDOW_MS)
            elif samples < _FEW_SAMPLES:
                window = min(window * 2, _MOST_WINDOW_MS)
        return total

    def _window(self, start_ms: int, end_ms: int) -> tuple[Summary, int]:
        if not self._by_query:
            try:
                return self._read(start_ms, end_ms)
            except CallFailed as error:
                if error.status not in _NO_REMOTE_READ:
                    raise
                self._by_query = True
        return self._query(start_ms, end_ms)

    def _read(self, start_ms: int, end_ms: int) -> tuple[Summary, int]:
        total, samples = Summary(), 0
        for message in write_messages(self.source.read(self.matchers, start_ms, end_ms), _MESSAGE_BYTES):
            total.add(self.messages.send(*message))
            samples += message.samples
        return total, samples

    def _query(self, start_ms: int, end_ms: int) -> tuple[Summary, int]:
        total, samples = Summary(), 0
        held: list[bytes] = []
        size = 0
        for series in self.source.query(self.matchers, start_ms, end_ms):
            pairs = series.get("values", [])
            self.histograms_left_out += len(series.get("histograms", []))
            if not pairs:
                continue
            times = np.array([round(float(time) * 1000) for time, _ in pairs], dtype=np.int64)
            values = np.array([float(value) for _, value in pairs])
            held.append(write_series(series["metric"], times, values, times[:0]))
            samples += len(pairs)
            size += len(held[-1])
            if size > _MESSAGE_BYTES:
                total.add(self.lines.send(b"".join(held), 1))
                held, size = [], 0
        if held:
            total.add(self.lines.send(b"".join(held), 1))
        return total, samples
