"""
Remote read 1.0: the request's queries, and the answer as samples; `bongsu.wire.remote_read_chunks` has the other kind.

Source: Prometheus' ``prompb/remote.proto`` and ``prompb/types.proto``, of which only field numbers and types are used here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bongsu.kernels.remote_read import MAX_SAMPLE_BYTES, write_samples
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.wire.encode import field as _field
from bongsu.wire.messages import BadMessage, Message, signed
from bongsu.wire.remote_write.histograms import write_histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from bongsu.model.histograms import Histogram

_OPS = (MatchOp.EQUAL, MatchOp.NOT_EQUAL, MatchOp.REGEX, MatchOp.NOT_REGEX)
"""Matcher types by their number."""


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """One query: the samples of the matching series in the closed range, in Unix milliseconds."""

    start_ms: int
    end_ms: int
    matchers: tuple[Matcher, ...]


class AnswerType(enum.IntEnum):
    """How the answer is written; the numbers are those of the protocol."""

    SAMPLES = 0
    STREAMED_XOR_CHUNKS = 1


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The queries, and the answer types that the reader takes, best first; a reader that names none takes samples."""

    queries: tuple[ReadQuery, ...]
    accepted: tuple[AnswerType, ...]


def read_request(data: bytes) -> ReadRequest:
    """
    Return what a ``ReadRequest`` asks; hints, and answer types that are not known here, are passed over.

    Raises
    ------
    BadMessage
        If the bytes are not such a message.
    """
    message = Message(data, 0, len(data))
    queries = tuple(_query(query) for query in message.messages(1))
    wanted = message.numbers(2)
    accepted = tuple(AnswerType(number) for number in wanted if number < len(AnswerType))
    if wanted and not accepted:
        raise BadMessage(
            f"the reader takes answers of the types {wanted[:10]}; known are 0 (samples) and 1 (XOR chunks)"
        )
    return ReadRequest(queries, accepted or (AnswerType.SAMPLES,))


def _query(query: Message) -> ReadQuery:
    matchers = tuple(_matcher(matcher) for matcher in query.messages(3))
    return ReadQuery(signed(query.number(1)), signed(query.number(2)), matchers)


def _matcher(matcher: Message) -> Matcher:
    kind = matcher.number(1)
    if kind >= len(_OPS):
        raise BadMessage(f"a matcher has the type {kind}; 0 to 3 are known")
    return Matcher(matcher.text(2), _OPS[kind], matcher.text(3))


class ReadSeries(Protocol):
    """
    One series of an answer.

    Attributes
    ----------
    times : ndarray of int64, shape (n_samples,)
        Unix milliseconds, increasing.
    values : ndarray of float64, shape (n_samples,)
        Stale markers included.
    histograms
        Native histograms with their times, increasing.
    """

    @property
    def labels(self) -> Mapping[str, str]: ...

    @property
    def times(self) -> NDArray[np.int64]: ...

    @property
    def values(self) -> NDArray[np.float64]: ...

    @property
    def histograms(self) -> Sequence[tuple[int, Histogram]]: ...


def write_result(series: Iterable[ReadSeries]) -> bytes:
    """Return one ``QueryResult`` as a field of the ``ReadResponse``."""
    return _field(1, b"".join(_field(1, _time_series(each)) for each in series))


def _time_series(series: ReadSeries) -> bytes:
    out = np.empty(len(series.times) * MAX_SAMPLE_BYTES, dtype=np.uint8)
    used = write_samples(series.times, series.values, out)
    histograms = [_field(4, write_histogram(value, time)) for time, value in series.histograms]
    return write_labels(series.labels) + out[:used].tobytes() + b"".join(histograms)


def write_labels(labels: Mapping[str, str]) -> bytes:
    """Return the labels of a series, as both kinds of answers begin it."""
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in labels.items())
    return b"".join(_field(1, pair) for pair in pairs)
