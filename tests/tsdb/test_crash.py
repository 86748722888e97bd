"""
A real process is killed while it writes, deletes, tidies and takes snapshots.

Every sample that it acknowledged is found, every deletion that it acknowledged holds, and nothing is found that it did not send.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.stores import KEEP_ALL, bits_of, found, open_tsdb

if TYPE_CHECKING:
    from bongsu.tsdb import TsdbStore
    from bongsu.tsdb.block import BlockMeta

WRITER = Path(__file__).parent.parent / "support" / "crash_writer.py"
ROUNDS = int(os.environ.get("BONGSU_CRASH_ROUNDS", "4"))
"""The nightly form has 200."""
ROUNDS_FOR_ALL = 20
"""After so many rounds, a kill has surely met compaction and a finished snapshot."""


@pytest.mark.process
@pytest.mark.timeout(300 + 30 * ROUNDS)
def test_acknowledged_writes_and_deletions_survive_sigkill(tmp_path: Path) -> None:
    chance = random.Random(20)
    written: dict[str, set[int]] = {}
    deleting: set[str] = set()
    deleted: set[str] = set()
    snapshots = merged = 0
    for round_ in range(ROUNDS):
        begun: dict[str, dict[str, set[int]]] = {}
        done = ""
        for line in _run_and_kill(tmp_path, round_ * 10**12, after_lines=chance.randrange(5, 400)):
            what, name, *times = line.split()
            if what == "written":
                written.setdefault(name, set()).update(map(int, times))
            elif what == "snapshotting":
                begun = {name: {series: set(known) for series, known in written.items()}}
            elif what == "snapshot":
                done = name
            else:
                (deleting if what == "deleting" else deleted).add(name)
        if done in begun:
            # Taken while others wrote: it holds at least what was acknowledged before it began, and nothing that was not sent.
            with contextlib.closing(open_tsdb(tmp_path / done)) as store:
                _check(found(store.project("crash", KEEP_ALL)), begun[done], deleting, set())
                assert () == store.verify()
                snapshots += 1
        for left in tmp_path.glob("snapshot-*"):
            shutil.rmtree(left)
        with contextlib.closing(open_tsdb(tmp_path / "store")) as store:
            _check(found(store.project("crash", KEEP_ALL)), written, deleting, deleted)
            assert () == store.verify()
            merged = max(merged, *(block.level for block in _blocks(store)), 0)
    # Else the rounds have not shown what they are for.
    assert snapshots or ROUNDS < ROUNDS_FOR_ALL
    assert merged or ROUNDS < ROUNDS_FOR_ALL


def _blocks(store: TsdbStore) -> list[BlockMeta]:
    return store.project("crash", KEEP_ALL).block_metas()


def _check(
    stored: dict[str, list[tuple[int, bytes, int]]],
    written: dict[str, set[int]],
    deleting: set[str],
    deleted: set[str],
) -> None:
    by_series = {labels.split('"')[1]: samples for labels, samples in stored.items()}
    assert set() == deleted & by_series.keys()
    for series in written.keys() - deleting:
        assert written[series] <= {t for t, _, _ in by_series[series]}
    for samples in by_series.values():
        assert all(bits_of(float(t)) == bits for t, bits, _ in samples)
        assert len(samples) == len({t for t, _, _ in samples})


def _run_and_kill(folder: Path, base: int, *, after_lines: int) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    with subprocess.Popen(
        [sys.executable, str(WRITER), str(folder), str(base)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(after_lines)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    # The last line may be torn: an acknowledgement that nobody heard. Log lines of the store are not acknowledgements.
    return [
        line for line in lines if line.endswith("\n") and line.startswith(("written", "delet", "snapshot"))
    ]
