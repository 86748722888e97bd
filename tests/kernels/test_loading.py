"""Cached kernels come without the compiler, which is there as before when something has to be compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def _run(folder: Path, program: str) -> list[str]:
    environment = {**os.environ, "BONGSU_CACHE_DIR": str(folder), "NUMBA_DISABLE_JIT": "0"}
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
