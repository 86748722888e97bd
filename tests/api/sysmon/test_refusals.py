"""Every call with every documented code, and the cases that the documentation leaves open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    import httpx
    from tests.support.control_app import ControlApp

pytestmark = pytest.mark.anyio

CODES = {
    -40001: "ALREADY_EXIST",
    -40002: "BAD_INPUT_VALUE",
    -40004: "INVALID_HOST_OR_PROJECT",
    -40006: "NOT_FOUND_JOB",
    -40007: "NOT_FOUND_TARGET",
    -40012: "SYSTEM_RESERVED_JOB",
    -50000: "INTERNAL_SERVER_ERROR",
}

CALLS = [
    ("GET", "/jobs", None),
    ("POST", "/jobs", {"jobName": "new", "metricsPath": "/m"}),
    ("GET", "/jobs/{job}", None),
    ("PUT", "/jobs/{job}", {"metricsPath": "/n"}),
    ("DELETE", "/jobs/{job}", None),
    ("GET", "/jobs/{job}/targets", None),
    ("POST", "/jobs/{job}/targets", {"hostId": "{host}", "port": 2}),
    ("GET", "/jobs/{job}/targets/{target}", None),
    ("DELETE", "/jobs/{job}/targets/{target}", None),
    ("GET", "/servers", None),
]

GOOD_JOB = {"jobName": "new", "metricsPath": "/m"}

# method, path, body, region, expected code; {app} is a workspace, {linux} the reserved one, {host} a server, {target} its target.
CASES: list[tuple[str, str, Any, str | None, int]] = [
    ("GET", "/jobs", None, None, -40002),
    ("GET", "/jobs", None, "", -40002),
    ("GET", "/jobs", None, "mars", -40002),
    ("POST", "/jobs", GOOD_JOB, None, -40002),
    ("POST", "/jobs", GOOD_JOB, "mars", -40002),
    ("GET", "/servers", None, None, -40002),
    ("GET", "/servers", None, "mars", -40002),
    ("POST", "/jobs", {"jobName": "app", "metricsPath": "/other"}, "kr", -40001),
    ("POST", "/jobs", {"jobName": "@Linux", "metricsPath": "/m"}, "kr", -40002),
    ("POST", "/jobs", {}, "kr", -40002),
    ("POST", "/jobs", {"jobName": "new"}, "kr", -40002),
    ("POST", "/jobs", {"metricsPath": "/m"}, "kr", -40002),
    ("POST", "/jobs", {"jobName": "a b", "metricsPath": "/m"}, "kr", -40002),
    ("POST", "/jobs", {"jobName": 5, "metricsPath": "/m"}, "kr", -40002),
    ("POST", "/jobs", {"jobName": "new", "metricsPath": "m"}, "kr", -40002),
    ("POST", "/jobs", {"jobName": "new", "metricsPath": "/m", "description": ["x"]}, "kr", -40002),
    ("POST", "/jobs", [], "kr", -40002),
    ("GET", "/jobs/unknown", None, None, -40006),
    ("GET", "/jobs/{foreign}", None, None, -40006),
    ("PUT", "/jobs/unknown", {"metricsPath": "/n"}, None, -40006),
    ("PUT", "/jobs/{foreign}", {"metricsPath": "/n"}, None, -40006),
    ("PUT", "/jobs/{linux}", {"metricsPath": "/n"}, None, -40012),
    ("PUT", "/jobs/{app}", {}, None, -40002),
    ("PUT", "/jobs/{app}", {"description": "x"}, None, -40002),
    ("PUT", "/jobs/{app}", {"metricsPath": ""}, None, -40002),
    ("PUT", "/jobs/{app}", {"metricsPath": "/n", "description": 5}, None, -40002),
    ("DELETE", "/jobs/unknown", None, None, -40006),
    ("DELETE", "/jobs/{foreign}", None, None, -40006),
    ("DELETE", "/jobs/{linux}", None, None, -40012),
    ("GET", "/jobs/unknown/targets", None, None, -40006),
    ("GET", "/jobs/{foreign}/targets", None, None, -40006),
    ("GET", "/jobs/{app}/targets/unknown", None, None, -40007),
    ("GET", "/jobs/unknown/targets/{target}", None, None, -40006),
    ("GET", "/jobs/{linux}/targets/{target}", None, None, -40007),
    ("POST", "/jobs/unknown/targets", {"hostId": "{host}", "port": 2}, None, -40006),
    ("POST", "/jobs/{foreign}/targets", {"hostId": "{host}", "port": 2}, None, -40006),
    ("POST", "/jobs/{linux}/targets", {"hostId": "{host}", "port": 2}, None, -40012),
    ("POST", "/jobs/{app}/targets", {"hostId": "unknown", "port": 2}, None, -40004),
    ("POST", "/jobs/{app}/targets", {"hostId": "{foreign_host}", "port": 2}, None, -40004),
    ("POST", "/jobs/{app}/targets", {"hostId": "{far_host}", "port": 2}, None, -40004),
    ("POST", "/jobs/{app}/targets", {"port": 2}, None, -40002),
    ("POST", "/jobs/{app}/targets", {"hostId": 5, "port": 2}, None, -40002),
    ("POST", "/jobs/{app}/targets", {"hostId": "{host}"}, None, -40002),
    ("POST", "/jobs/{app}/targets", {"hostId": "{host}", "port": "post number"}, None, -40002),
    ("POST", "/jobs/{app}/targets", {"hostId": "{host}", "port": 65536}, None, -40002),
    ("POST", "/jobs/{app}/targets", {"hostId": "{host}", "port": 1}, None, -40001),
    ("DELETE", "/jobs/unknown/targets/{target}", None, None, -40006),
    ("DELETE", "/jobs/{app}/targets/unknown", None, None, -40007),
    ("DELETE", "/jobs/{linux}/targets/{linux_target}", None, None, -40012),
    ("GET", "/jobs/%00", None, None, -40006),
    ("GET", "/jobs/%ED%A0%80", None, None, -40006),
    ("GET", "/jobs/{app}/targets/%00", None, None, -40007),
]


async def names(app: ControlApp) -> dict[str, str]:
    """Make one of everything, and return the ids by the names that paths use."""
    host, job = await app.add_server(), await app.add_job()
    created = await app.sysmon("POST", f"/jobs/{job}/targets", {"hostId": host, "port": 1})
    linux = await app.reserved_job()
    linux_targets = (await app.sysmon("GET", f"/jobs/{linux}/targets")).json()["body"]
    return {
        "host": host,
        "app": job,
        "job": job,
        "target": created.json()["body"],
        "linux": linux,
        "linux_target": linux_targets[0]["targetId"],
        "foreign": await app.add_job(project=app.beta),
        "foreign_host": await app.add_server(project=app.beta),
        "far_host": await app.add_server("far", region="jp"),
    }


def filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str):
        return value.format(**ids)
    return {key: filled(item, ids) for key, item in value.items()} if isinstance(value, dict) else value


def result(answer: httpx.Response) -> tuple[int, int, str, None]:
    told = answer.json()
    assert told["header"]["isSuccessful"] is False
    assert told["header"]["reason"]
    return answer.status_code, told["header"]["resultCode"], told["header"]["resultMessage"], told["body"]


async def test_every_call_refuses_with_its_documented_code_and_changes_nothing(app: ControlApp) -> None:
    ids = await names(app)
    before = app.control.targets.scrape_targets()
    wrong = []
    for method, path, body, region, code in CASES:
        answer = await app.sysmon(method, filled(path, ids), filled(body, ids), region=region)
        if (200, code, CODES[code], None) != result(answer):
            wrong.append((method, path, body, region, code, answer.text))

    assert [] == wrong
    assert before == app.control.targets.scrape_targets()
    assert 2 == len(app.control.workspaces.all(app.alpha.project, "kr"))


async def test_every_call_needs_a_key_of_its_project(app: ControlApp) -> None:
    ids = await names(app)
    read_only = app.alpha.token
    expired = app.control.keys.create(
        app.alpha.project.project_id, name="old", scopes=["read", "manage"], expires_ms=app.clock.now_ms() + 1
    ).text
    revoked = app.control.keys.create(app.alpha.project.project_id, name="gone", scopes=["manage"])
    app.control.keys.revoke(app.alpha.project.project_id, revoked.key.key_id)
    await app.clock.advance(0.001)
    wrong = []
    for method, path, body in CALLS:
        for key, expected in [
            ("", (401, 401, "UNAUTHORIZED", None)),
            ("nonsense", (401, 401, "UNAUTHORIZED", None)),
            (expired, (401, 401, "UNAUTHORIZED", None)),
            (revoked.text, (401, 401, "UNAUTHORIZED", None)),
            (app.beta.appkey, (403, 403, "FORBIDDEN", None)),
            *([(read_only, (403, 403, "FORBIDDEN", None))] if method != "GET" else []),
        ]:
            answer = await app.sysmon(method, filled(path, ids), filled(body, ids), key=key)
            if expected != result(answer):
                wrong.append((method, path, expected, answer.text))

    assert [] == wrong


async def test_a_key_that_reads_may_make_every_get_call(app: ControlApp) -> None:
    ids = await names(app)
    statuses = [
        (await app.sysmon(method, filled(path, ids), key=app.alpha.token)).json()["header"]["resultCode"]
        for method, path, _ in CALLS
        if method == "GET"
    ]

    assert [0] * 5 == statuses


async def test_a_project_that_does_not_exist_reads_as_another_one(app: ControlApp) -> None:
    headers = {"X-TC-APP-KEY": app.alpha.appkey, "X-SYSMON-REGION": "kr"}
    answers = [
        await app.client.get(f"/v1.0/projects/{project_id}/jobs", headers=headers)
        for project_id in ("nobody", app.beta.project.project_id)
    ]

    assert [403, 403] == [answer.status_code for answer in answers]
    assert answers[0].json()["header"]["errorId"] == answers[1].json()["header"]["errorId"]


async def test_another_project_sees_nothing(app: ControlApp) -> None:
    await names(app)
    fresh = app.control.projects.create({"name": "gamma"})
    jobs, servers = [
        (await app.sysmon("GET", path, project=fresh)).json()["body"] for path in ("/jobs", "/servers")
    ]

    assert (["@Linux"], []) == ([job["jobName"] for job in jobs], servers)
    targets = await app.sysmon("GET", f"/jobs/{jobs[0]['jobId']}/targets", project=fresh)
    assert [] == targets.json()["body"]


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("application/json", b""),
        ("application/json", b"{"),
        ("application/json", b'{"jobName": "\\ud800", "metricsPath": "/m"}'),
        ("application/json", b"\xff\xfe"),
        ("application/json", b'{"jobName": "new", "metricsPath": "/m", "description": "\\u0000"}'),
        ("application/json", b" " * (1024 * 1024 + 1)),
        ("application/x-www-form-urlencoded", b'{"jobName": "new", "metricsPath": "/m"}'),
        ("", b'{"jobName": "new", "metricsPath": "/m"}'),
    ],
)
async def test_a_body_that_is_no_json_object_is_bad_input(
    app: ControlApp, content_type: str, content: bytes
) -> None:
    answer = await app.client.post(
        f"/v1.0/projects/{app.alpha.project.project_id}/jobs",
        headers={
            "X-TC-APP-KEY": app.alpha.appkey,
            "X-SYSMON-REGION": "kr",
            **({"Content-Type": content_type} if content_type else {}),
        },
        content=content,
    )

    assert (200, -40002, "BAD_INPUT_VALUE", None) == result(answer)


async def test_the_sixth_target_of_a_server_says_why(app: ControlApp) -> None:
    host_id, job_id = await app.add_server(), await app.add_job()
    for port in range(1, 6):
        await app.sysmon("POST", f"/jobs/{job_id}/targets", {"hostId": host_id, "port": port})
    answer = await app.sysmon("POST", f"/jobs/{job_id}/targets", {"hostId": host_id, "port": 6})

    assert (200, -40002, "BAD_INPUT_VALUE", None) == result(answer)
    assert "'max_targets_per_server'" in answer.json()["header"]["reason"]


async def test_a_failure_of_the_server_is_told_and_logged_without_its_text(
    app: ControlApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(app.control.workspaces, "all", fail)
    with capture_logs() as logs:
        answer = await app.sysmon("GET", "/jobs")

    assert (200, -50000, "INTERNAL_SERVER_ERROR", None) == result(answer)
    assert (False, 1) == ("fire" in answer.text, len(logs))


async def test_a_database_that_does_not_answer_is_a_server_error(
    app: ControlApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bongsu.control.database import DatabaseUnavailable

    def fail(*args: object) -> None:
        raise DatabaseUnavailable(OSError("no route"))

    monkeypatch.setattr(app.control.targets, "all", fail)
    job_id = await app.add_job()
    answer = await app.sysmon("GET", f"/jobs/{job_id}/targets")

    assert (200, -50000, "INTERNAL_SERVER_ERROR", None) == result(answer)
    assert "5" == answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/jobs", "GET, HEAD, POST"),
        ("POST", "/jobs/x", "DELETE, GET, HEAD, PUT"),
        ("PUT", "/jobs/x/targets/y", "DELETE, GET, HEAD"),
        ("POST", "/servers", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_has_not_is_told_with_those_that_it_has(
    app: ControlApp, method: str, path: str, allowed: str
) -> None:
    answer = await app.sysmon(method, path)

    assert (405, 405, "METHOD_NOT_ALLOWED", None) == result(answer)
    assert allowed == answer.headers["allow"]


async def test_an_unknown_path_is_told_in_the_envelope(app: ControlApp) -> None:
    assert (404, 404, "NOT_FOUND", None) == result(await app.sysmon("GET", "/job"))


async def test_changes_are_in_the_trail_with_the_key_that_made_them(app: ControlApp) -> None:
    key_id = app.alpha.appkey.partition(".")[0]
    await app.add_job()
    (newest, *_) = app.control.audit.newest(project_id=app.alpha.project.project_id)

    assert (f"key:{key_id}", "127.0.0.1", "workspace.create") == (
        newest.actor.name,
        newest.actor.address,
        newest.action,
    )
