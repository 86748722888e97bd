"""
Scripts of the promqltest language, read into commands.

``clear``, ``load STEP`` and ``load_with_nhcb STEP`` with series, ``eval instant`` and ``eval range`` with expectations; the older
``eval_fail``, ``eval_warn``, ``eval_info`` and ``eval_ordered`` too. A blank line or a comment ends a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.promql.promqltest.notation import (
    Cell,
    Labels,
    begins_with_series,
    parse_series,
    parse_values,
)

from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput
from bongsu.promql.parser.strings import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOAD = re.compile(r"load(?P<nhcb>_with_nhcb)?\s+(?P<step>\S+)")
_INSTANT = re.compile(
    r"eval(?:_(?P<kind>fail|warn|info|ordered))?\s+instant\s+(?:at\s+(?P<time>\S+)\s+)?(?P<text>.+)"
)
_RANGE = re.compile(
    r"eval(?:_(?P<kind>fail|warn|info))?\s+range\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)\s+(?P<text>.+)"
)
_EXPECT = re.compile(
    r"expect\s+(?P<what>ordered|fail|warn|no_warn|info|no_info)(?:\s+(?P<how>msg|regex):\s*(?P<text>.*))?"
)
_EXPECT_STRING = re.compile(r"expect\s+string\s+(?P<text>.+)")
_EXPECT_RANGES = re.compile(
    r"expect\s+range\s+vector\s+from\s+(?P<start>\S+)\s+to\s+(?P<end>\S+)\s+step\s+(?P<step>\S+)"
)
_STARTS = re.compile(r"@?(?:st|start_timestamps?)[:\s]\s*(?P<values>.+)")
_START = re.compile(
    r"(?P<first>_|[+-]?[0-9][0-9a-z.]*?)(?:(?P<step>[+-][0-9][0-9a-wyz.]*)?x(?P<times>[0-9]+))?"
)
"""One start timestamp or several: ``15s``, ``-1m``, ``_x3``, ``0sx5``, ``10s+1mx3``."""


class ScriptError(ValueError):
    """A line is not of the language."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Empty the store."""


@dataclass(frozen=True, slots=True)
class Series:
    """Labels and their samples; `starts` are the start timestamps of the samples in milliseconds, None where unknown."""

    labels: Labels
    cells: list[Cell]
    starts: list[int | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Load:
    """Store series whose samples are `step_ms` apart, from time 0 on."""

    line: int
    step_ms: int
    series: list[Series]
    with_nhcb: bool


@dataclass(frozen=True, slots=True)
class Note:
    """An expected message: exactly `text`, or found by the pattern, or any when both are None."""

    text: str | None = None
    pattern: str | None = None

    def fits(self, message: str) -> bool:
        """Tell whether a message is the expected one."""
        if self.pattern is not None:
            return re.search(self.pattern, message) is not None
        return self.text is None or self.text == message


@dataclass(slots=True)
class Expectation:
    """What an evaluation must give."""

    series: list[Series] = field(default_factory=list)
    scalar: Cell = None
    string: str | None = None
    ordered: bool = False
    notes: dict[str, list[Note]] = field(default_factory=dict)
    ranges: tuple[int, int, int] | None = None  # start, end and step of the samples of a range vector


@dataclass(frozen=True, slots=True)
class Eval:
    """Evaluate `text`, at one time when `step_ms` is None."""

    line: int
    text: str
    start_ms: int
    end_ms: int
    step_ms: int | None
    expected: Expectation


@dataclass(frozen=True, slots=True)
class Fault:
    """A command that is not of the language; it must fail by itself, and not hide those after it."""

    line: int
    text: str
    reason: str


Command = Clear | Load | Eval


def parse_script(text: str) -> list[Command]:
    """
    Return the commands of a script.

    Raises
    ------
    ScriptError
        If a line is not of the language; it names the line.
    """
    commands: list[Command] = []
    for command in read_script(text):
        if isinstance(command, Fault):
            raise ScriptError(f"line {command.line}: {command.reason}")
        commands.append(command)
    return commands


def read_script(text: str) -> list[Command | Fault]:
    """Return the commands of a script, with what could not be read in their places."""
    return list(_commands(text))


def milliseconds(text: str) -> int:
    """Return the milliseconds of a time: a duration since 1970, or seconds."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    try:
        return sign * parse_duration(digits)
    except InvalidInput:
        return sign * round(float(digits) * 1000)


def _commands(text: str) -> Iterator[Command | Fault]:
    lines = ["" if line.lstrip().startswith("#") else line.strip() for line in text.splitlines()]
    position = 0
    while position < len(lines):
        if not lines[position]:
            position += 1
            continue
        end = next((i for i in range(position, len(lines)) if not lines[i]), len(lines))
        # A command may also follow the block of another one without a blank line between them.
        end = next((i for i in range(position + 1, end) if _starts_command(lines[i])), end)
        try:
            yield _command(lines[position], lines[position + 1 : end], position + 1)
        except (ValueError, InvalidInput, KeyError) as error:
            yield Fault(position + 1, lines[position], str(error))
        position = end


def _starts_command(line: str) -> bool:
    return line == "clear" or line.startswith(("load ", "load_with_nhcb ", "eval ", "eval_"))


def _command(head: str, block: list[str], line: int) -> Command:
    if head == "clear":
        return Clear()
    load = _LOAD.fullmatch(head)
    if load is not None:
        return Load(line, milliseconds(load["step"]), _series(block), with_nhcb=load["nhcb"] is not None)
    ranged = _RANGE.fullmatch(head)
    if ranged is not None:
        start, end, step = (milliseconds(ranged[name]) for name in ("start", "end", "step"))
        return Eval(line, ranged["text"].strip(), start, end, step, _expectation(block, ranged["kind"]))
    instant = _INSTANT.fullmatch(head)
    if instant is not None:
        time = milliseconds(instant["time"] or "0")
        return Eval(line, instant["text"].strip(), time, time, None, _expectation(block, instant["kind"]))
    raise ScriptError(f"not a command: {head!r}")


def _series(block: list[str]) -> list[Series]:
    found: list[Series] = []
    starts: list[tuple[Labels, list[int | None]]] = []
    for line in block:
        of_last = _STARTS.fullmatch(line)
        if of_last is not None and found:
            found[-1].starts.extend(_start_times(of_last["values"]))
            continue
        labels, values = parse_series(line)
        of_series = _STARTS.fullmatch(values)
        if of_series is not None:
            starts.append((labels, _start_times(of_series["values"])))
        else:
            found.append(Series(labels, parse_values(values)))
    for labels, times in starts:
        owner = next((series for series in found if series.labels == labels), None)
        if owner is None:
            raise ScriptError(f"start timestamps of a series that is not loaded: {labels}")
        owner.starts.extend(times)
    # Of lines with the same labels the last one counts, as a whole.
    return list({tuple(sorted(series.labels.items())): series for series in found}.values())


def _start_times(text: str) -> list[int | None]:
    """Return start timestamps in milliseconds, written as durations since 1970 or as seconds."""
    found: list[int | None] = []
    for token in text.split():
        parts = _START.fullmatch(token)
        if parts is None:
            raise ScriptError(f"not a start timestamp: {token!r}")
        times = int(parts["times"] or 0)
        if parts["first"] == "_":
            found += [None] * max(times, 1)
            continue
        first, step = milliseconds(parts["first"]), milliseconds(parts["step"] or "0")
        found += [first + i * step for i in range(times + 1)]
    return found


def _expectation(block: list[str], kind: str | None) -> Expectation:
    expected = Expectation(ordered=kind == "ordered")
    if kind in {"fail", "warn", "info"}:
        expected.notes[kind] = [Note()]
    for line in block:
        _expect(expected, line)
    return expected


def _expect(expected: Expectation, line: str) -> None:
    if line.startswith(("expected_fail_message", "expected_fail_regexp")):
        word, _, text = line.partition(" ")
        is_text = word.endswith("message")
        expected.notes["fail"] = [Note(text.strip()) if is_text else Note(pattern=text.strip())]
    elif line.startswith("expect "):
        _expect_line(expected, line)
    elif begins_with_series(line):
        labels, values = parse_series(line)
        expected.series.append(Series(labels, parse_values(values)))
    else:
        (expected.scalar,) = parse_values(line)


def _expect_line(expected: Expectation, line: str) -> None:
    string, ranges, note = (
        _EXPECT_STRING.fullmatch(line),
        _EXPECT_RANGES.fullmatch(line),
        _EXPECT.fullmatch(line),
    )
    if string is not None:
        expected.string = unquote(string["text"])
    elif ranges is not None:
        expected.ranges = (
            milliseconds(ranges["start"]),
            milliseconds(ranges["end"]),
            milliseconds(ranges["step"]),
        )
    elif note is None:
        raise ScriptError(f"not an expectation: {line!r}")
    elif note["what"] == "ordered":
        expected.ordered = True
    else:
        text = note["text"].strip() if note["text"] is not None else None
        wanted = Note(pattern=text) if note["how"] == "regex" else Note(text)
        expected.notes.setdefault(note["what"], []).append(wanted)
