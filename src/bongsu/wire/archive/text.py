"""Reading of Prometheus text and OpenMetrics with timestamps: many samples of a series, a bad line reported by its number."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from bongsu.wire.archive.batch import ExemplarLine, LineBatch, LineFault, ints
from bongsu.wire.exposition import openmetrics, text
from bongsu.wire.exposition.body import Exposition
from bongsu.wire.exposition.errors import ExpositionError
from bongsu.wire.exposition.lexical import parse_series, parse_value, with_normal_bounds

if TYPE_CHECKING:
    from bongsu.wire.archive.batch import Labels
    from bongsu.wire.exposition.body import ParsedExemplar

_END = b"# EOF"
_PLAIN = re.compile(rb"[0-9.eE+-]++").fullmatch
"""What a decimal number may be made of; whether it is one, the conversion tells."""
_MAX_DIGITS = 18
"""Longer timestamps go the slow way, which tells what is wrong with them."""


class TextReader:
    """
    Reads the lines of one text, part after part: what a comment line says holds for the parts that follow.

    Parameters
    ----------
    openmetrics
        Timestamps are seconds, samples may carry exemplars; else they are milliseconds.
    default_ms
        Time of the samples that carry none.
    """

    def __init__(self, *, openmetrics: bool, default_ms: int) -> None:
        self._openmetrics = openmetrics
        self._default_ms = default_ms
        self._notes = Exposition()
        self.ended = False
        """Whether the end mark of OpenMetrics was met."""

    def read(self, data: bytes, first_line: int) -> LineBatch:
        """
        Return what some whole lines say.

        Parameters
        ----------
        first_line
            Number of the first line, for faults.
        """
        rows = _Rows()
        sample = openmetrics.SAMPLE if self._openmetrics else text.SAMPLE
        # A dictionary of its own: only families that these lines speak of are told again.
        self._notes.families = {}
        for number, line in enumerate(data.removesuffix(b"\n").split(b"\n"), first_line):
            if self._take_known(rows, number, line):
                continue
            match = sample.fullmatch(line)
            try:
                if match is not None:
                    self._take(rows, number, *match.groups())
                else:
                    self._note(line, number)
            except ExpositionError as error:
                rows.faults.append(LineFault(number, error.id, error.message.partition(": ")[2]))
        return rows.batch(self._notes)

    def _take_known(self, rows: _Rows, number: int, line: bytes) -> bool:
        """
        Take the everyday line, a known series with a plain value and timestamp, three times as fast as by its grammar.

        A series is known by the very bytes that the grammar took it from, so nothing else can stand before the two last words.
        """
        words = line.rsplit(b" ", 2)
        index = rows.index.get(words[0])
        if index is None or len(words) < 3 or not _PLAIN(words[1]) or not words[2][:1].isdigit():
            return False
        try:
            value = float(words[1])
            time_ms = self._milliseconds(words[2])
        except ValueError:
            return False
        if math.isinf(value):
            return False
        rows.series.append(index)
        rows.lines.append(number)
        rows.timestamps.append(time_ms)
        rows.values.append(value)
        return True

    def _milliseconds(self, text: bytes) -> int:
        if not self._openmetrics:
            if len(text) > _MAX_DIGITS or not text.isdigit():
                raise ValueError(text)
            return int(text)
        if len(text) > _MAX_DIGITS or not text.replace(b".", b"", 1).isdigit():
            raise ValueError(text)
        return round(float(text) * 1000)

    def _take(self, rows: _Rows, number: int, series: bytes, value: bytes, tail: bytes) -> None:
        parsed = parse_value(value, number)
        timestamp, exemplar = self._tail(tail, number) if tail else (None, None)
        index = rows.index.get(series)
        if index is None:
            labels = with_normal_bounds(parse_series(series, number), self._notes.type)
            index = rows.index[series] = len(rows.labels)
            rows.labels.append(labels)
        time_ms = self._default_ms if timestamp is None else timestamp
        rows.series.append(index)
        rows.lines.append(number)
        rows.timestamps.append(time_ms)
        rows.values.append(parsed)
        if exemplar is not None:
            rows.exemplars.append(ExemplarLine(index, number, time_ms, exemplar))

    def _tail(self, tail: bytes, number: int) -> tuple[int | None, ParsedExemplar | None]:
        if self._openmetrics:
            return openmetrics.parse_openmetrics_tail(tail, number)
        return text.parse_text_tail(tail, number), None

    def _note(self, line: bytes, number: int) -> None:
        if line == _END:
            self.ended = True
        elif not self._openmetrics:
            text.parse_comment(line, number, self._notes)
        elif line:  # blank lines are harmless: a file may end with several
            openmetrics.parse_comment(line, number, number + 1, self._notes)


class _Rows:
    """Columns on their way."""

    def __init__(self) -> None:
        self.index: dict[bytes, int] = {}
        self.labels: list[Labels] = []
        self.series: list[int] = []
        self.lines: list[int] = []
        self.timestamps: list[int] = []
        self.values: list[float] = []
        self.exemplars: list[ExemplarLine] = []
        self.faults: list[LineFault] = []

    def batch(self, notes: Exposition) -> LineBatch:
        return LineBatch(
            self.labels,
            ints(self.series),
            ints(self.lines),
            ints(self.timestamps),
            np.array(self.values, dtype=np.float64),
            exemplars=self.exemplars,
            metadata=notes.metadata(),
            faults=self.faults,
        )
