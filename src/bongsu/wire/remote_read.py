"""
Remote read 1.0: the request's queries, and the answer as samples.

Source: Prometheus' ``prompb/remote.proto`` and ``prompb/types.proto``, of which only field numbers and types are used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.remote_read import MAX_SAMPLE_BYTES, write_samples
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.wire.messages import BadMessage, Message, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_OPS = (MatchOp.EQUAL, MatchOp.NOT_EQUAL, MatchOp.REGEX, MatchOp.NOT_REGEX)
"""Matcher types by their number."""


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """One query: the samples of the matching series in the closed range, in Unix milliseconds."""

    start_ms: int
    end_ms: int
    matchers: tuple[Matcher, ...]


def read_request(data: bytes) -> list[ReadQuery]:
    """
    Return the queries of a ``ReadRequest``; hints and accepted answer types are passed over.

    Raises
    ------
    BadMessage
        If the bytes are not such a message.
    """
    return [_query(query) for query in Message(data, 0, len(data)).messages(1)]


def _query(query: Message) -> ReadQuery:
    matchers = tuple(_matcher(matcher) for matcher in query.messages(3))
    return ReadQuery(signed(query.number(1)), signed(query.number(2)), matchers)


def _matcher(matcher: Message) -> Matcher:
    kind = matcher.number(1)
    if kind >= len(_OPS):
        raise BadMessage(f"a matcher has the type {kind}; 0 to 3 are known")
    return Matcher(matcher.text(2), _OPS[kind], matcher.text(3))


def write_result(
    series: Iterable[tuple[Mapping[str, str], NDArray[np.int64], NDArray[np.float64]]],
) -> bytes:
    """Return one ``QueryResult`` as a field of the ``ReadResponse``: for each series its labels, times and values."""
    return _field(1, b"".join(_field(1, _time_series(*each)) for each in series))


def _time_series(labels: Mapping[str, str], times: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    out = np.empty(len(times) * MAX_SAMPLE_BYTES, dtype=np.uint8)
    used = write_samples(times, values, out)
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in labels.items())
    return b"".join(_field(1, pair) for pair in pairs) + out[:used].tobytes()


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
