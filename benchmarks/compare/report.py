"""What was measured, as values; and as the page that people read."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OURS = "Bongsu"
PROGRAMS = (OURS, "Prometheus", "VictoriaMetrics")


@dataclass(frozen=True, slots=True)
class Target:
    """
    What Bongsu must reach.

    Attributes
    ----------
    factor
        Bongsu's value over the peer's, or over 1 for an absolute target, must not be above this when less is better, nor below
        it when more is better.
    peer
        Name of the peer, ``least`` or ``most`` for the better of the two, empty for an absolute target.
    """

    factor: float
    peer: str = ""


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of what was measured in the same rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


@dataclass(frozen=True, slots=True)
class Measure:
    """
    One row: the same thing measured on each program.

    Attributes
    ----------
    ratios
        Bongsu's value over a peer's, where it is known better than by the values.
    """

    name: str
    unit: str
    values: dict[str, float]
    more_is_better: bool = False
    target: tuple[Target, ...] = ()
    note: str = ""
    ratios: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of_rounds(
        cls,
        name: str,
        unit: str,
        rounds: Mapping[str, Sequence[float]],
        *,
        more_is_better: bool = False,
        target: tuple[Target, ...] = (),
    ) -> Measure:
        """
        Return the row of what was measured in rounds: medians, and the medians of each round's ratios.

        A machine that others use is faster in one minute than in the next, and a round is over before that. A program that was not measured in every
        round has the ratio of the medians.
        """
        ours = rounds.get(OURS, ())
        ratios = {
            peer: median_ratio(ours, theirs)
            for peer, theirs in rounds.items()
            if peer != OURS and ours and len(ours) == len(theirs)
        }
        values = {program: statistics.median(measured) for program, measured in rounds.items()}
        return cls(name, unit, values, more_is_better, target, ratios=ratios)

    def ratio(self, peer: str) -> float | None:
        """Return Bongsu's value over a peer's; None if one of them is missing."""
        peer = self._name(peer)
        if peer in self.ratios:
            return self.ratios[peer]
        ours, theirs = self.values.get(OURS), 1.0 if not peer else self.values.get(peer)
        if ours is None or theirs is None or not theirs:
            return None
        return ours / theirs

    def met(self) -> bool | None:
        """Tell whether every target is reached; None without a target, or when a value is missing."""
        ratios = [(self.ratio(target.peer), target.factor) for target in self.target]
        if not ratios or any(ratio is None for ratio, _ in ratios):
            return None
        return all(
            ratio >= factor if self.more_is_better else ratio <= factor
            for ratio, factor in ratios
            if ratio is not None
        )

    def _name(self, peer: str) -> str:
        """Return which peer is meant."""
        if peer not in {"least", "most"}:
            return peer
        choose = min if peer == "least" else max
        return choose(
            (name for name in PROGRAMS[1:] if name in self.values), key=self.values.__getitem__, default=peer
        )


@dataclass(slots=True)
class Section:
    """Rows that belong together, with what has to be said about them."""

    title: str
    text: str = ""
    measures: list[Measure] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def render(sections: Iterable[Section], facts: Sequence[str], limits: str) -> str:
    """
    Return the whole page.

    Parameters
    ----------
    facts
        Lines about machine, versions and sizes.
    limits
        Prose about what bounds the numbers.
    """
    sections = list(sections)
    out = [_HEAD, *(f"- {fact}" for fact in facts), "", *_summary(sections), "", limits.strip(), ""]
    for section in sections:
        out += _section(section)
    return "\n".join(out).rstrip() + "\n"


_HEAD = """# Performance

This page is written by `python -m benchmarks`, which gets the peers, makes the data, runs everything, and measures the three programs in
turn with the same requests. The peers have their default settings, but for a retention that takes the data, Prometheus' receiver and its window for late
samples. Result caches are off (`nocache=1`), files are in the page cache. Each number is a median unless its row says otherwise.

A ratio is Bongsu's value over the peer's; of remote write and heavy queries, which run in rounds, program after program, it is the median of the rounds' ratios,
since the machine may be faster in one minute than in the next.
"""


def _summary(sections: Sequence[Section]) -> list[str]:
    """Return what is met and what is not, as lists."""
    measures = [measure for section in sections for measure in section.measures]
    judged = [(measure, measure.met()) for measure in measures]
    met = [measure for measure, is_met in judged if is_met]
    missed = [measure for measure, is_met in judged if is_met is False]
    out = [f"## In short\n\n{len(met)} of {len(met) + len(missed)} targets are met."]
    if missed:
        out += ["", "Not met:", "", *(f"- {_sentence(measure)}" for measure in missed)]
    return out


def _sentence(measure: Measure) -> str:
    wanted = " and ".join(_wanted(target, measure.more_is_better, measure.unit) for target in measure.target)
    got = " and ".join(
        _number(ratio) if target.peer else f"{_number(ratio)} {measure.unit}"
        for target in measure.target
        if (ratio := measure.ratio(target.peer)) is not None
    )
    return f"**{measure.name}**: {got}, wanted {wanted}"


def _wanted(target: Target, more_is_better: bool, unit: str) -> str:
    relation = "at least" if more_is_better else "at most"
    if not target.peer:
        return f"{relation} {target.factor:,g} {unit}"
    peer = "the better peer" if target.peer in {"least", "most"} else target.peer
    return f"{relation} {target.factor:g} of {peer}"


def _section(section: Section) -> list[str]:
    out = [f"## {section.title}", ""]
    if section.text:
        out += [section.text.strip(), ""]
    if section.measures:
        out += [*_table(section.measures), ""]
    for table in section.tables:
        out += [table.strip(), ""]
    if section.remarks:
        out += [*(f"- {remark}" for remark in section.remarks), ""]
    return out


def _table(measures: Sequence[Measure]) -> list[str]:
    columns = [name for name in PROGRAMS if any(name in measure.values for measure in measures)]
    peers = [name for name in columns if name != OURS]
    short = {"Prometheus": "P", "VictoriaMetrics": "VM"}
    heads = ["", "unit", *columns, *(f"ratio to {short[peer]}" for peer in peers), "target", "met"]
    lines = [
        "| " + " | ".join(heads) + " |",
        "|---|---|" + "---:|" * (len(columns) + len(peers)) + "---|---|",
    ]
    for measure in measures:
        cells = [measure.name + (f" ({measure.note})" if measure.note else ""), measure.unit]
        cells += [_number(measure.values.get(name)) for name in columns]
        cells += [_number(measure.ratio(peer)) for peer in peers]
        cells.append(
            ", ".join(_wanted(target, measure.more_is_better, measure.unit) for target in measure.target)
        )
        cells.append({True: "yes", False: "**no**", None: ""}[measure.met()])
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _number(value: float | None) -> str:
    """Return a number with three digits that count."""
    if value is None or math.isnan(value):
        return ""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(digits, 0)}f}"
