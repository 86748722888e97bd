"""`bongsu query` against the real server."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.support.process import BONGSU, running_server

from bongsu.client import Client, Series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.process import ServerProcess

pytestmark = pytest.mark.process

NOW_S = int(time.time()) // 60 * 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("query")) as server:
        times = 1000 * (NOW_S - 60 * np.arange(30, dtype=np.int64)[::-1])
        with Client(server.url, server.first_project.appkey) as client:
            client.write(
                [Series({"__name__": "height", "side": side}, times, np.arange(30.0)) for side in "ab"]
            )
        yield server


def run(
    server: ServerProcess, *arguments: str, data: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    place = {"BONGSU_URL": server.url, "BONGSU_SERVER_DATA": str(data or server.data)}
    return subprocess.run(
        [BONGSU, "query", *arguments],
        env={**os.environ, **place, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_on_terminal(server: ServerProcess, *arguments: str) -> str:
    """Return what a person sees."""
    main, other = pty.openpty()
    place = {
        "BONGSU_URL": server.url,
        "BONGSU_SERVER_DATA": str(server.data),
        "COLUMNS": "100",
        "LINES": "40",
        "NO_COLOR": "1",
    }
    process = subprocess.Popen(
        [BONGSU, "query", *arguments],
        env={**os.environ, **place, "TERM": "xterm"},
        stdout=other,
        stderr=other,
    )
    os.close(other)
    seen = b""
    try:
        while part := os.read(main, 65536):
            seen += part
    except OSError:  # how Linux says that the other side was closed
        pass
    finally:
        os.close(main)
        process.wait(60)
    return seen.decode()


def test_in_a_pipe_every_series_is_a_line_of_json(server: ServerProcess) -> None:
    lines = run(server, "height", "--time", str(NOW_S)).stdout.splitlines()
    assert [{"metric": {"__name__": "height", "side": side}, "values": [[NOW_S, "29"]]} for side in "ab"] == [
        json.loads(line) for line in lines
    ]


def test_a_range_has_all_values(server: ServerProcess) -> None:
    answer = run(server, 'height{side="a"}', "--start", str(NOW_S - 120), "--end", str(NOW_S), "--step", "1m")
    assert [[NOW_S - 120, "27"], [NOW_S - 60, "28"], [NOW_S, "29"]] == json.loads(answer.stdout)["values"]


def test_on_a_terminal_a_moment_is_a_table(server: ServerProcess) -> None:
    seen = run_on_terminal(server, "height", "--time", str(NOW_S))
    assert 'height{side="a"}' in seen
    assert "29" in seen


def test_on_a_terminal_a_range_is_drawn(server: ServerProcess) -> None:
    seen = run_on_terminal(server, "height", "--start", "-30m")
    assert 'height{side="b"}' in seen
    assert any("\u2801" <= character <= "\u28ff" for character in seen)
    assert "│" in seen
    assert "UTC" in seen


def test_an_empty_answer_says_so(server: ServerProcess) -> None:
    assert "nothing matches" in run_on_terminal(server, "depth")


def test_mistakes_end_with_a_sentence(server: ServerProcess, tmp_path: Path) -> None:
    assert "parse error" in run(server, "sum(").stderr
    assert "no key" in run(server, "1", data=tmp_path).stderr
    assert "one or the other" in run(server, "1", "--time", "1", "--start", "2").stderr
    assert "cannot read the time" in run(server, "1", "--start", "soon").stderr
    assert all(run(server, *words).returncode for words in (["sum("], ["1", "--start", "soon"]))


def test_the_key_decides_whose_data_is_seen(server: ServerProcess) -> None:
    other = server.create_project("other")
    assert "" == run(server, "height", "--time", str(NOW_S), "--key", other.appkey).stdout
    assert "" != run(server, "height", "--time", str(NOW_S), BONGSU_KEY=server.first_project.appkey).stdout
    assert run(server, "height", "--project", other.project_id).returncode


def test_the_plan_shows_what_each_step_cost(server: ServerProcess) -> None:
    span = ("--start", str(NOW_S - 600), "--end", str(NOW_S), "--step", "1m")
    lines = run(server, "sum(rate(height[5m])) + 1", "--explain", *span).stdout.splitlines()

    assert "combine +" in lines[0]
    assert "aggregate sum" in lines[1]
    assert "samples" in lines[1]
    assert "call rate()" in lines[2]
    assert "select height" in run(server, "height", "--explain").stdout
