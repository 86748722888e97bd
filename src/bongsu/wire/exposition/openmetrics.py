"""
OpenMetrics text, versions 0.0.1 and 1.0.0, with quoted UTF-8 names.

Stricter than the Prometheus format: one space between words, no blank lines or free comments, ``# EOF`` at the end. What the
standard demands across lines (families in one piece, suffixes by type) is not checked: nothing stored depends on it.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from bongsu.wire.exposition.body import Exposition, FamilyNotes, ParsedExemplar
from bongsu.wire.exposition.errors import ExpositionError, expected
from bongsu.wire.exposition.lexical import (
    BRACES,
    NAME,
    QUOTED,
    decode_text,
    parse_label_set,
    parse_name,
    parse_series,
    parse_value,
    unescape_help,
    with_normal_bounds,
)
from bongsu.wire.exposition.text import explain_sample

if TYPE_CHECKING:
    from collections.abc import Container

TYPES = frozenset(
    {"counter", "gauge", "gaugehistogram", "histogram", "info", "stateset", "summary", "unknown"}
)

_MAX_SECONDS = 2**63 // 1000 - 1
"""Timestamps are kept as int64 milliseconds."""

SAMPLE = re.compile(rb"((?:" + NAME + rb")?" + BRACES + rb"|" + NAME + rb") ([^ {][^ ]*+)(.*)")
_TAIL = re.compile(rb"(?: ([^ #][^ ]*+))?(?: # (" + BRACES + rb") ([^ ]++)(?: ([^ ]++))?)?")
_COMMENT = re.compile(rb"# (HELP|TYPE|UNIT) (" + NAME + rb"|" + QUOTED + rb")(?: (.*))?")


def parse_openmetrics(body: bytes, known: Container[bytes] = ()) -> Exposition:
    """
    Parse a body in the OpenMetrics text format.

    Parameters
    ----------
    known
        Series, as lines write them, that need no parsing again.

    Raises
    ------
    ExpositionError
        At the first line that is not in the format, or when ``# EOF`` is missing or not the last line.
    """
    result = Exposition()
    start = 0
    ended_at = 0
    lines = body.split(b"\n")
    for number, line in enumerate(lines, 1):
        if ended_at and (line or number < len(lines)):
            raise expected(f"nothing after '# EOF' in line {ended_at}", line, number)
        match = SAMPLE.fullmatch(line)
        if match is not None:
            series, value, tail = match.groups()
            row = len(result.series)
            if series not in known and series not in result.labels:
                result.labels[series] = with_normal_bounds(parse_series(series, number), result.type)
            if tail:
                timestamp, exemplar = parse_openmetrics_tail(tail, number)
                if timestamp is not None:
                    result.timestamps[row] = timestamp
                if exemplar is not None:
                    result.exemplars.append((row, exemplar))
            result.values.append(parse_value(value, number))
            result.series.append(series)
            result.value_starts.append(start + match.start(2))
            result.line_ends.append(start + len(line))
        elif line == b"# EOF":
            ended_at = number
        elif not ended_at:
            parse_comment(line, number, len(lines), result)
        start += len(line) + 1
    if not ended_at:
        raise ExpositionError("expected '# EOF' at the end: the body is cut off", line=len(lines))
    return result


def parse_openmetrics_tail(tail: bytes, line: int) -> tuple[int | None, ParsedExemplar | None]:
    """Return the timestamp (Unix milliseconds) and the exemplar that follow a value."""
    match = _TAIL.fullmatch(tail)
    if match is None:
        raise expected(
            "a timestamp in seconds, an exemplar such as '# {id=\"1\"} 1' or the end of the line", tail, line
        )
    seconds, labels, value, exemplar_seconds = match.groups()
    timestamp = None if seconds is None else _parse_seconds(seconds, line)
    if labels is None:
        return timestamp, None
    return timestamp, ParsedExemplar(
        parse_label_set(labels[1:-1], line),
        parse_value(value, line),
        None if exemplar_seconds is None else _parse_seconds(exemplar_seconds, line),
    )


def _parse_seconds(text: bytes, line: int) -> int:
    seconds = parse_value(text, line)
    if not math.isfinite(seconds) or abs(seconds) > _MAX_SECONDS:
        raise expected("a finite timestamp in Unix seconds", text, line)
    return round(seconds * 1000)


def parse_comment(line: bytes, number: int, last: int, result: Exposition) -> None:
    """Take what a line says that is neither a sample nor the end mark; `last` is the number of the body's last line."""
    if not line:
        what = (
            "'# EOF' at the end: the body is cut off"
            if number == last
            else "a sample or a comment, not a blank line"
        )
        raise ExpositionError(f"expected {what}", line=number)
    if line[:1] != b"#":
        raise explain_sample(line, number)
    comment = _COMMENT.fullmatch(line)
    if comment is None:
        raise expected(
            "one of '# HELP name text', '# TYPE name type', '# UNIT name unit', '# EOF'", line, number
        )
    keyword, raw_name, text = comment[1], comment[2], decode_text(comment[3] or b"", number)
    name = parse_name(raw_name, number)
    notes = result.families.setdefault(name, FamilyNotes())
    if keyword == b"HELP":
        notes.help = unescape_help(text, quotes=True)
    elif keyword == b"UNIT":
        notes.unit = _checked_unit(name, text, number)
    elif text in TYPES:
        notes.type = result.type = text
    else:
        raise expected(f"one of the types {', '.join(sorted(TYPES))}", text.encode(), number)


def _checked_unit(name: str, unit: str, line: int) -> str:
    if unit and not name.endswith("_" + unit):
        raise ExpositionError(
            f"expected a metric name that ends with its unit '_{unit}', got {name!r}", line=line
        )
    return unit
