"""The `bongsu` command against a running server."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.process import BONGSU, call

if TYPE_CHECKING:
    from tests.support.process import ServerProcess

pytestmark = pytest.mark.process


def _bongsu(
    server: ServerProcess, *arguments: str, token: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BONGSU_URL": server.url, "BONGSU_SERVER_DATA": str(server.data)}
    environment.pop("BONGSU_ADMIN_TOKEN", None)
    if token is not None:
        environment["BONGSU_ADMIN_TOKEN"] = token
    return subprocess.run(
        [BONGSU, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def _records(server: ServerProcess, *arguments: str) -> list[dict[str, Any]]:
    done = _bongsu(server, *arguments)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_project_lives_from_the_command_line(server: ServerProcess) -> None:
    (made,) = _records(server, "project", "create", "by-hand", "--region", "jp", "--retention", "30d")
    project = made["projectId"]
    assert {"projectId", "pcode", "name", "region", "appkey", "token"} <= made.keys()
    assert project in {record["projectId"] for record in _records(server, "project", "list")}

    (updated,) = _records(server, "project", "update", project, "--retention", "1d")
    assert "1d" == updated["retention"]

    (limited,) = _records(
        server, "project", "update", project, "--limit", "retention_bytes=1000000", "--limit", "max_series=7"
    )
    assert {"retention_bytes": 1_000_000, "max_series": 7} == limited["limits"]
    (unlimited,) = _records(server, "project", "update", project, "--limit", "max_series=")
    assert {"retention_bytes": 1_000_000} == unlimited["limits"]
    shown = {record["name"]: record for record in _records(server, "project", "limits", project)}
    assert (1_000_000, 0, 0) == tuple(
        shown["retention_bytes"][field] for field in ("limit", "used", "refused")
    )
    assert 0 == shown["max_series"]["used"]

    (machine,) = _records(server, "server", "add", project, "machine", "10.1.2.3")
    assert [machine["hostId"]] == [record["hostId"] for record in _records(server, "server", "list", project)]
    assert [] == _records(server, "server", "remove", project, machine["hostId"])
    assert [] == _records(server, "server", "list", project)

    assert [] == _records(server, "project", "delete", project, "--yes")
    assert project not in {record["projectId"] for record in _records(server, "project", "list")}
    gone = call("GET", f"{server.url}/prometheus/api/v1/labels", headers={"X-TC-APP-KEY": made["appkey"]})
    assert 401 == gone.status


def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(server: ServerProcess) -> None:
    (project,) = _records(server, "project", "create", "keys")
    (key,) = _records(
        server, "key", "create", project["projectId"], "--scope", "read", "--name", "for grafana"
    )
    headers = {"X-TC-APP-KEY": key["key"]}
    labels = f"{server.url}/prometheus/api/v1/labels"

    assert 200 == call("GET", labels, headers=headers).status
    assert 403 == call("POST", f"{server.url}/otlp/v1/metrics", headers=headers, body={}).status
    listed = _records(server, "key", "list", project["projectId"])
    assert "for grafana" in {record["name"] for record in listed}
    assert not any("key" in record for record in listed), "a list shows no secrets"

    (successor,) = _records(server, "key", "rotate", project["projectId"], key["keyId"], "--overlap", "1h")
    assert 200 == call("GET", labels, headers=headers).status
    assert 200 == call("GET", labels, headers={"X-TC-APP-KEY": successor["key"]}).status

    assert [] == _records(server, "key", "revoke", project["projectId"], key["keyId"])
    assert 401 == call("GET", labels, headers=headers).status


def test_mistakes_end_with_the_servers_words(server: ServerProcess) -> None:
    unknown = _bongsu(server, "project", "update", "nobody", "--name", "x")
    assert 1 == unknown.returncode
    assert "nobody" in unknown.stderr

    wrong = _bongsu(server, "project", "list", token="wrong")
    assert 1 == wrong.returncode
    assert "admin token" in wrong.stderr

    away = _bongsu(server, "project", "list", "--url", "http://127.0.0.1:9")
    assert 1 == away.returncode
    assert "is the server running?" in away.stderr


def test_bad_settings_stop_the_start_with_a_reason(server: ServerProcess) -> None:
    for arguments, words in (
        (("serve", "--listen", "nowhere"), "HOST:PORT"),
        (("serve", "--enable-feature", "magic"), "unknown feature 'magic'"),
        (("serve", "--config", "/none.toml"), "cannot read the configuration"),
    ):
        done = _bongsu(server, *arguments)

        assert 1 == done.returncode
        assert words in done.stderr
