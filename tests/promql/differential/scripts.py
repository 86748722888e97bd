"""
Runs the queries of scripts on our engine and on a real Prometheus and tells where the replies differ.

``python -m tests.promql.differential.scripts FOLDER_OR_FILE [--immediate]``. Queries that the peer's version doesn't know are counted apart.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from tests.promql.differential.peer import PeerPrometheus, find_prometheus
from tests.promql.differential.replies import Reply, difference, reply_of_result
from tests.promql.promqltest.folder import script_paths
from tests.promql.promqltest.loading import load_into, sent_series
from tests.promql.promqltest.runner import ALL_FEATURES, IMMEDIATE
from tests.promql.promqltest.script import Clear, Eval, Load, parse_script

from bongsu.model.errors import BongsuError
from bongsu.promql.engine import Engine, EngineOptions
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = ("parse error", "not implemented")
"""In errors of a peer that is older than the language of the script."""


def compare_script(
    text: str, program: Path, features: frozenset[str]
) -> Iterator[tuple[Eval, str | None, bool]]:
    """Return each evaluation, how the replies differ, and whether the peer could not read the query."""
    with ExitStack() as stack:
        engine = stack.enter_context(closing(Engine(EngineOptions(features=features, threads=1))))
        store = MemoryProjectStore()
        peer_stack = stack.enter_context(ExitStack())
        peer: PeerPrometheus | None = None
        loads: list[Load] = []
        for command in parse_script(text):
            match command:
                case Clear():
                    peer_stack.close()
                    store, peer, loads = MemoryProjectStore(), None, []
                case Load():
                    load_into(store, command)
                    loads.append(command)
                case Eval():
                    if peer is None:
                        peer = peer_stack.enter_context(
                            PeerPrometheus(program, delayed=features == ALL_FEATURES)
                        )
                    if loads:
                        peer.write([series for load in loads for series in sent_series(load)])
                        loads = []
                    theirs = _asked(peer, command)
                    unknown = theirs.kind == "error" and any(word in theirs.text for word in UNKNOWN)
                    yield command, difference(_ours(engine, store, command), theirs), unknown


def _asked(peer: PeerPrometheus, case: Eval) -> Reply:
    if case.step_ms is None:
        return peer.instant(case.text, case.start_ms)
    return peer.range(case.text, case.start_ms, case.end_ms, case.step_ms)


def _ours(engine: Engine, store: MemoryProjectStore, case: Eval) -> Reply:
    try:
        if case.step_ms is None:
            return reply_of_result(engine.instant(store, case.text, case.start_ms), ranged=False)
        result = engine.range(store, case.text, case.start_ms, case.end_ms, case.step_ms)
        return reply_of_result(result, ranged=True)
    except BongsuError as error:
        return Reply("error", text=str(error))


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--immediate", action="store_true")
    options = parser.parse_args()
    program = find_prometheus()
    if program is None:
        print("no Prometheus 3 here; get one with: python -m benchmarks.peers /tmp/peers")
        return 2
    differs = 0
    for path in script_paths(options.path):
        same = unknown = 0
        for case, fault, is_unknown in compare_script(
            path.read_text(), program, IMMEDIATE if options.immediate else ALL_FEATURES
        ):
            if fault is None:
                same += 1
            elif is_unknown:
                unknown += 1
            else:
                differs += 1
                print(f"  {path.name}:{case.line}: {case.text}\n      {fault}")
        print(f"{path.name}: {same} the same, {unknown} unknown to the peer", flush=True)
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
