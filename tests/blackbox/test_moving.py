"""A project goes from one real server to another: its set-up as one document, its samples by export and import."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.exporters import PlainExporter
from tests.support.process import BONGSU, Tenant, call, eventually, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.support.process import ServerProcess

pytestmark = pytest.mark.process

QUICK = {"BONGSU_SCRAPE_INTERVAL": "1s", "BONGSU_SCRAPE_TIMEOUT": "1s"}
PASSWORD = "the-exporters-own-password"
ODD = b"""odd{kind="nan"} NaN
odd{kind="much"} +Inf
odd{kind="exact"} 0.30000000000000004
odd{kind="\xed\x95\x9c\xea\xb8\x80"} -0
"""

Series = tuple[tuple[str, str], ...]
Samples = dict[Series, dict[int, str]]
"""Of each series its samples by their times, as they stand in an export: -0 is not 0 there."""


@pytest.fixture(scope="module")
def two_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    folder = tmp_path_factory.mktemp("moving")
    with running_server(folder / "old", **QUICK) as old, running_server(folder / "new", **QUICK) as new:
        yield old, new


def run(
    server: ServerProcess, *arguments: object, key: str = "", stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {
        "BONGSU_URL": server.url,
        "BONGSU_SERVER_DATA": str(server.data),
        "BONGSU_KEY": key,
    }
    command = [BONGSU, *map(str, arguments)]
    done = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, timeout=120, check=False
    )
    assert 0 == done.returncode, done.stderr
    return done


def admin(server: ServerProcess, method: str, path: str, body: object = None) -> Any:
    answer = call(method, f"{server.url}/admin/v1/{path}", headers=server.admin_headers, body=body)
    assert answer.status in {200, 201, 204}, answer.text
    return answer.json() if answer.body else None


def samples_of(exported: bytes) -> Samples:
    """Return what the lines of an export hold; a sample that stands there twice fails."""
    found: Samples = {}
    for line in map(json.loads, exported.splitlines()):
        series = found.setdefault(tuple(sorted(line["metric"].items())), {})
        for at, value in zip(line["timestamps"], line["values"], strict=True):
            assert at not in series
            series[at] = json.dumps(value)
    return found


def console(tenant: Tenant, method: str, path: str, body: object = None) -> Any:
    answer = call(
        method, f"{tenant.url}/console/api/{path}", headers={"X-TC-APP-KEY": tenant.appkey}, body=body
    )
    assert answer.status in {200, 201}, answer.text
    return answer.json()


def fill(server: ServerProcess, exporter: PlainExporter) -> Tenant:
    """Make a project that has one of everything, and samples that were scraped and that were pushed."""
    tenant = server.create_project("shop", region="jp", retention="3d", limits={"max_keys": 7})
    host_id = server.register_server(tenant, "web")
    job = {"jobName": "app", "metricsPath": "/metrics", "description": "the app"}
    job_id = tenant.sysmon("POST", "jobs", job, region="jp")["body"]["jobId"]
    path = f"projects/{tenant.project_id}/workspaces/{job_id}"
    options = {
        "honor_labels": True,
        "basic_auth": {"username": "me", "password": PASSWORD},
        "metric_relabel_configs": [{"source_labels": ["kind"], "target_label": "sort"}],
    }
    admin(server, "PUT", f"{path}/scrape", options)
    target = {"hostId": host_id, "port": exporter.port}
    tenant.sysmon("POST", f"jobs/{job_id}/targets", target)
    (made,) = tenant.sysmon("GET", f"jobs/{job_id}/targets")["body"]
    target_id = made["targetId"]
    admin(server, "PUT", f"{path}/targets/{target_id}/scrape", {"labels": {"env": "prod"}})
    console(tenant, "POST", "layouts", {"name": "first", "place": job_id, "layout": {"panels": []}})
    run(
        server, "import", "samples", "-", "--format", "prometheus", key=tenant.appkey,
        stdin=ODD,
    )  # fmt: skip
    for number in range(3):
        exporter.text = f"orders_total {number}\n"
        eventually(
            lambda number=number: tenant.query(f"orders_total == {number}"),  # type: ignore[misc]
            what="a scrape",
        )
    return tenant


PASSING = {"pcode", "createdAt", "modifiedMs", "version", "health", "reason", "used", "refused"}
"""What tells when something was made or how it is at this moment, and the number that a server gives out itself."""


def lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: lasting(inner) for name, inner in value.items() if name not in PASSING}
    return [lasting(inner) for inner in value] if isinstance(value, list) else value


def set_up(server: ServerProcess, tenant: Tenant) -> Any:
    """Return what the APIs tell of a project, but for what is not to last."""
    own = f"projects/{tenant.project_id}"
    workspaces = admin(server, "GET", f"{own}/workspaces")["workspaces"]
    layouts = console(tenant, "GET", "layouts")["layouts"]
    shown = {
        "project": admin(server, "GET", own),
        "limits": admin(server, "GET", f"{own}/limits")["limits"],
        "servers": admin(server, "GET", f"{own}/servers")["servers"],
        "workspaces": workspaces,
        "targets": [admin(server, "GET", f"{own}/workspaces/{w['jobId']}/targets") for w in workspaces],
        "layouts": [console(tenant, "GET", f"layouts/{layout['layoutId']}") for layout in layouts],
    }
    return lasting(shown)


def moved(old: ServerProcess, new: ServerProcess, project_id: str, folder: Path) -> Tenant:
    """Move a project's set-up by the commands of the documentation."""
    document = folder / "project.json"
    document.write_bytes(run(old, "project", "export", project_id).stdout)
    assert PASSWORD.encode() not in document.read_bytes()
    count = len(admin(new, "GET", "projects")["projects"])
    checked = run(new, "project", "import", document, "--check")
    assert (b"", count) == (checked.stdout, len(admin(new, "GET", "projects")["projects"]))
    imported = run(new, "project", "import", document)
    assert checked.stderr == imported.stderr
    assert b"the scrape option 'basic_auth' of workspace 'app' had a secret" in imported.stderr
    made = json.loads(imported.stdout)
    return Tenant(new.url, made["projectId"], made["pcode"], made["appkey"], made["token"])


def test_a_project_is_on_another_server_what_it_was_on_the_first(
    two_servers: tuple[ServerProcess, ServerProcess], tmp_path: Path
) -> None:
    old, new = two_servers
    neighbour = new.create_project("neighbour")
    with PlainExporter("") as exporter:
        before = fill(old, exporter)
        expected = set_up(old, before)
        exported = run(old, "export", key=before.token).stdout
        after = moved(old, new, before.project_id, tmp_path)
        run(new, "import", "samples", "-", key=after.appkey, stdin=exported)
        again = run(new, "import", "samples", "-", key=after.appkey, stdin=exported)

        app = next(w for w in expected["workspaces"] if w["jobName"] == "app")
        del app["scrape"]["basic_auth"]
        assert expected == set_up(new, after)
        assert b" 0 samples or lines refused" in again.stderr
        exporter.text = "orders_total 3\n"
        (goes_on,) = eventually(lambda: after.query("orders_total == 3"), what="a scrape by the new server")

    samples = samples_of(exported)
    orders = samples[tuple(sorted(goes_on["metric"].items()))]
    assert {0, 1, 2} <= set(map(float, orders.values())), "the series goes on under the labels that it had"
    pushed = [values for labels, values in samples.items() if ("__name__", "odd") in labels]
    odd = {value for values in pushed for value in values.values()}
    assert {"null", '"Infinity"', "0.30000000000000004", "-0.0"} == odd
    kept = samples_of(run(new, "export", key=after.token).stdout)
    assert samples == {series: shared(kept, series, found) for series, found in samples.items()}
    assert b"" == run(new, "export", key=neighbour.token).stdout


def shared(samples: Samples, series: Series, wanted: Mapping[int, str]) -> Mapping[int, str]:
    """Return the samples of a series up to the newest wanted one: what a server has collected itself is newer."""
    found, newest = samples.get(series, {}), max(wanted)
    return {at: value for at, value in found.items() if at <= newest}


def test_what_the_old_server_took_after_the_export_comes_along_when_it_has_stopped(
    two_servers: tuple[ServerProcess, ServerProcess], tmp_path: Path
) -> None:
    _, new = two_servers
    target = new.create_project("moved")
    with running_server(tmp_path / "leaving", **QUICK) as leaving:
        source, neighbour = leaving.create_project("moving"), leaving.create_project("staying")
        took(leaving, source, 1)
        took(leaving, neighbour, 7)
        first = run(leaving, "export", key=source.token).stdout
        began = min(at for values in samples_of(first).values() for at in values)
        run(new, "import", "samples", "-", key=target.appkey, stdin=first)
        took(leaving, source, 2)
        whole = samples_of(run(leaving, "export", key=source.token).stdout)
    folder = ("--data", leaving.data, "--project", source.project_id)
    rest = run(new, "tsdb", "export", *folder, "--format", "json", "--start", began // 1000).stdout
    run(new, "import", "samples", "-", key=target.appkey, stdin=rest)

    assert [1, 2] == sorted(float(value) for values in whole.values() for value in values.values())
    assert whole == samples_of(run(new, "export", key=target.token).stdout)


def took(server: ServerProcess, tenant: Tenant, number: int) -> None:
    """Let a project take one sample, of now."""
    text = f'taken{{number="{number}"}} {number}\n'.encode()
    run(server, "import", "samples", "-", "--format", "prometheus", key=tenant.appkey, stdin=text)
