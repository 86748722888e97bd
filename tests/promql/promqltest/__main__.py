"""
Run scripts from the command line: ``python -m tests.promql.promqltest FOLDER_OR_FILE [-v] [--immediate]``.

Prints the counts per file; ``-v`` adds why each evaluation failed, ``--immediate`` removes names at once instead of at the end.
Ends with status 1 when anything failed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.promql.promqltest.folder import run_folder
from tests.promql.promqltest.runner import ALL_FEATURES, IMMEDIATE, Report, Verdict


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("-v", "--verbose", action="store_true", help="tell why evaluations failed")
    parser.add_argument("--missing", action="store_true", help="tell also what is not implemented")
    parser.add_argument("--immediate", action="store_true", help="remove metric names at once")
    options = parser.parse_args()
    reports = []
    for report in run_folder(options.path, IMMEDIATE if options.immediate else ALL_FEATURES):
        print(report.line(), flush=True)
        shown = {Verdict.FAILED} if options.verbose else set()
        shown |= {Verdict.NOT_IMPLEMENTED} if options.missing else set()
        for outcome in report.outcomes:
            if outcome.verdict in shown:
                print(f"  {report.name}:{outcome.line}: {outcome.text}\n      {outcome.reason}")
        reports.append(report)
    total = Report("total", [outcome for report in reports for outcome in report.outcomes])
    print(total.line())
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
