"""What is asked of the engine: one moment, or a range of steps."""

from __future__ import annotations

from dataclasses import dataclass

from bongsu.model.errors import InvalidInput

MAX_POINTS = 11_000
"""Most steps of a range query: enough for a minute's resolution over a week, or an hour's over a year, as in Prometheus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstantQuery:
    """
    A query at one moment.

    Attributes
    ----------
    time_ms
        Unix milliseconds.
    timeout_ms
        Time that the caller gives it; the server's own limit holds in any case. None: that limit.
    lookback_ms
        How far a selector looks back; None: the engine's default.
    traced
        Whether the answer tells its plan and what each step of it cost.
    """

    text: str
    time_ms: int
    timeout_ms: int | None = None
    lookback_ms: int | None = None
    traced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeQuery:
    """
    A query at every step from `start_ms` to at most `end_ms`; the other fields as in `InstantQuery`.

    Attributes
    ----------
    cached
        Whether what is known of an earlier answer may be used.

    Raises
    ------
    InvalidInput
        If the range is empty, the step is not positive, or there are more than `MAX_POINTS` steps.
    """

    text: str
    start_ms: int
    end_ms: int
    step_ms: int
    timeout_ms: int | None = None
    lookback_ms: int | None = None
    traced: bool = False
    cached: bool = True

    @property
    def last_ms(self) -> int:
        """The last step."""
        return self.end_ms - (self.end_ms - self.start_ms) % self.step_ms

    def __post_init__(self) -> None:
        if self.end_ms < self.start_ms:
            raise _invalid('invalid parameter "end": end timestamp must not be before start time')
        if self.step_ms <= 0:
            raise _invalid(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer"
            )
        if (self.end_ms - self.start_ms) // self.step_ms > MAX_POINTS:
            raise _invalid(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, id="invalid-parameter")
