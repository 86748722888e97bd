"""The page says what was measured, and whether it is enough."""

from __future__ import annotations

import pytest
from benchmarks.compare.report import Measure, Section, Target, render

VALUES = {"Bongsu": 50.0, "Prometheus": 500.0, "VictoriaMetrics": 100.0}


@pytest.mark.parametrize(
    ("targets", "met"),
    [
        ((Target(0.5, "VictoriaMetrics"),), True),
        ((Target(0.49, "VictoriaMetrics"),), False),
        ((Target(0.5, "VictoriaMetrics"), Target(0.1, "Prometheus")), True),
        ((Target(0.5, "VictoriaMetrics"), Target(0.09, "Prometheus")), False),
        ((Target(0.5, "least"),), True),
        ((Target(0.1, "most"),), True),
        ((Target(50),), True),
        ((Target(49),), False),
        ((), None),
    ],
)
def test_less_is_better_unless_told_otherwise(targets: tuple[Target, ...], met: bool | None) -> None:
    assert met is Measure("time", "ms", VALUES, target=targets).met()


@pytest.mark.parametrize(("factor", "met"), [(0.5, True), (0.51, False)])
def test_more_can_be_better(factor: float, met: bool) -> None:
    measure = Measure("rate", "1/s", VALUES, more_is_better=True, target=(Target(factor, "VictoriaMetrics"),))
    assert met is measure.met()


def test_rounds_are_compared_one_by_one() -> None:
    # The machine was twice as fast in the second round, and slow for the peer alone in the third.
    rounds = {"Bongsu": [10.0, 20.0, 11.0], "Prometheus": [5.0, 10.0, 1.0], "VictoriaMetrics": [20.0, 30.0]}

    measure = Measure.of_rounds("rate", "1/s", rounds, more_is_better=True, target=(Target(2.0, "least"),))

    assert {"Bongsu": 11.0, "Prometheus": 5.0, "VictoriaMetrics": 25.0} == measure.values
    assert measure.ratio("Prometheus") == 2.0
    assert measure.ratio("VictoriaMetrics") == 11.0 / 25.0
    assert measure.met()


def test_a_missing_value_is_not_judged() -> None:
    assert Measure("time", "ms", {"Bongsu": 1.0}, target=(Target(1, "Prometheus"),)).met() is None


def test_the_page_counts_what_is_met_and_names_what_is_not() -> None:
    section = Section(
        "Queries",
        measures=[
            Measure("fast one", "ms", VALUES, target=(Target(0.5, "VictoriaMetrics"),)),
            Measure("slow one", "ms", {**VALUES, "Bongsu": 75.0}, target=(Target(0.5, "VictoriaMetrics"),)),
        ],
        remarks=["as expected"],
    )

    page = render([section], ["machine: a small one"], "## Bounds\n\nThe disk.")

    assert "1 of 2 targets are met." in page
    assert "- **slow one**: 0.750, wanted at most 0.5 of VictoriaMetrics" in page
    assert (
        "| fast one | ms | 50.0 | 500 | 100 | 0.100 | 0.500 | at most 0.5 of VictoriaMetrics | yes |" in page
    )
    assert "- machine: a small one" in page
    assert "- as expected" in page
    assert "## Bounds\n\nThe disk." in page


def test_programs_that_nobody_measured_have_no_column() -> None:
    page = render([Section("Alone", measures=[Measure("time", "ms", {"Bongsu": 1.0})])], [], "")
    assert "Prometheus |" not in page
