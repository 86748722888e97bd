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
    """
    Return each evaluation, how the replies differ, and whether the peer could not read the query.

    Where they differ a new peer is asked: what Prometheus 3.5 says of native histograms may depend on what it was asked before.
    """
    with ExitStack() as stack:
        engine = stack.enter_context(closing(Engine(EngineOptions(features=features, threads=1))))
        store = MemoryProjectStore()
        peer = stack.enter_context(closing(_Peer(program, delayed=features == ALL_FEATURES)))
        for command in parse_script(text):
            match command:
                case Clear():
                    store = MemoryProjectStore()
                    peer.clear()
                case Load():
                    load_into(store, command)
                    peer.load(command)
                case Eval():
                    ours, theirs = _ours(engine, store, command), peer.ask(command)
                    unknown = theirs.kind == "error" and any(word in theirs.text for word in UNKNOWN)
                    fault = difference(ours, theirs)
                    if fault is not None and not unknown:
                        peer.restart()
                        fault = difference(ours, peer.ask(command))
                    yield command, fault, unknown


class _Peer:
    """A Prometheus with what a script has loaded; it is started for the first question."""

    def __init__(self, program: Path, *, delayed: bool) -> None:
        self._program, self._delayed = program, delayed
        self._running: PeerPrometheus | None = None
        self._loads: list[Load] = []
        self._written = 0
        self._stack = ExitStack()

    def clear(self) -> None:
        """Forget everything."""
        self.restart()
        self._loads = []

    def restart(self) -> None:
        """Let another process, with the same data, answer the next question."""
        self._stack.close()
        self._running, self._written = None, 0

    def close(self) -> None:
        """End the process."""
        self._stack.close()

    def load(self, command: Load) -> None:
        """Take over samples."""
        self._loads.append(command)

    def ask(self, case: Eval) -> Reply:
        """Return the answer."""
        if self._running is None:
            self._running = self._stack.enter_context(PeerPrometheus(self._program, delayed=self._delayed))
        if self._written < len(self._loads):
            self._running.write(
                [series for load in self._loads[self._written :] for series in sent_series(load)]
            )
            self._written = len(self._loads)
        return _asked(self._running, case)


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
