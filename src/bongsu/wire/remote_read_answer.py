"""
The reading side of remote read: a request for raw samples, and the answer as remote write messages.

A ``QueryResult`` and a ``WriteRequest`` of version 1 both are a list of ``TimeSeries`` in field 1, so an answer can be handed on without
being understood: native histograms, stale markers and all. Source: Prometheus' ``prompb/remote.proto`` and ``prompb/types.proto``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bongsu.model.matchers import MatchOp
from bongsu.wire.encode import encode_varint, field
from bongsu.wire.messages import read_fields, require_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bongsu.model.matchers import Matcher

_OPS = {MatchOp.EQUAL: 0, MatchOp.NOT_EQUAL: 1, MatchOp.REGEX: 2, MatchOp.NOT_REGEX: 3}
_RESULTS, _SERIES, _SAMPLES, _HISTOGRAMS = 1, 1, 2, 4
_SAMPLES_ANSWER = 0
"""``ReadRequest.ResponseType.SAMPLES``: the whole answer at once."""


class WriteMessage(NamedTuple):
    """A ``WriteRequest`` of version 1, and the samples and histograms in it."""

    data: bytes
    samples: int


def write_read_request(matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> bytes:
    """Return a ``ReadRequest`` with one query for the samples of the matching series in the closed range."""
    query = _number(1, start_ms) + _number(2, end_ms)
    for matcher in matchers:
        content = _number(1, _OPS[matcher.op]) + _text(2, matcher.name) + _text(3, matcher.value)
        query += field(3, content)
    return field(1, query) + _number(2, _SAMPLES_ANSWER)


def write_messages(answer: bytes, max_bytes: int) -> Iterator[WriteMessage]:
    """
    Yield the series of a ``ReadResponse`` as messages of about `max_bytes`; a series is never split.

    Raises
    ------
    BadMessage
        If the bytes are not such an answer.
    """
    held: list[bytes] = []
    size = samples = 0
    for result in read_fields(answer, 0, len(answer)):
        if result[0] != _RESULTS:
            continue
        require_bytes(result)
        for series in read_fields(answer, result[2], result[3]):
            if series[0] != _SERIES:
                continue
            require_bytes(series)
            if held and size + series[3] - series[2] > max_bytes:
                yield WriteMessage(b"".join(held), samples)
                held, size, samples = [], 0, 0
            held.append(field(_SERIES, answer[series[2] : series[3]]))
            size += len(held[-1])
            fields = read_fields(answer, series[2], series[3])
            samples += sum(field[0] in {_SAMPLES, _HISTOGRAMS} for field in fields)
    if held:
        yield WriteMessage(b"".join(held), samples)


def _text(number: int, text: str) -> bytes:
    return field(number, text.encode())


def _number(number: int, value: int) -> bytes:
    return bytes((number << 3,)) + encode_varint(value)
