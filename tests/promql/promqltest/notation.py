"""
The notation of series and values: ``metric{a="b"} 1 2+1x3 _ stale {{schema:0 count:2 buckets:[1 1]}}``.

A sequence is a list of values at consecutive steps, None where a step has no sample.
"""

from __future__ import annotations

import math
import re
from typing import TypeAlias

from tests.promql.promqltest.histogram_notation import combine, parse_histogram

from bongsu.model.histograms import Histogram
from bongsu.model.labels import METRIC_NAME
from bongsu.model.samples import STALE_NAN
from bongsu.promql.parser.cursor import Cursor
from bongsu.promql.parser.lexer import Kind
from bongsu.promql.parser.selector_grammar import parse_matchers

Cell: TypeAlias = float | Histogram | None
Labels: TypeAlias = dict[str, str]

_NUMBER = r"(?:(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[iI]nf|[nN]a[nN])"
_TOKEN = re.compile(r"\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x[0-9]+)?|\S+")
_FLOATS = re.compile(rf"(?P<base>[+-]?{_NUMBER})(?:(?P<step>[+-]{_NUMBER})?x(?P<times>[0-9]+))?")
_HISTOGRAMS = re.compile(
    r"\{\{(?P<base>.*?)\}\}(?:(?P<sign>[+-])\{\{(?P<step>.*?)\}\})?(?:x(?P<times>[0-9]+))?"
)
_WORDS = re.compile(r"(?P<word>_|stale)(?:x(?P<times>[0-9]+))?")


def parse_series(line: str) -> tuple[Labels, str]:
    """Return the labels that a line begins with, and the rest of the line."""
    cursor = Cursor(line)
    name = "" if cursor.at("{") else cursor.advance().text
    labels: Labels = {}
    if cursor.at("{") and not line.startswith("{{", cursor.token.start):
        name, matchers = parse_matchers(cursor, name)
        labels = {matcher.name: matcher.value for matcher in matchers}
    if name:
        labels[METRIC_NAME] = name
    return {key: value for key, value in labels.items() if value}, line[cursor.end :].strip()


def begins_with_series(line: str) -> bool:
    """Tell whether a line begins with labels and is not a lone number."""
    token = Cursor(line).token
    return token.kind not in {Kind.NUMBER, Kind.DURATION} and not line.startswith(("-", "+", "{{", "_ ", "."))


def parse_values(text: str) -> list[Cell]:
    """Return the sequence that `text` stands for."""
    return [cell for token in _TOKEN.findall(text) for cell in _expand(token)]


def parse_number(text: str) -> float:
    """Return a number that is written as in a sequence."""
    return math.nan if text.lower() == "nan" else float(text)


def _expand(token: str) -> list[Cell]:
    word = _WORDS.fullmatch(token)
    if word is not None:
        if word["word"] == "_":
            return [None] * int(word["times"] or 1)
        return [STALE_NAN] * (int(word["times"]) + 1 if word["times"] else 1)
    floats = _FLOATS.fullmatch(token)
    if floats is not None:
        base, step = parse_number(floats["base"]), parse_number(floats["step"] or "0")
        # A zero step repeats the base, also when that is an infinity.
        return [base if step == 0 else base + i * step for i in range(int(floats["times"] or 0) + 1)]
    histograms = _HISTOGRAMS.fullmatch(token)
    if histograms is None:
        raise ValueError(f"not a value of a series: {token!r}")
    found = [parse_histogram(histograms["base"])]
    step_histogram = parse_histogram(histograms["step"]) if histograms["step"] is not None else None
    for _ in range(int(histograms["times"] or 0)):
        sign = -1 if histograms["sign"] == "-" else 1
        found.append(found[-1] if step_histogram is None else combine(found[-1], step_histogram, sign))
    return list(found)
