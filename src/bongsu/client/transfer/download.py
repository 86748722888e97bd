"""Taking an export from a running server, as it comes."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING

from bongsu.client.transport import CallFailed
from bongsu.runtime.compress import GunzipStream

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_S = 300.0
_READ_BYTES = 1 << 20


def download_export(url: str, key: str, query: str, file: IO[bytes], told: Callable[[int], object]) -> int:
    """
    Write an export into a file and return how many native histograms its format had no place for.

    Parameters
    ----------
    query
        The call's parameters, as a URL has them.
    told
        Called with the bytes that were written.

    Raises
    ------
    CallFailed
        If the server is not reached, refuses, or breaks off.
    """
    if not url.startswith(("http://", "https://")):
        raise CallFailed(f"not an HTTP address: {url!r}; write http://HOST:PORT")
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
        f"{url.rstrip('/')}/prometheus/api/v1/export?{query}",
        headers={"X-TC-APP-KEY": key, "Accept-Encoding": "gzip"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            _copy(answer, file, told, is_gzip=answer.headers.get("Content-Encoding") == "gzip")
            return int(answer.headers.get("X-Bongsu-Histograms-Left-Out") or 0)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read()[:2000].decode(errors="replace")
        raise CallFailed(f"HTTP {error.code}: {said}", status=error.code) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise CallFailed(f"the export from {url} broke off: {getattr(error, 'reason', error)!r}") from None


def _copy(answer: IO[bytes], file: IO[bytes], told: Callable[[int], object], *, is_gzip: bool) -> None:
    stream = GunzipStream() if is_gzip else None
    written = 0
    while part := answer.read(_READ_BYTES):
        for content in stream.add(part) if stream is not None else (part,):
            file.write(content)
            written += len(content)
        told(written)
    if stream is not None:
        stream.finish()
