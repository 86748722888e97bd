"""The Prometheus text format, versions 0.0.4 and 1.0.0 (which adds quoted UTF-8 names)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bongsu.wire.exposition.body import Exposition, FamilyNotes
from bongsu.wire.exposition.errors import expected
from bongsu.wire.exposition.lexical import (
    BRACES,
    NAME,
    QUOTED,
    decode_text,
    parse_name,
    parse_series,
    parse_value,
    unescape_help,
    with_normal_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Container

TYPES = {
    "counter": "counter",
    "gauge": "gauge",
    "histogram": "histogram",
    "summary": "summary",
    "untyped": "unknown",
}
"""Types of this format, and the OpenMetrics name of each."""

SAMPLE = re.compile(
    rb"[ \t]*+((?:"
    + NAME
    + rb")?[ \t]*+"
    + BRACES
    + rb"|"
    + NAME
    + rb"(?=[ \t]))[ \t]*+([^ \t{][^ \t]*+)(.*)"
)
_TAIL = re.compile(rb"(?:[ \t]++(-?[0-9]{1,18}))?[ \t]*+")
_COMMENT = re.compile(rb"[ \t]*#[ \t]+(HELP|TYPE)[ \t]+(.*)")
_SUBJECT = re.compile(rb"(" + NAME + rb"|" + QUOTED + rb")(?:[ \t](.*))?")


def parse_text(body: bytes, known: Container[bytes] = ()) -> Exposition:
    """
    Parse a body in the Prometheus text format.

    Parameters
    ----------
    known
        Series, as lines write them, that need no parsing again.

    Raises
    ------
    ExpositionError
        At the first line that is not in the format.
    """
    result = Exposition()
    start = 0
    for number, line in enumerate(body.split(b"\n"), 1):
        match = SAMPLE.fullmatch(line)
        if match is not None:
            series, value, tail = match.groups()
            if series not in known and series not in result.labels:
                result.labels[series] = with_normal_bounds(parse_series(series, number), result.type)
            if tail:
                timestamp = parse_text_tail(tail, number)
                if timestamp is not None:
                    result.timestamps[len(result.series)] = timestamp
            result.values.append(parse_value(value, number))
            result.series.append(series)
            result.value_starts.append(start + match.start(2))
            result.line_ends.append(start + len(line))
        elif line:
            parse_comment(line, number, result)
        start += len(line) + 1
    return result


def parse_text_tail(tail: bytes, line: int) -> int | None:
    """Return the timestamp in Unix milliseconds that follows a value, or None."""
    match = _TAIL.fullmatch(tail)
    if match is None:
        raise expected("a timestamp in whole milliseconds or the end of the line", tail.strip(b" \t"), line)
    return None if match[1] is None else int(match[1])


def parse_comment(line: bytes, number: int, result: Exposition) -> None:
    """Take what a line says that is no sample; raise ExpositionError when it says nothing."""
    stripped = line.strip(b" \t")
    if stripped[:1] == b"#":
        comment = _COMMENT.fullmatch(line)
        if comment is not None:
            _parse_note(comment[1], comment[2], number, result)
    elif stripped:
        raise explain_sample(stripped, number)


def _parse_note(keyword: bytes, rest: bytes, number: int, result: Exposition) -> None:
    subject = _SUBJECT.fullmatch(rest)
    if subject is None:
        raise expected(f"a metric name after {keyword.decode()}", rest, number)
    notes = result.families.setdefault(parse_name(subject[1], number), FamilyNotes())
    text = decode_text(subject[2] or b"", number)
    if keyword == b"HELP":
        notes.help = unescape_help(text, quotes=False)
        return
    kind = TYPES.get(text.strip(" \t"))
    if kind is None:
        raise expected(f"one of the types {', '.join(TYPES)}", subject[2] or b"", number)
    notes.type = result.type = kind


_STARTS = re.compile(rb"(" + NAME + rb")?[ \t]*(\{)?")
_LABELLED = re.compile(rb"(?:" + NAME + rb")?[ \t]*" + BRACES)


def explain_sample(line: bytes, number: int) -> Exception:
    """Return the error that says what a sample line lacks."""
    start = _STARTS.match(line)
    if start is None or not start[0].strip(b" \t"):
        return expected("a metric name or a comment", line, number)
    if start[2] and not _LABELLED.match(line):
        return expected("labels that end with '}', and quotes that are closed", line, number)
    return expected("a blank and a value after the series", line, number)
