"""Prometheus' own tool of today pushes to the real server, asks it, and checks what it exports."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.support.peers import peer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import ServerProcess

pytestmark = [pytest.mark.process, pytest.mark.differential]

METRICS = """# HELP pushed_total Pushed.
# TYPE pushed_total counter
pushed_total{q="a"} 7
# TYPE took_seconds histogram
took_seconds_bucket{le="1"} 1
took_seconds_bucket{le="+Inf"} 2
took_seconds_sum 3.5
took_seconds_count 2
"""


def promtool(*arguments: str, given: str = "") -> str:
    """Run the tool, which must succeed, and return what it says."""
    done = subprocess.run(
        [peer("promtool"), *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def test_promtool_pushes_and_asks_and_checks(server: ServerProcess, tmp_path: Path) -> None:
    tenant, other = server.create_project("promtool"), server.create_project("bystander")
    config = tmp_path / "client.yml"
    config.write_text(f"authorization: {{credentials: {tenant.appkey}}}\n")
    url = f"{server.url}/prometheus"
    with_key = f"--http.config.file={config}"
    promtool("push", "metrics", with_key, "--label=job=tool", f"{url}/api/v1/write", given=METRICS)

    assert 'pushed_total{job="tool", q="a"} => 7' in promtool(
        "query", "instant", with_key, url, "pushed_total"
    )
    assert ["+Inf", "1"] == promtool("query", "labels", with_key, url, "le").split()
    assert "took_seconds_count" in promtool("query", "series", with_key, "--match={job='tool'}", url)
    promtool("check", "healthy", f"--url={server.url}")
    promtool("check", "ready", f"--url={url}")
    assert [] == other.query("pushed_total")
