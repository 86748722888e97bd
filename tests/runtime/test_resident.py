"""Code leaves memory and comes back when it is called; threads share one heap."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import TYPE_CHECKING

import llvmlite.binding as llvm
import pytest

from bongsu.runtime.resident import _clean_code, release_code

if TYPE_CHECKING:
    from pathlib import Path

MAPS = """\
7f00-7f10 r--p 00000000 08:01 17 /lib/libcode.so
Rss: 4 kB
Private_Dirty: 0 kB
7f10-7f20 r-xp 00000010 08:01 17 /lib/libcode.so
Rss: 4 kB
Private_Dirty: 0 kB
7f20-7f30 r-xp 00000020 08:01 17 /lib/libcode.so
Private_Dirty: 4 kB
7f30-7f40 r-xp 00000000 08:01 18 /lib/other.so
Private_Dirty: 0 kB
7f40-7f50 rw-p 00000000 00:00 0
Private_Dirty: 8 kB
"""


def test_only_clean_code_of_the_library_is_released() -> None:
    assert [(0x7F10, 0x7F20)] == list(_clean_code(MAPS, "libcode"))


@pytest.mark.skipif(sys.platform != "linux", reason="tells mappings as Linux does")
def test_released_code_still_runs() -> None:
    module = llvm.parse_assembly("define i32 @one() { ret i32 1 }")

    assert release_code("llvmlite") > 1_000_000

    assert "one" == next(iter(module.functions)).name
    assert "ret i32 1" in str(llvm.parse_assembly(str(module)))


def test_unknown_libraries_have_no_code() -> None:
    assert 0 == release_code("no-such-library")


HEAPS_OF_THREADS = """
import ctypes, sys, threading
from bongsu.runtime.resident import share_one_heap

if sys.argv[1] == "shared":
    assert share_one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
together = threading.Barrier(4)


def take():
    together.wait()
    assert libc.malloc(ctypes.c_size_t(100_000))
    together.wait()


threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
told = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
assert 0 == libc.malloc_info(0, told)
libc.fclose(told)
"""
"""Threads that hold memory at the same time, in a process of its own; the C library tells its heaps."""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="heaps of glibc")
def test_threads_take_memory_from_one_heap(tmp_path: Path) -> None:
    assert 1 == _count_heaps("shared", tmp_path / "shared.xml")
    assert 1 < _count_heaps("each its own", tmp_path / "own.xml")


def _count_heaps(kind: str, told: Path) -> int:
    subprocess.run([sys.executable, "-c", HEAPS_OF_THREADS, kind, str(told)], check=True, timeout=60)
    return told.read_text().count("<heap nr=")
