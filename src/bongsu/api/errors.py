"""
From errors to HTTP: kinds that only the edge knows, one closed table of statuses, one guard around every handler.

Each API renders its own envelope; the status, the headers and the words come from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from bongsu.control.errors import AlreadyExists
from bongsu.model.errors import BongsuError, InvalidInput, LimitExceeded, NotFound, Unavailable
from bongsu.promql.errors import ExecutionError, QueryCancelled, QueryTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from structlog.typing import FilteringBoundLogger

    Handler = Callable[[Request], Awaitable[Response]]


class Unauthorized(BongsuError):
    """No key, or an unknown, revoked or expired one."""


class Forbidden(BongsuError):
    """A good key, but for another project or without the scope."""


class MethodNotAllowed(BongsuError):
    """
    The path exists, the method does not.

    Parameters
    ----------
    allowed
        The methods that the path has.
    """

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message, id="method-not-allowed")
        self.allowed = allowed


class BodyTooLarge(BongsuError):
    """The body is over a named limit, as sent or after decompression."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="body-too-large")


class UnsupportedMedia(BongsuError):
    """The body's type or compression is not one that this call takes."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unsupported-media")


class BodyTimeout(BongsuError):
    """The client did not send its body in time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="body-timeout")


STATUSES: Mapping[type[BongsuError], int] = {
    Unauthorized: 401,
    Forbidden: 403,
    MethodNotAllowed: 405,
    BodyTimeout: 408,
    BodyTooLarge: 413,
    UnsupportedMedia: 415,
    AlreadyExists: 409,
    InvalidInput: 400,
    NotFound: 404,
    # 429 invites a retry; where waiting does not help, `failure_of` answers 422 instead.
    LimitExceeded: 429,
    ExecutionError: 422,
    # 503 and not 504: Grafana reads the cause from JSON only with 400, 422 and 503.
    QueryTimeout: 503,
    QueryCancelled: 499,
    Unavailable: 503,
    BongsuError: 500,
}
"""Status of every kind; an error has that of its nearest base."""

UNPROCESSABLE = 422
RETRY_WHEN_UNAVAILABLE_S = 5
"""Long enough for a restart or a full disk's first relief, short enough that senders' buffers last."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What every envelope needs to know of an error."""

    status: int
    id: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


INTERNAL = Failure(
    500, "internal", "the server failed on this request; the cause is in its log, under the same error id"
)


def failure_of(error: BaseException) -> Failure:
    """Return how an error is told over HTTP; what is not ours is told as internal, without its text."""
    if not isinstance(error, BongsuError):
        return INTERNAL
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    if isinstance(error, LimitExceeded) and error.retry_after_s is None:
        status = UNPROCESSABLE
    return Failure(status, error.id, error.message, _headers_of(error))


def _headers_of(error: BongsuError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        # RFC 9110, 11.6.1: a 401 names a scheme. Not Basic: browsers would open a dialog.
        return {"WWW-Authenticate": 'Bearer realm="bongsu"'}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    if isinstance(error, LimitExceeded) and error.retry_after_s is not None:
        return {"Retry-After": str(max(1, round(error.retry_after_s)))}
    if isinstance(error, Unavailable):
        return {"Retry-After": str(RETRY_WHEN_UNAVAILABLE_S)}
    return {}


def guard(handler: Handler, *, render: Callable[[Failure], Response], log: FilteringBoundLogger) -> Handler:
    """
    Return the handler with every error turned into the API's own envelope.

    Parameters
    ----------
    render
        Makes the answer; it adds `Failure.headers` to it.
    log
        Told of failures that are the server's (status 500) with their traceback; a client's mistakes are counted, not
        logged, because any client could fill the log with them.
    """

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it; the status is for the access log
        except Exception as error:
            failure = failure_of(error)
            if failure.status == INTERNAL.status:
                log.exception("request failed", path=request.url.path, error_id=failure.id)
            return render(failure)

    return guarded
