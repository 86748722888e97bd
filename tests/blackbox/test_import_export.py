"""`bongsu import` and `bongsu export` with the real server, a stopped one, and a real Prometheus."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.exporters import PlainExporter
from tests.support.process import BONGSU, call, eventually, running_server
from tests.support.prometheus_peer import running_prometheus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

NOW_S = time.time_ns() // 1_000_000_000
BEGIN_S = NOW_S // 3600 * 3600 - 5 * 86_400
"""Five days ago: within the retention of a new project, and far from what is scraped."""


def _openmetrics(samples: int = 2_000) -> bytes:
    lines = ["# TYPE imported gauge", "# HELP imported From a file."]
    lines += [f'imported{{n="{i % 10}"}} {i / 8} {BEGIN_S + i}.250' for i in range(samples)]
    return "\n".join([*lines, "# EOF", ""]).encode()


def _bongsu(
    *arguments: object, stdin: bytes = b"", key: str = "", url: str = ""
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "BONGSU_KEY": key, "BONGSU_URL": url}
    return subprocess.run(
        [BONGSU, *map(str, arguments)],
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def _lines(exported: bytes) -> list[dict[str, Any]]:
    return sorted(
        map(json.loads, exported.splitlines()),
        key=lambda line: (sorted(line["metric"].items()), line["timestamps"]),
    )


def _export(tenant: Tenant, *arguments: object) -> bytes:
    done = _bongsu("export", *arguments, key=tenant.token, url=tenant.url)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def _count(tenant: Tenant, selector: str) -> int:
    answer = call(
        "GET",
        f"{tenant.url}/prometheus/api/v1/export?match[]={selector}",
        headers={"X-TC-APP-KEY": tenant.appkey},
    )
    assert 200 == answer.status, answer.text
    return sum(len(json.loads(line)["timestamps"]) for line in answer.text.splitlines())


def test_a_file_a_pipe_and_another_project_hold_the_same_samples(
    server: ServerProcess, tmp_path: Path
) -> None:
    one, two, three = (server.create_project(name) for name in ("file", "pipe", "copy"))
    (tmp_path / "data.om").write_bytes(_openmetrics())
    done = _bongsu("import", "samples", tmp_path / "data.om", key=one.appkey, url=server.url)
    assert 0 == done.returncode, done.stderr
    assert b"2000 samples stored, 0 samples or lines refused" in done.stderr
    assert 2_000 == _count(one, "imported")
    assert [{"type": "gauge", "help": "From a file.", "unit": ""}] == one.prometheus("metadata")["imported"]

    piped = _bongsu(
        "import",
        "samples",
        "-",
        "--format",
        "openmetrics",
        stdin=gzip.compress(_openmetrics()),
        key=two.appkey,
        url=server.url,
    )
    assert 0 == piped.returncode, piped.stderr
    exported = _export(one)
    assert _lines(exported) == _lines(_export(two))

    copied = _bongsu("import", "samples", "-", stdin=exported, key=three.appkey, url=server.url)
    assert 0 == copied.returncode, copied.stderr
    assert _lines(exported) == _lines(_export(three))
    again = _bongsu("import", "samples", "-", stdin=exported, key=three.appkey, url=server.url)
    assert b"2000 samples stored, 0" in again.stderr
    assert _lines(exported) == _lines(_export(three))


def test_bad_lines_are_named_and_a_cursor_passes_over_what_is_done(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant = server.create_project("bad lines")
    source, cursor = tmp_path / "data.om", tmp_path / "cursor"
    source.write_bytes(_openmetrics(5).replace(b"# EOF\n", b"imported x\n") + b"# EOF\n")

    done = _bongsu("import", "samples", source, "--cursor", cursor, key=tenant.appkey, url=server.url)

    assert 2 == done.returncode
    assert b"line 8: expected a value" in done.stderr
    assert b"5 samples stored, 1 samples or lines refused" in done.stderr
    again = _bongsu("import", "samples", source, "--cursor", cursor, key=tenant.appkey, url=server.url)
    assert (0, True) == (again.returncode, b"0 samples stored" in again.stderr)


def test_samples_go_into_the_folder_of_a_stopped_server(tmp_path: Path) -> None:
    (tmp_path / "data.om").write_bytes(_openmetrics())
    arguments = ("import", "samples", tmp_path / "data.om", "--data", tmp_path / "data")
    assert b"is no data folder" in _bongsu(*arguments).stderr
    with running_server(tmp_path / "data") as process:
        locked = _bongsu(*arguments)
        assert 1 == locked.returncode
        assert b"a running server has the data folder" in locked.stderr
        process.stop()

    done = _bongsu(*arguments)
    assert 0 == done.returncode, done.stderr
    assert b"2000 samples stored" in done.stderr
    with running_server(tmp_path / "data") as process:
        assert 2_000 == _count(process.first_project, "imported")
        process.stop()
    told = _bongsu("tsdb", "verify", "--data", tmp_path / "data")
    assert 0 == told.returncode, told.stdout
    out = _bongsu("tsdb", "export", "--data", tmp_path / "data", "--match", "imported")
    assert 2_000 == out.stdout.count(b"\nimported{")


@pytest.fixture
def prometheus_folder(tmp_path: Path) -> Path:
    """The folder of a Prometheus with blocks of past samples."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        pytest.skip("Prometheus is not installed")
    folder = tmp_path / "peer"
    (folder / "data").mkdir(parents=True)
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    (folder / "data.om").write_bytes(_openmetrics())
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "data.om", folder / "data"],
        check=True,
        capture_output=True,
    )
    return folder


def test_a_running_prometheus_is_brought_in_whole(server: ServerProcess, prometheus_folder: Path) -> None:
    tenant = server.create_project("from prometheus")
    cursor = prometheus_folder / "cursor"
    with running_prometheus(prometheus_folder) as api:
        url = api.removesuffix("/api/v1")
        arguments = ("import", "prometheus", url, "--cursor", cursor)
        done = _bongsu(*arguments, key=tenant.appkey, url=server.url)
        assert 0 == done.returncode, done.stderr
        assert b"2000 samples stored" in done.stderr
        again = _bongsu(*arguments, key=tenant.appkey, url=server.url)
        assert b"0 samples stored" in again.stderr

    expected = server.create_project("expected")
    assert (
        0
        == _bongsu(
            "import",
            "samples",
            "-",
            "--format",
            "openmetrics",
            stdin=_openmetrics(),
            key=expected.appkey,
            url=server.url,
        ).returncode
    )
    assert _lines(_export(expected)) == _lines(_export(tenant))


def test_a_prometheus_opens_what_was_exported(server: ServerProcess, prometheus_folder: Path) -> None:
    tenant = server.create_project("to prometheus")
    assert (
        0
        == _bongsu(
            "import", "samples", prometheus_folder / "data.om", key=tenant.appkey, url=server.url
        ).returncode
    )
    text = _export(tenant, "--format", "openmetrics")
    (prometheus_folder / "exported.om").write_bytes(text)
    shutil.rmtree(prometheus_folder / "data")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "exported.om", "data"],
        cwd=prometheus_folder,
        check=True,
        capture_output=True,
    )
    with running_prometheus(prometheus_folder) as api:
        query = f"count_over_time(imported[1h])&time={BEGIN_S + 3000}"
        found = eventually(
            lambda: call("GET", f"{api}/query?query={query}").json()["data"]["result"], what="samples"
        )
    assert 2_000 == sum(int(row["value"][1]) for row in found)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=_export(tenant, "--format", "prometheus"),
        capture_output=True,
        check=False,
    )
    assert b"error while linting" not in checked.stderr, checked.stderr


def test_a_prometheus_configuration_becomes_workspaces_that_are_scraped(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant = server.create_project("from a configuration")
    with PlainExporter("taken_over 1\ndropped 2\n") as exporter:
        (tmp_path / "prometheus.yml").write_text(
            f"""
scrape_configs:
  - job_name: shop
    scrape_interval: 1s
    scrape_timeout: 1s
    static_configs: [{{targets: ["127.0.0.1:{exporter.port}"], labels: {{env: prod}}}}]
    metric_relabel_configs: [{{source_labels: [__name__], regex: dropped, action: drop}}]
    kubernetes_sd_configs: [{{role: pod}}]
  - job_name: broken
    scrape_timeout: never
"""
        )
        arguments = ("import", "config", tenant.project_id, tmp_path / "prometheus.yml")
        environment = {**os.environ, "BONGSU_URL": server.url, "BONGSU_SERVER_DATA": str(server.data)}

        def run(*more: str) -> subprocess.CompletedProcess[str]:
            command = [BONGSU, *map(str, arguments), *more]
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=120, check=False
            )

        dry = run("--dry-run")
        assert 0 == dry.returncode, dry.stderr
        assert "not carried over: scrape_configs[shop].kubernetes_sd_configs" in dry.stderr
        done = run()
        assert 2 == done.returncode, done.stderr
        assert "refused: broken: " in done.stderr
        assert "2 workspaces, 1 servers and 1 targets made" in done.stderr
        again = run()
        assert "0 workspaces, 0 servers and 0 targets made" in again.stderr
        (row,) = eventually(lambda: tenant.query('taken_over{job="shop",env="prod"}'), what="a scrape")
        assert "1" == row["value"][1]
        assert [] == tenant.query("dropped")
