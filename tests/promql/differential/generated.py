"""Compares generated scripts: ``python -m tests.promql.differential.generated FIRST_SEED COUNT [--histograms] [--immediate]``."""

from __future__ import annotations

import argparse
import re
import sys

from tests.promql.differential.generate import ScriptGenerator
from tests.promql.differential.peer import find_prometheus
from tests.promql.differential.scripts import compare_script
from tests.promql.promqltest.runner import ALL_FEATURES, IMMEDIATE

_BROUGHT_BACK = re.compile(r"last_over_time\(\(|(==|!=|>|<|>=|<=) (on|ignoring)? ?\(|\) (==|!=|>|<|>=|<=) ")
"""Where Prometheus 3.5 brings names back that are to be removed when the query ends, see the list of differences."""


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--histograms", action="store_true")
    parser.add_argument("--immediate", action="store_true")
    options = parser.parse_args()
    program = find_prometheus()
    if program is None:
        print("no Prometheus 3 here; get one with: python -m benchmarks.peers /tmp/peers")
        return 2
    features = IMMEDIATE if options.immediate else ALL_FEATURES
    delayed = not options.immediate
    differs = 0
    for seed in range(options.first, options.first + options.count):
        script = ScriptGenerator(seed, histograms=options.histograms).script(options.queries)
        for case, fault, _ in compare_script(script, program, features):
            if fault is not None and not (delayed and _BROUGHT_BACK.search(case.text)):
                differs += 1
                span = f"{case.start_ms / 1000:g}..{case.end_ms / 1000:g} step {(case.step_ms or 0) / 1000:g}"
                print(f"seed {seed}:{case.line}: {case.text} [{span}]\n      {fault}", flush=True)
        print(f"seed {seed} done, {differs} differences so far", flush=True)
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
