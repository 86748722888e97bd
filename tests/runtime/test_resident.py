"""Code leaves memory and comes back when it is called."""

from __future__ import annotations

import sys

import llvmlite.binding as llvm
import pytest

from bongsu.runtime.resident import _clean_code, release_code

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
