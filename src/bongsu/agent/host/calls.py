"""HTTP calls to the server, with errors that say what the server said."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from bongsu.model.errors import BongsuError, InvalidInput

TIMEOUT_S = 10.0
"""The server answers in milliseconds; this meets one that hangs."""


class CallFailed(BongsuError):
    """
    A call failed.

    Attributes
    ----------
    status
        0 when the server was not reached.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message, id="call-failed")
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same call may succeed later: the server is away, busy or starting."""
        return self.status == 0 or self.status in {408, 429} or self.status >= 500


@dataclass(frozen=True, slots=True)
class ServerCalls:
    """
    Calls with one key.

    Attributes
    ----------
    url
        Address of the server, ``http://HOST:PORT``.
    """

    url: str
    key: str

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InvalidInput(
                f"not an HTTP address: {self.url!r}; write http://HOST:PORT", id="agent-no-server"
            )

    def post_json(self, path: str, document: object) -> Any:
        """Return the JSON answer of a call, or raise `CallFailed`."""
        text = self._post(path, json.dumps(document).encode(), {"Content-Type": "application/json"})
        try:
            return json.loads(text)
        except ValueError:
            raise CallFailed(f"{self.url}{path} does not answer as this API does", status=502) from None

    def push(self, body: bytes) -> None:
        """Send a remote write 1.0 request, compressed already, or raise `CallFailed`."""
        headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        self._post("/prometheus/api/v1/write", body, headers)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url.rstrip("/") + path, body, {"X-TC-APP-KEY": self.key, **headers}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                text: bytes = answer.read()
                return text
        except urllib.error.HTTPError as error:
            with error:
                raise CallFailed(_reason(error.code, error.read()), status=error.code) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise CallFailed(f"cannot reach {self.url}: {reason}") from None


def _reason(status: int, body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {body[:200].decode(errors='replace')}"
