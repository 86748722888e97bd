"""How a scrape went, and who wants to know."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from bongsu.model.errors import BongsuError

CONNECTION_REFUSED = "connection refused"
"""What a target's owner reads when nothing listens."""
_UNREACHABLE, _REFUSED = -1, -2
_FIRST_ERROR_STATUS = 300


class Health(enum.StrEnum):
    """Whether the newest scrape of a target succeeded."""

    UP = "up"
    DOWN = "down"


class Failure(enum.StrEnum):
    """Why a scrape failed; the reason label of ``bongsu_scrape_failures_total``."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    HTTP = "http"
    REDIRECT = "redirect"
    BODY_LIMIT = "body-limit"
    SAMPLE_LIMIT = "sample-limit"
    LABEL_LIMIT = "label-limit"
    BUCKET_LIMIT = "bucket-limit"
    REFUSED = "refused"
    NOT_ALLOWED = "not-allowed"
    TOKEN = "token"  # noqa: S105 - a reason
    OVERLOAD = "overload"
    FORMAT = "format"
    STORE = "store"
    INTERNAL = "internal"


class ScrapeFailed(BongsuError):
    """
    A scrape failed; the message is what the target's owner reads.

    Parameters
    ----------
    samples, relabelled
        Samples in the body, and those that relabelling left, as far as it was read.
    """

    def __init__(
        self,
        message: str,
        failure: Failure,
        *,
        http_status: int | None = None,
        samples: int = 0,
        relabelled: int = 0,
    ) -> None:
        super().__init__(message, id=f"scrape-{failure.value}")
        self.failure = failure
        self.http_status = http_status
        self.samples = samples
        self.relabelled = relabelled


@dataclass(frozen=True, slots=True)
class ScrapeOutcome:
    """
    The newest scrape of a target.

    Attributes
    ----------
    time_ms
        When it started, Unix milliseconds: the timestamp of its samples.
    http_status
        Status of the answer, None when there was none.
    error
        Empty when `health` is up; else words such as ``connection refused`` or ``HTTP 503 Service Unavailable``.
    samples
        Samples in the body; 0 when it could not be read.
    dropped
        Samples of a good body that were not stored (in the future, given twice, refused by a limit of the project).
    warning
        Why the first of them was dropped.
    failure
        The kind of `error`; None for a good scrape, and where nobody told.
    """

    target_id: str
    time_ms: int
    duration_s: float
    health: Health
    http_status: int | None = None
    error: str = ""
    samples: int = 0
    dropped: int = 0
    warning: str = ""
    failure: Failure | None = None


def result_code(outcome: ScrapeOutcome) -> int:
    """
    Return an outcome as the workspace API's ``resultCd``.

    0 for a good scrape, the status of an HTTP error, -2 where the machine refused the connection (it runs, and nothing listens), and -1
    for every other way to give no answer, or none that can be used.
    """
    if outcome.health is Health.UP:
        return 0
    status = outcome.http_status
    if status is not None and status >= _FIRST_ERROR_STATUS:
        return status
    return _REFUSED if outcome.error == CONNECTION_REFUSED else _UNREACHABLE


class OutcomeSink(Protocol):
    """Who keeps the outcomes."""

    def record(self, outcome: ScrapeOutcome) -> None:
        """Take one outcome; called on the event loop after every scrape, so it must not block."""
        ...
