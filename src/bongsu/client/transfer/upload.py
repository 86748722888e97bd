"""Sending samples to a running server, patiently: what is refused for the moment is sent again."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from email.message import Message
from typing import TYPE_CHECKING

from bongsu.client.transfer.summary import Fault, Summary
from bongsu.client.transport import CallFailed
from bongsu.runtime.compress import compress_gzip, compress_snappy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEOUT_S = 300.0
_MAX_TRIES = 20
_LATER = (429, 500, 502, 503, 504)
"""Statuses after which the same samples may be sent again; doing so is harmless, stored ones are met as exact repetitions."""
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_WRITTEN = "X-Bongsu-Samples-Written"
_MEDIA_TYPES = {
    "json": "application/stream+json",
    "openmetrics": "application/openmetrics-text",
    "prometheus": "text/plain",
}


class Uploader:
    """
    Calls the write and import endpoints of one project.

    Parameters
    ----------
    url
        The server, ``http://HOST:PORT``.
    key
        A key with the scope `write`.
    told
        Takes a sentence when it has to wait.
    sleep
        How it waits.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        told: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise CallFailed(f"not an HTTP address: {url!r}; write http://HOST:PORT")
        self._base = f"{url.rstrip('/')}/prometheus/api/v1"
        self._key = key
        self._told = told
        self._sleep = sleep

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, Message]:
        """
        Return status, body and headers of an answer that is final.

        Raises
        ------
        CallFailed
            If the server is not reached, or asks to come again later too often.
        """
        pause = _PAUSE_S
        for tries in range(_MAX_TRIES):
            try:
                status, content, answered = self._call(path, body, headers)
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                reason = getattr(error, "reason", error)
                if tries == _MAX_TRIES - 1:
                    raise CallFailed(f"cannot reach {self._base}: {reason}; is the server running?") from None
                status, content, answered = 0, str(reason).encode(), Message()
            if status and status not in _LATER:
                return status, content, answered
            wait = max(_seconds(answered.get("Retry-After")), pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            self._told(
                f"the server says {status or 'nothing'}: {content[:200].decode(errors='replace')}; again in {wait:.0f} s"
            )
            self._sleep(wait)
        raise CallFailed(
            f"the server answered {status} {_MAX_TRIES} times: {content[:500].decode(errors='replace')}",
            status=status,
        )

    def _call(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, Message]:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
            self._base + path, data=body, headers={"X-TC-APP-KEY": self._key, **headers}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers


class LineUpload:
    """A `Sink` that sends lines of one format to a server, with the comment lines that later chunks would miss."""

    def __init__(self, uploader: Uploader, format: str, *, overwrite: bool) -> None:  # noqa: A002
        self._uploader = uploader
        self._format = format
        self._path = "/import" if format == "json" else "/import/prometheus"
        if overwrite:
            self._path += "?overwrite=true"
        self._type = b""

    def send(self, lines: bytes, first_line: int) -> Summary:
        """Store whole lines and return when that is durable; raises CallFailed when the server will not have them at all."""
        headers = {"Content-Type": _MEDIA_TYPES[self._format], "Content-Encoding": "gzip"}
        # A type governs the lines that follow it, in the next chunk too.
        prefix = self._type
        status, content, answered = self._uploader.post(
            self._path, compress_gzip(prefix + lines, level=1), headers
        )
        if self._format != "json":
            self._type = last_type(lines) or self._type
        written = int(answered.get(_WRITTEN) or 0)
        if status == 204:
            return Summary(written)
        try:
            data = json.loads(content)["data"]
            faults = [
                Fault(fault["line"] + first_line - 1 - prefix.count(b"\n"), fault["message"])
                for fault in data["faults"]
            ]
            return Summary(written, data["refused"], faults)
        except (ValueError, KeyError, TypeError):
            raise CallFailed(
                f"HTTP {status}: {content[:500].decode(errors='replace')}", status=status
            ) from None

    def pass_over(self, lines: bytes) -> None:
        """Take note of the type that governs the lines after these."""
        if self._format != "json":
            self._type = last_type(lines) or self._type


class WriteUpload:
    """Sends remote write requests of version 1, as they are."""

    def __init__(self, uploader: Uploader) -> None:
        self._uploader = uploader

    def send(self, message: bytes, samples: int) -> Summary:
        """Store a ``WriteRequest`` that has so many samples; raises CallFailed when the server will not have it at all."""
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        status, content, _ = self._uploader.post("/write", compress_snappy(message), headers)
        if status in {200, 204}:
            return Summary(samples)
        if status == 400:
            # Partly refused, or wholly; version 1 has no counts, and the text has the first reasons.
            return Summary(0, samples, [Fault(0, content.decode(errors="replace").strip())])
        raise CallFailed(f"HTTP {status}: {content[:500].decode(errors='replace')}", status=status)


def last_type(lines: bytes) -> bytes:
    """Return the last line that declares a type, with its end; empty when there is none."""
    at = lines.rfind(b"\n# TYPE ")
    if at < 0:
        if not lines.startswith(b"# TYPE "):
            return b""
        at = -1
    end = lines.find(b"\n", at + 1)
    return lines[at + 1 : end] + b"\n" if end >= 0 else b""


def _seconds(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
