"""Native histograms of both versions, whose messages are the same but for the start timestamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.model.histograms import ResetHint
from bongsu.wire import encode
from bongsu.wire.messages import Message, signed
from bongsu.wire.native_histograms import HistogramNumbers, build_histogram, write_native

if TYPE_CHECKING:
    from bongsu.model.histograms import Histogram

_NUMBERS = HistogramNumbers(
    count=1,
    float_count=2,
    sum=3,
    schema=4,
    zero_threshold=5,
    zero_count=6,
    float_zero_count=7,
    negative_spans=8,
    negative_deltas=9,
    negative_counts=10,
    positive_spans=11,
    positive_deltas=12,
    positive_counts=13,
    custom_values=16,
)
_RESET_HINT, _TIMESTAMP, _START = 14, 15, 17


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """A native histogram with its timestamp and start timestamp (0 = unknown), Unix milliseconds."""

    value: Histogram
    timestamp: int
    start: int


def read_histogram(data: bytes, begin: int, end: int) -> HistogramSample:
    """
    Return the histogram of the message at ``data[begin:end]``.

    Raises
    ------
    BadMessage
        If the message is malformed.
    """
    message = Message(data, begin, end)
    is_float = _NUMBERS.float_count in message or _NUMBERS.float_zero_count in message
    hint = message.number(_RESET_HINT)
    # Hints beyond the known ones say nothing.
    reset_hint = ResetHint(hint) if hint <= max(ResetHint) else ResetHint.UNKNOWN
    return HistogramSample(
        build_histogram(message, _NUMBERS, is_float=is_float, reset_hint=reset_hint),
        signed(message.number(_TIMESTAMP)),
        signed(message.number(_START)),
    )


def write_histogram(histogram: Histogram, timestamp: int) -> bytes:
    """Return a histogram as the message that `read_histogram` reads."""
    return b"".join(
        (
            write_native(histogram, _NUMBERS),
            encode.number(_RESET_HINT, histogram.reset_hint),
            encode.number(_TIMESTAMP, timestamp),
        )
    )
