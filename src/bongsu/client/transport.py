"""One JSON call over HTTP, with errors that say what the server said."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from bongsu.model.errors import BongsuError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 30.0
"""Longest wait for an answer; control calls take milliseconds, so this only meets a server that hangs."""


class CallFailed(BongsuError):
    """The server could not be reached, or refused the call; `status` is 0 when it was not reached."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message, id="call-failed")
        self.status = status


def call_json(
    method: str, url: str, *, headers: Mapping[str, str], body: object = None, timeout_s: float = TIMEOUT_S
) -> Any:
    """
    Return the JSON answer of one call; None when the answer is empty.

    Raises
    ------
    CallFailed
        If the server is not reached, or answers with a status of 400 or above.
    """
    if not url.startswith(("http://", "https://")):
        raise CallFailed(f"not an HTTP address: {url!r}; write http://HOST:PORT")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        url, data=data, method=method, headers={"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - as above
            text = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise CallFailed(_reason(error.code, error.read()), status=error.code) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise CallFailed(f"cannot reach {url}: {reason}; is the server running?") from None
    return json.loads(text) if text else None


def _reason(status: int, body: bytes) -> str:
    try:
        answer = json.loads(body)
    except ValueError:
        return f"HTTP {status}: {body[:200].decode(errors='replace')}"
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        return str(error.get("message", error))
    return str(error or answer)
