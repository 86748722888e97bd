"""Calls over one connection that is kept; threads may share it, and take turns."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bongsu.client.transport import TIMEOUT_S, CallFailed, failure

if TYPE_CHECKING:
    from collections.abc import Mapping

_STALE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)
"""What a connection that the server has closed meanwhile looks like."""


class Session:
    """
    A connection to one server.

    Parameters
    ----------
    url
        Address of the server, with a path if it is behind one.
    key
        A key of the project.
    project
        The projectId that the key must be of; empty takes the key's own.
    """

    def __init__(self, url: str, key: str, *, project: str = "", timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise CallFailed(f"not an HTTP address: {url!r}; write http://HOST:PORT")
        self._url = url.rstrip("/")
        self._base = parts.path.rstrip("/")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self._lock = threading.Lock()
        self._headers = {"Authorization": _authorization(project, key)} if key else {}

    def close(self) -> None:
        """End the connection; the next call makes a new one."""
        with self._lock:
            self._connection.close()

    def call(
        self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """
        Return the body of an answer.

        Every call may be sent twice: once more when the kept connection turns out to be closed. Those of this API that write take no
        harm from that.

        Raises
        ------
        CallFailed
            If the server is not reached, or answers with a status of 400 or above.
        """
        given = {"Accept": "application/json", **self._headers, **(headers or {})}
        with self._lock:
            try:
                status, answer, retry_after = self._send(method, self._base + path, body, given)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise CallFailed(
                    f"cannot reach {self._url}: {error or type(error).__name__}; is the server running?"
                ) from None
        if status >= 400:
            raise failure(status, answer, retry_after)
        return answer

    def call_json(
        self, method: str, path: str, body: bytes = b"", *, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Return the body of an answer as JSON."""
        answer = self.call(method, path, body, headers=headers)
        try:
            return json.loads(answer)
        except ValueError:
            raise CallFailed(f"{self._url} does not answer as Bongsu does: {answer[:100]!r}") from None

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        kept = self._connection.sock is not None
        try:
            return self._send_once(method, path, body, headers)
        except _STALE:
            self._connection.close()
            if not kept:
                raise
        return self._send_once(method, path, body, headers)

    def _send_once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        self._connection.request(method, path, body or None, dict(headers))
        answer = self._connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Retry-After")


def _authorization(project: str, key: str) -> str:
    if not project:
        return f"Bearer {key}"
    return "Basic " + base64.b64encode(f"{project}:{key}".encode()).decode()
