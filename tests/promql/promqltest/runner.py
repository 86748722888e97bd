"""Runs scripts against an engine and says for each evaluation whether it passed, failed, or is not built yet."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tests.promql.promqltest.answers import (
    Answer,
    Row,
    agrees,
    answer_of,
    disagreement,
    expected_rows,
)
from tests.promql.promqltest.loading import load_into
from tests.promql.promqltest.script import Clear, Eval, Fault, Load, Note, read_script
from tests.promql.promqltest.variants import depends_on_range, pinned, pinned_times

from bongsu.model.errors import BongsuError
from bongsu.promql.errors import NotImplementedYet
from bongsu.promql.parser.features import ALL_FEATURES, DELAYED_NAME_REMOVAL
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bongsu.promql.values import QueryResult
    from bongsu.storage.contract import ProjectStore

_MINUTE_MS = 60_000


class QueryEngine(Protocol):
    """What runs the queries of a script."""

    def instant(self, store: ProjectStore, text: str, time_ms: int, /) -> QueryResult:
        """Return the answer at one time."""
        ...

    def range(
        self, store: ProjectStore, text: str, start_ms: int, end_ms: int, step_ms: int, /
    ) -> QueryResult:
        """Return the answer at every step of a range."""
        ...


class Verdict(enum.StrEnum):
    """What came of one evaluation."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_IMPLEMENTED = "not implemented"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one evaluation; `reason` says why it did not pass."""

    line: int
    text: str
    verdict: Verdict
    reason: str = ""


@dataclass(slots=True)
class Report:
    """The outcomes of one script."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Verdict]:
        """Evaluations by verdict."""
        return Counter(outcome.verdict for outcome in self.outcomes)

    @property
    def failures(self) -> list[Outcome]:
        """Evaluations that gave something else than expected."""
        return [outcome for outcome in self.outcomes if outcome.verdict is Verdict.FAILED]

    def line(self) -> str:
        """Return the counts on one line."""
        counts = self.counts
        return (
            f"{self.name:<40} {counts[Verdict.PASSED]:>5} passed {counts[Verdict.FAILED]:>5} failed "
            f"{counts[Verdict.NOT_IMPLEMENTED]:>5} not implemented"
        )


class Mismatch(Exception):
    """The engine answered something else than the script expects."""


class ScriptRunner:
    """
    Runs the evaluations of one script over a fresh store.

    Parameters
    ----------
    engine
        With all features on, except perhaps the delayed removal of names.
    features
        Those that are on in `engine`.
    new_store
        Makes an empty store.
    """

    def __init__(
        self,
        engine: QueryEngine,
        *,
        features: frozenset[str] = ALL_FEATURES,
        new_store: Callable[[], ProjectStore] = MemoryProjectStore,
    ) -> None:
        self._engine = engine
        self._features = features
        self._new_store = new_store

    def run(self, name: str, text: str) -> Report:
        """Return what came of each evaluation of a script."""
        report = Report(name)
        store = self._new_store()
        for command in read_script(text):
            match command:
                case Fault():
                    reason = f"not of the language: {command.reason}"
                    report.outcomes.append(Outcome(command.line, command.text, Verdict.FAILED, reason))
                case Clear():
                    store = self._new_store()
                case Load():
                    report.outcomes += self._load(store, command)
                case Eval():
                    report.outcomes.append(self._judged(store, command))
        return report

    def _load(self, store: ProjectStore, load: Load) -> list[Outcome]:
        try:
            load_into(store, load)
        except (ValueError, NotImplementedError) as error:
            return [Outcome(load.line, "load", Verdict.FAILED, str(error))]
        return []

    def _judged(self, store: ProjectStore, case: Eval) -> Outcome:
        try:
            self._check(store, case)
        except NotImplementedYet as error:
            return Outcome(case.line, case.text, Verdict.NOT_IMPLEMENTED, str(error))
        except Mismatch as error:
            return Outcome(case.line, case.text, Verdict.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - one broken evaluation must not hide the others
            return Outcome(case.line, case.text, Verdict.FAILED, f"{type(error).__name__}: {error}")
        return Outcome(case.line, case.text, Verdict.PASSED)

    def _check(self, store: ProjectStore, case: Eval) -> None:
        try:
            result = self._asked(store, case)
        except NotImplementedYet:
            raise
        except BongsuError as error:
            _check_failure(case, error)
            return
        if "fail" in case.expected.notes:
            raise Mismatch("expected an error, found an answer")
        _check_notes(case, result)
        answer = answer_of(result)
        _check_answer(case, answer)
        if case.step_ms is None and answer.kind != "matrix":
            self._check_variants(store, case)

    def _asked(self, store: ProjectStore, case: Eval) -> QueryResult:
        if case.step_ms is None:
            return self._engine.instant(store, case.text, case.start_ms)
        return self._engine.range(store, case.text, case.start_ms, case.end_ms, case.step_ms)

    def _check_variants(self, store: ProjectStore, case: Eval) -> None:
        """Ask an instant query also as the middle of a range, and pinned to its time from other times."""
        if case.expected.string is not None or case.expected.ranges is not None or case.expected.ordered:
            return
        time = case.start_ms
        if not depends_on_range(case.text, self._features):
            ranged = self._engine.range(store, case.text, time - _MINUTE_MS, time + _MINUTE_MS, _MINUTE_MS)
            _check_variant(case, answer_of(ranged), time, "as the middle of a range")
        text = pinned(case.text, time, self._features)
        for other in pinned_times(time) if text is not None else ():
            found = answer_of(self._engine.instant(store, text or "", other))
            _check_variant(case, found, other, f"as {text} at {other / 1000:g}s")


def _check_failure(case: Eval, error: BongsuError) -> None:
    wanted = case.expected.notes.get("fail")
    if wanted is None:
        raise Mismatch(f"unexpected error: {error}")
    if not any(note.fits(str(error)) for note in wanted):
        raise Mismatch(f"expected the error {_described(wanted)}, found {str(error)!r}")


def _check_notes(case: Eval, result: QueryResult) -> None:
    for what, found in (("warn", result.warnings), ("info", result.infos)):
        wanted = case.expected.notes.get(what)
        if f"no_{what}" in case.expected.notes and found:
            raise Mismatch(f"expected no {what} notes, found {list(found)}")
        if wanted is None:
            continue
        if not found:
            raise Mismatch(f"expected the {what} note {_described(wanted)}, found none")
        missing = [note for note in wanted if not any(map(note.fits, found))]
        surplus = [text for text in found if not any(note.fits(text) for note in wanted)]
        if missing or surplus:
            raise Mismatch(f"expected the {what} notes {_described(wanted)}, found {list(found)}")


def _described(notes: Iterable[Note]) -> str:
    return " or ".join(repr(note.text if note.pattern is None else note.pattern) for note in notes)


def _check_answer(case: Eval, answer: Answer) -> None:
    expected = case.expected
    if expected.string is not None or answer.text is not None:
        if answer.text != expected.string:
            raise Mismatch(f"expected the text {expected.string!r}, found {answer.text!r}")
        return
    if expected.scalar is not None:
        if answer.kind != "scalar":
            raise Mismatch(f"expected a scalar, found a {answer.kind}")
        wanted = [Row({}, {case.start_ms: expected.scalar})]
    else:
        wanted = expected_rows(case)
    fault = disagreement(answer, wanted, ordered=expected.ordered)
    if fault is not None:
        raise Mismatch(fault)


def _check_variant(case: Eval, answer: Answer, time_ms: int, how: str) -> None:
    """Compare the samples of one time with the expected ones."""
    rows = tuple(
        Row(row.labels, {case.start_ms: row.points[time_ms]}) for row in answer.rows if time_ms in row.points
    )
    if case.expected.scalar is not None:
        is_same = len(rows) == 1 and agrees(rows[0].points[case.start_ms], case.expected.scalar)
        fault = None if is_same else f"expected {case.expected.scalar}, found {rows}"
    else:
        fault = disagreement(Answer(answer.kind, rows), expected_rows(case), ordered=False)
    if fault is not None:
        raise Mismatch(f"{how}: {fault}")


IMMEDIATE = ALL_FEATURES - {DELAYED_NAME_REMOVAL}
"""All features but the delayed removal of names."""

__all__ = ["ALL_FEATURES", "IMMEDIATE", "Outcome", "Report", "ScriptRunner", "Verdict"]
