"""A real process is killed while it writes; every sample that it acknowledged is found, and nothing that it did not send."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.stores import KEEP_ALL, bits_of, found, open_tsdb

WRITER = Path(__file__).parent.parent / "support" / "crash_writer.py"
ROUNDS = int(os.environ.get("BONGSU_CRASH_ROUNDS", "4"))


@pytest.mark.process
def test_acknowledged_samples_survive_sigkill(tmp_path: Path) -> None:
    chance = random.Random(20)
    acknowledged: dict[str, set[int]] = {}
    for round_ in range(ROUNDS):
        base = round_ * 1_000_000
        for line in _run_and_kill(tmp_path, base, after_lines=chance.randrange(5, 200)):
            series, timestamp = line.split()
            acknowledged.setdefault(f'm{{series="{series}"}}', set()).add(int(timestamp))
        with contextlib.closing(open_tsdb(tmp_path)) as store:
            assert () == store.status().damage
            stored = found(store.project("crash", KEEP_ALL))
            for labels, times in acknowledged.items():
                assert times <= {t for t, _, _ in stored[labels]}
            for samples in stored.values():
                assert all(bits_of(float(t)) == bits for t, bits, _ in samples)


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
    # The last line may be torn: an acknowledgement that nobody heard.
    return [line for line in lines if line.endswith("\n") and line.strip()]
