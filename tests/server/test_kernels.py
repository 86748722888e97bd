"""The first start compiles in other processes, and the server starts when it can; the next ones load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs

from bongsu.kernels import cache
from bongsu.kernels._sources import digest_of
from bongsu.kernels.warm import EDGE
from bongsu.server import kernel_compilers, kernels
from bongsu.tsdb.warmup import READ, WRITTEN

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]

_LOAD = "from bongsu.kernels import cache; print(cache.is_writable(), cache.is_complete())"


def _state(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _LOAD],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


def test_a_new_folder_is_not_complete(tmp_path: Path) -> None:
    assert "True False" == _state(BONGSU_CACHE_DIR=str(tmp_path))


def test_without_a_writable_folder_nothing_is_kept_and_nothing_fails(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    assert "False False" == _state(
        BONGSU_CACHE_DIR=str(blocked), XDG_CACHE_HOME=str(blocked), HOME=str(blocked)
    )


def test_the_note_of_completeness_is_kept_for_this_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CACHE_FOLDER", tmp_path)
    assert not cache.is_complete()
    cache.mark_complete()

    assert cache.is_complete()


def test_what_was_noted_and_is_gone_or_cut_short_makes_the_folder_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CACHE_FOLDER", tmp_path)
    folder = tmp_path / f"chunks-{digest_of('chunks')}"
    folder.mkdir()
    code = folder / "decode.1.nbc"
    code.write_bytes(b"code")
    cache.mark_complete()
    whole = cache.is_complete()
    os.truncate(code, 3)
    short = cache.is_complete()
    code.unlink()

    assert (True, False, False) == (whole, short, cache.is_complete())


def test_a_note_that_is_garbage_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CACHE_FOLDER", tmp_path)
    cache.mark_complete()
    for note in tmp_path.iterdir():
        note.write_bytes(b"\x00garbage")

    assert not cache.is_complete()


def test_a_folder_that_is_lost_meanwhile_is_not_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "CACHE_FOLDER", tmp_path / "lost")
    cache.mark_complete()

    assert not cache.is_complete()


def test_code_that_nobody_used_for_a_month_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, recent, old, gone = (
        tmp_path / name
        for name in (
            f"chunks-{digest_of('chunks')}",
            "chunks-recent",
            "chunks-old",
            "a_module_that_is_gone-1",
        )
    )
    for folder in (used, recent, old, gone):
        folder.mkdir()
    for folder in (used, old, gone):
        os.utime(folder, (0, 0))
    note = tmp_path / "complete-of-an-older-version"
    note.touch()
    os.utime(note, (0, 0))
    monkeypatch.setattr(cache, "CACHE_FOLDER", tmp_path)
    cache.forget_unused()

    assert [True, True, False, False, False] == [path.exists() for path in (used, recent, old, gone, note)]


def test_after_the_loading_nothing_is_compiled_any_more() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.kernel_signatures"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=280,
    )

    # The one exception reads checkpoints of version 1, once after an upgrade.
    assert {"never loaded": ["head.narrow_entries"], "compiled": []} == json.loads(done.stdout)


class Cached:
    """A folder that says what it is told to say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_complete: bool = True) -> None:
        self.marked = 0
        monkeypatch.setattr(cache, "is_complete", lambda: is_complete)
        monkeypatch.setattr(cache, "mark_complete", self._mark)

    def _mark(self) -> None:
        self.marked += 1


def test_loading_beside_ends_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(progress: Callable[[str], None]) -> None:
        while True:
            progress("one more")

    monkeypatch.setattr(kernels, "_load_all", load)
    with capture_logs() as logged:
        loading = kernels.KernelLoading(structlog.get_logger())
        loading.load_others()
        loading.end()

    assert [] == logged


def test_loading_beside_tells_what_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Callable[[str], None]) -> None:
        raise OSError("the cache is gone")

    monkeypatch.setattr(kernels, "_load_all", load)
    with capture_logs() as logged:
        loading = kernels.KernelLoading(structlog.get_logger())
        loading.load_others()
        loading.end()

    assert ["the cache is gone"] == [entry["error"] for entry in logged]


def test_loading_beside_rests_for_as_long_as_each_step_took(monkeypatch: pytest.MonkeyPatch) -> None:
    took: list[tuple[float, float]] = []
    done = threading.Event()

    def load(progress: Callable[[str], None]) -> None:
        for _ in range(3):
            worked, began = time.thread_time(), time.monotonic()
            while time.thread_time() < worked + 0.03:
                pass
            progress("a step is done")
            took.append((time.thread_time() - worked, time.monotonic() - began))
        done.set()

    monkeypatch.setattr(kernels, "_load_all", load)
    loading = kernels.KernelLoading(structlog.get_logger())
    loading.load_others()
    done.wait(60)
    loading.end()

    assert all(wall >= 2 * worked - 0.005 for worked, wall in took)
    assert 3 == len(took)


def test_what_is_cached_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Cached(monkeypatch)
    told: list[str] = []
    kernels.KernelLoading(structlog.get_logger()).load_first(told.append)

    assert [] == told


def test_the_compilers_say_when_a_server_can_start_and_go_on_with_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Cached(monkeypatch, is_complete=False)
    told: list[str] = []
    # What is compiled already is only loaded by them.
    loading = kernels.KernelLoading(structlog.get_logger())
    loading.load_first(told.append)
    marked_first = folder.marked
    with capture_logs() as logged:
        loading.load_others()
        assert loading._thread is not None
        loading._thread.join(240)
        loading.end()

    steps = [line.partition(": ")[2] for line in told if line.startswith("first start")]
    assert {f"kernels: {name}" for name in EDGE} | {WRITTEN, READ} <= set(steps)
    assert (0, 1) == (marked_first, folder.marked)
    assert "all kernels are compiled" == logged[-1]["event"]


def test_a_start_that_is_stopped_ends_the_compilers(monkeypatch: pytest.MonkeyPatch) -> None:
    Cached(monkeypatch, is_complete=False)
    started: list[subprocess.Popen[bytes]] = []
    start = kernel_compilers._start

    def note(share: str, output: int) -> subprocess.Popen[bytes]:
        started.append(start(share, output))
        return started[-1]

    monkeypatch.setattr(kernel_compilers, "_start", note)

    class StoppedError(Exception):
        """The server is told to stop."""

    def stop(sentence: str) -> None:
        if sentence.startswith("first start"):
            raise StoppedError

    with pytest.raises(StoppedError):
        kernels.KernelLoading(structlog.get_logger()).load_first(stop)

    assert [-signal.SIGKILL] * 2 == [process.returncode for process in started]


def test_what_a_compiler_says_is_one_write_even_where_python_does_not_buffer() -> None:
    reader, writer = os.pipe2(os.O_DIRECT)  # keeps apart what was written apart
    try:
        subprocess.run(
            [sys.executable, "-u", "-c", "from bongsu.server.kernel_compilers import _say; _say('a line')"],
            stdout=writer,
            check=True,
            timeout=60,
        )

        assert b"a line\n" == os.read(reader, 100)
    finally:
        os.close(reader)
        os.close(writer)


def test_compilers_that_fail_leave_the_rest_to_whoever_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Cached(monkeypatch, is_complete=False)

    def fail(_: str, output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], stdout=output)

    monkeypatch.setattr(kernel_compilers, "_start", fail)
    with capture_logs() as logged:
        loading = kernels.KernelLoading(structlog.get_logger())
        loading.load_first(lambda _: None)
        loading.load_others()
        assert loading._thread is not None
        loading._thread.join(240)
        loading.end()

    assert 0 == folder.marked
    assert logged[-1]["event"].startswith("not all kernels could be compiled ahead")
