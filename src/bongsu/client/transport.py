"""One call over HTTP, with errors that say what the server said."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Any

from bongsu.model.errors import BongsuError
from bongsu.runtime.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TIMEOUT_S = 30.0
"""Longest wait for an answer; control calls take milliseconds, so this only meets a server that hangs."""


DOWNLOAD_TIMEOUT_S = 300.0
"""Longest wait for a part of a download: the first may need all of a large store's head to be saved."""

_PART_BYTES = 1 << 20


class CallFailed(BongsuError):
    """
    The server could not be reached, or refused the call.

    Attributes
    ----------
    status
        Of the answer; 0 when the server was not reached.
    kind
        The server's own word for what went wrong (``errorType``, or an error id); empty when it gave none.
    retry_after_s
        Seconds after which the same call may pass; None when the server did not say.
    """

    def __init__(
        self, message: str, *, status: int = 0, kind: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, id="call-failed")
        self.status = status
        self.kind = kind
        self.retry_after_s = retry_after_s


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
    data = None if body is None else json.dumps(body).encode()
    with _opened(method, url, {"Content-Type": "application/json", **headers}, data, timeout_s) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def download(
    url: str,
    file: Path,
    *,
    headers: Mapping[str, str],
    told: Callable[[int], None],
    timeout_s: float = DOWNLOAD_TIMEOUT_S,
) -> None:
    """
    Save the answer of a GET as a file: wholly, or not at all.

    Parameters
    ----------
    told
        Hears how many bytes came, part by part.

    Raises
    ------
    CallFailed
        If the server is not reached, answers with a status of 400 or above, or breaks off.
    """
    with _opened("GET", url, headers, None, timeout_s) as answer:
        write_whole(file, _parts(answer, told))


def _parts(answer: IO[bytes], told: Callable[[int], None]) -> Iterator[bytes]:
    while part := answer.read(_PART_BYTES):
        told(len(part))
        yield part


@contextlib.contextmanager
def _opened(
    method: str, url: str, headers: Mapping[str, str], data: bytes | None, timeout_s: float
) -> Iterator[IO[bytes]]:
    """Give the body of a good answer; failures while it is read are failures of the call too."""
    if not url.startswith(("http://", "https://")):
        raise CallFailed(f"not an HTTP address: {url!r}; write http://HOST:PORT")
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        url, data=data, method=method, headers=dict(headers)
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - as above
            yield answer
    except urllib.error.HTTPError as error:
        with error:
            raise failure(error.code, error.read(), error.headers.get("Retry-After")) from None
    except http.client.HTTPException as error:
        raise CallFailed(f"{url} broke off its answer: {error!r}; try again") from None
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise CallFailed(f"cannot reach {url}: {reason}; is the server running?") from None


def failure(status: int, body: bytes, retry_after: str | None = None) -> CallFailed:
    """Return the error of an answer with a bad status, in the server's words where it has any."""
    message, kind = _reason(status, body)
    seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    return CallFailed(message, status=status, kind=kind, retry_after_s=seconds)


def _reason(status: int, body: bytes) -> tuple[str, str]:
    try:
        answer = json.loads(body)
    except ValueError:
        return f"HTTP {status}: {body[:2000].decode(errors='replace').strip()}", ""
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict):
        return str(error.get("message", error)), str(error.get("id", ""))
    return str(error or answer), str(answer.get("errorType", "")) if isinstance(answer, dict) else ""
