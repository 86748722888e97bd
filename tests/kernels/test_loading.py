"""Cached kernels come without the compiler, which is there as before when something has to be compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.mounts import make_read_only, mounted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALL = """
import sys
from bongsu.kernels._sums import add, settle

assert (3.0, 0.0) == add(1.0, 0.0, 2.0)
print(sum(add.stats.cache_hits.values()), "numba.np.arraymath" in sys.modules)
"""
"""A call of one kernel, then whether its code was cached, and whether what the compiler can translate was imported."""

COMPILE_A_CALLER = """
import numba


@numba.njit
def total(numbers):
    whole = carry = 0.0
    for number in numbers:
        whole, carry = add(whole, carry, number)
    return settle(whole, carry)


print(total((1e100, 1.0, -1e100)))
"""
"""One callee is loaded by then, the other one is not."""


LOSE_THE_FOLDER = """
import shutil
from bongsu.kernels._jit import CACHE_FOLDER
from bongsu.kernels._sums import settle

shutil.rmtree(CACHE_FOLDER)
print(settle(1.0, 2.0))
"""
"""A call of a kernel that is not loaded yet, when nothing can be loaded any more."""

CALL_AN_INNER_KERNEL = """
from bongsu.kernels.codec_xor import separate

try:
    separate(0, 0)
except TypeError as error:
    print(error)
"""


def _run(folder: Path, program: str) -> list[str]:
    environment = {
        **os.environ,
        **dict.fromkeys(("HOME", "XDG_CACHE_HOME", "BONGSU_CACHE_DIR"), str(folder)),
        "NUMBA_DISABLE_JIT": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.split()


def test_loading_wakes_no_compiler_and_what_was_loaded_can_be_called_by_what_is_compiled_later(
    tmp_path: Path,
) -> None:
    assert ["0", "True"] == _run(tmp_path, CALL)
    assert ["1", "False"] == _run(tmp_path, CALL)
    assert ["1", "False", "1.0"] == _run(tmp_path, CALL + COMPILE_A_CALLER)


def _remove(file: Path) -> None:
    file.unlink()


def _cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _empty(file: Path) -> None:
    os.truncate(file, 0)


def _overwrite(file: Path) -> None:
    file.write_bytes(bytes(byte ^ 0x55 for byte in file.read_bytes()))


def _flip_in_the_middle(file: Path) -> None:
    stored = bytearray(file.read_bytes())
    stored[len(stored) // 2] ^= 1
    file.write_bytes(stored)


@pytest.mark.parametrize("damage", [_remove, _cut_short, _empty, _overwrite])
def test_an_index_that_is_damaged_costs_a_compilation_and_is_written_anew(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    _run(tmp_path, CALL)
    for file in tmp_path.rglob("*.add-*.nbi"):
        damage(file)

    assert ["0", "True"] == _run(tmp_path, CALL)
    assert ["1", "False"] == _run(tmp_path, CALL)


@pytest.mark.parametrize("damage", [_remove, _cut_short, _empty, _overwrite, _flip_in_the_middle])
def test_machine_code_that_is_damaged_is_not_run_but_compiled_anew(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    _run(tmp_path, CALL)
    for file in tmp_path.rglob("*.add-*.nbc"):
        damage(file)

    assert ["0", "True"] == _run(tmp_path, CALL)
    assert ["1", "False"] == _run(tmp_path, CALL)


def test_a_folder_that_is_lost_while_it_is_used_costs_a_compilation(tmp_path: Path) -> None:
    _run(tmp_path, CALL)

    assert ["1", "False", "3.0"] == _run(tmp_path, CALL + LOSE_THE_FOLDER)
    assert ["0", "True"] == _run(tmp_path, CALL)


def test_a_folder_that_turns_read_only_is_no_harm(tmp_path: Path) -> None:
    with mounted(tmp_path / "cache", "size=32m") as folder:
        _run(folder, CALL)
        make_read_only(folder)

        assert "3.0" == _run(folder, "from bongsu.kernels._sums import settle; print(settle(1.0, 2.0))")[-1]


def test_an_inner_kernel_tells_python_that_it_is_not_to_be_called(tmp_path: Path) -> None:
    told = " ".join(_run(tmp_path, CALL_AN_INNER_KERNEL))

    assert "only kernels can call separate; for Python to call it, too, mark it as `kernel`" == told


WAIT_FOR_A_KERNEL = """
import subprocess, sys, threading
from bongsu.kernels.beside import compiled_elsewhere
from bongsu.kernels._sums import settle

called = []
with compiled_elsewhere():
    waiting = threading.Thread(target=lambda: called.append(settle(1.0, 2.0)))
    waiting.start()
    subprocess.run([sys.executable, "-c", "from bongsu.kernels._sums import settle; settle(1.0, 2.0)"], check=True)
    waiting.join()
print(*called, sum(settle.stats.cache_hits.values()), sum(settle.stats.cache_misses.values()))
"""
"""A kernel that is called while another process compiles it."""

WAIT_IN_VAIN = """
import threading
from bongsu.kernels.beside import compiled_elsewhere
from bongsu.kernels._sums import settle

called = []
with compiled_elsewhere():
    waiting = threading.Thread(target=lambda: called.append(settle(1.0, 2.0)))
    waiting.start()
    waiting.join(0.2)
    still = waiting.is_alive()
waiting.join()
print(still, *called, sum(settle.stats.cache_hits.values()), sum(settle.stats.cache_misses.values()))
"""
"""A kernel that the other process ends without."""


def test_a_kernel_that_another_process_is_compiling_is_waited_for(tmp_path: Path) -> None:
    assert ["3.0", "1", "0"] == _run(tmp_path, WAIT_FOR_A_KERNEL)


def test_a_kernel_that_the_other_process_left_out_is_compiled_here(tmp_path: Path) -> None:
    assert ["True", "3.0", "0", "1"] == _run(tmp_path, WAIT_IN_VAIN)
