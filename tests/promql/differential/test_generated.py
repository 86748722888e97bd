"""
Generated queries on generated data give what a real Prometheus gives: numbers, labels, kinds of errors and notes.

Floats only: what Prometheus made of native histograms has changed since the version that Debian has.
More seeds: ``python -m tests.promql.differential.generated FIRST_SEED COUNT``.
"""

from __future__ import annotations

import pytest
from tests.promql.differential.generate import ScriptGenerator
from tests.promql.differential.peer import find_prometheus
from tests.promql.differential.scripts import compare_script
from tests.promql.promqltest.runner import IMMEDIATE

QUERIES = 120
"""Of one seed; about ten seconds on two cores."""


@pytest.mark.differential
# Seed 11 counts logarithms by their text, of which Prometheus' last digit is another one, see the list of differences.
@pytest.mark.parametrize("seed", [12, 101, 103])
def test_generated_queries_agree_with_prometheus(seed: int) -> None:
    program = find_prometheus()
    if program is None:
        pytest.skip("NO PROMETHEUS 3 TO COMPARE WITH: get one by python -m benchmarks.peers /tmp/peers")

    script = ScriptGenerator(seed).script(QUERIES)
    differences = [
        f"{case.text} at {case.start_ms}..{case.end_ms} step {case.step_ms}: {fault}"
        for case, fault, _ in compare_script(script, program, IMMEDIATE)
        if fault is not None
    ]

    assert [] == differences
