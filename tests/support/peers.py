"""The programs of others that tests let talk with the real server, and their processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.process import call, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = Path(os.environ.get("BONGSU_PEERS", "/tmp/peers")) / "root" / "usr" / "bin"
"""Where ``python -m benchmarks.peers /tmp/peers`` unpacks newer releases than the machine's own."""


def peer(name: str) -> str:
    """Return the program that `benchmarks.peers` has fetched; skip, loudly, where it has not."""
    program = FOLDER / name
    if not program.exists():
        pytest.skip(f"NOT TESTED: no {name} in {FOLDER}; get it by python -m benchmarks.peers /tmp/peers")
    return str(program)


def installed(name: str, package: str) -> str:
    """Return a program of the machine; skip, loudly, where it is not installed."""
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"NOT TESTED: {name} is not installed (apt-get install {package})")
    return program


class Running:
    """A process whose output is kept in a file."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """What the process has said so far."""
        return self._log.read_text(errors="replace")


@contextlib.contextmanager
def running(command: Sequence[str], folder: Path, ready_url: str = "") -> Iterator[Running]:
    """Run a program until the end of the block, once its URL answers 200."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file)
    peer_process = Running(process, log)
    try:
        if ready_url:
            eventually(lambda: _is_ready(peer_process, ready_url), what=f"a ready {command[0]}")
        yield peer_process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _is_ready(process: Running, url: str) -> bool:
    assert process.process.poll() is None, process.log[-2000:]
    return call("GET", url).status == 200
