"""The operator's calls: good answers, refusals, and what they do to the other APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.control_app import ControlApp

pytestmark = pytest.mark.anyio

MADE_AT = "2021-08-17T10:30:06.000Z"


async def test_a_new_project_is_answered_with_its_keys_and_nothing_else(app: ControlApp) -> None:
    answer = await app.admin("POST", "/projects", {"name": "gamma", "region": "jp", "retention": "30d"})
    made = answer.json()

    assert (201, "no-store") == (answer.status_code, answer.headers["cache-control"])
    assert ["projectId", "pcode", "name", "region", "appkey", "token"] == list(made)
    assert ("gamma", "jp", int) == (made["name"], made["region"], type(made["pcode"]))
    project = app.control.projects.get(made["projectId"])
    assert (made["pcode"], 30 * 86_400_000) == (project.pcode, project.settings.retention_ms)


async def test_the_keys_of_a_new_project_work_at_once_and_for_it_only(app: ControlApp) -> None:
    made = (await app.admin("POST", "/projects", {"name": "gamma"})).json()
    headers = {"X-TC-APP-KEY": made["token"], "X-SYSMON-REGION": "kr"}
    own = await app.client.get(f"/v1.0/projects/{made['projectId']}/jobs", headers=headers)
    other = await app.client.get(f"/v1.0/projects/{app.alpha.project.project_id}/jobs", headers=headers)

    assert (200, 403) == (own.status_code, other.status_code)


async def test_a_project_is_listed_shown_changed_and_removed(app: ControlApp) -> None:
    project_id = app.alpha.project.project_id
    record = {
        "projectId": project_id,
        "pcode": app.alpha.project.pcode,
        "name": "alpha",
        "region": "kr",
        "retention": "15d",
        "linuxWorkspace": True,
        "windowsWorkspace": True,
        "limits": {},
        "allowedNetworks": [],
        "createdAt": MADE_AT,
    }
    changes = {
        "name": "omega",
        "retention": "0",
        "linuxWorkspace": False,
        "windowsWorkspace": False,
        "limits": {"max_servers": 7},
        "allowedNetworks": ["127.0.0.0/8"],
    }
    shown = await app.admin("GET", f"/projects/{project_id}")
    changed = await app.admin("PATCH", f"/projects/{project_id}", changes)
    listed = await app.admin("GET", "/projects")
    removed = await app.admin("DELETE", f"/projects/{project_id}")
    shown_after = await app.admin("GET", f"/projects/{project_id}")

    assert record == shown.json()
    assert record | changes == changed.json()
    assert ["omega", "beta"] == [project["name"] for project in listed.json()["projects"]]
    assert (204, b"", 404) == (removed.status_code, removed.content, shown_after.status_code)
    assert [project_id] == app.dropped


async def test_the_keys_of_a_removed_project_are_refused_at_once(app: ControlApp) -> None:
    before = await app.sysmon("GET", "/jobs")
    await app.admin("DELETE", f"/projects/{app.alpha.project.project_id}")
    after = await app.sysmon("GET", "/jobs")

    assert (200, 401) == (before.status_code, after.status_code)


async def test_a_key_is_made_listed_and_revoked(app: ControlApp) -> None:
    path = f"/projects/{app.alpha.project.project_id}/keys"
    made = await app.admin("POST", path, {"name": "ci", "scopes": ["read", "manage"], "expiresIn": "1h"})
    key = made.json()
    listed = (await app.admin("GET", path)).json()["keys"]
    works = await app.sysmon("GET", "/jobs", key=key["key"])
    revoked = await app.admin("DELETE", f"{path}/{key['keyId']}")
    refused = await app.sysmon("GET", "/jobs", key=key["key"])

    record = {
        "keyId": key["keyId"],
        "name": "ci",
        "scopes": ["manage", "read"],
        "createdAt": MADE_AT,
        "expiresAt": "2021-08-17T11:30:06.000Z",
        "lastUsedAt": None,
    }
    assert (201, record | {"key": key["key"]}) == (made.status_code, key)
    assert record in listed
    assert (200, 204, 401) == (works.status_code, revoked.status_code, refused.status_code)


async def test_a_key_that_names_no_scope_may_read(app: ControlApp) -> None:
    made = await app.admin("POST", f"/projects/{app.alpha.project.project_id}/keys", {})

    assert ["read"] == made.json()["scopes"]


async def test_a_rotated_key_works_until_the_overlap_ends(app: ControlApp) -> None:
    path = f"/projects/{app.alpha.project.project_id}/keys/{app.alpha.token.partition('.')[0]}/rotate"
    made = await app.admin("POST", path, {"overlap": "1h"})
    old = [(await app.sysmon("GET", "/jobs", key=app.alpha.token)).status_code]
    await app.clock.advance(3600)
    old.append((await app.sysmon("GET", "/jobs", key=app.alpha.token)).status_code)
    new = await app.sysmon("GET", "/jobs", key=made.json()["key"])

    assert (201, [200, 401], 200) == (made.status_code, old, new.status_code)


async def test_a_server_is_registered_shown_changed_and_removed(app: ControlApp) -> None:
    path = f"/projects/{app.alpha.project.project_id}/servers"
    made = await app.admin("POST", path, {"hostNm": "web", "svrIp": "10.0.0.1", "instanceId": "i-1"})
    server = made.json()
    shown = await app.admin("GET", f"{path}/{server['hostId']}")
    changed = await app.admin("PATCH", f"{path}/{server['hostId']}", {"svrIp": "10.0.0.2"})
    listed = await app.admin("GET", path)
    removed = await app.admin("DELETE", f"{path}/{server['hostId']}")
    left = await app.admin("GET", path)
    remembered = await app.admin("GET", f"{path}?deleted=true")

    record = {
        "hostId": server["hostId"],
        "hostNm": "web",
        "svrIp": "10.0.0.1",
        "instanceId": "i-1",
        "region": "kr",
        "os": None,
        "createdAt": MADE_AT,
    }
    state = {
        "health": "stopped",
        "reason": "nothing was heard of the machine yet",
        "heardAt": None,
        "removedAt": None,
    }
    gone = {"health": "deleted", "reason": "the server was removed", "heardAt": None, "removedAt": MADE_AT}
    assert (201, record, record) == (made.status_code, server, shown.json())
    assert record | {"svrIp": "10.0.0.2"} == changed.json()
    assert {"servers": [changed.json() | {"state": state}]} == listed.json()
    assert ({"servers": []}, {"servers": [changed.json() | {"state": gone}]}) == (
        left.json(),
        remembered.json(),
    )
    assert (204, []) == (removed.status_code, app.control.servers.all(app.alpha.project))


@pytest.mark.parametrize(
    ("header", "field", "region"),
    [(None, None, "kr"), ("jp", None, "jp"), (None, "us", "us"), ("jp", "us", "us")],
)
async def test_a_servers_region_is_the_fields_then_the_headers_then_the_projects(
    app: ControlApp, header: str | None, field: str | None, region: str
) -> None:
    headers = {"Authorization": "Bearer the-admin-token"} | ({"X-SYSMON-REGION": header} if header else {})
    body = {"hostNm": "web", "svrIp": "10.0.0.1"} | ({"region": field} if field else {})
    url = f"/admin/v1/projects/{app.alpha.project.project_id}/servers"
    made = await app.client.post(url, headers=headers, json=body)

    assert region == made.json()["region"]


async def test_servers_are_listed_by_region(app: ControlApp) -> None:
    await app.add_server("here")
    await app.add_server("there", region="jp")
    listed = await app.admin("GET", f"/projects/{app.alpha.project.project_id}/servers?region=jp")

    assert ["there"] == [server["hostNm"] for server in listed.json()["servers"]]


async def test_limits_are_listed_with_their_use_and_take_effect_at_once(app: ControlApp) -> None:
    project = f"/projects/{app.alpha.project.project_id}"
    await app.add_server("first")
    await app.admin("PATCH", project, {"limits": {"max_servers": 1}})
    listed = (await app.admin("GET", f"{project}/limits")).json()["limits"]
    refused = await app.admin("POST", f"{project}/servers", {"hostNm": "second", "svrIp": "10.0.0.1"})
    elsewhere = await app.add_server("second", project=app.beta)

    assert [
        ("max_keys", 2),
        ("max_layouts", 0),
        ("max_servers", 1),
        ("max_targets_per_server", None),
        ("max_workspaces", 0),
    ] == [(limit["name"], limit["used"]) for limit in listed]
    assert {
        "name": "max_servers",
        "limit": 1,
        "default": 5000,
        "own": 1,
        "used": 1,
        "refused": 0,
        "setting": "limits.max_servers",
    } == listed[2]
    assert (422, "limit-exceeded") == (refused.status_code, refused.json()["error"]["id"])
    assert elsewhere


REFUSALS: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/projects", {}, 400, "bad-value"),
    ("POST", "/projects", {"name": "x", "region": "mars"}, 400, "bad-value"),
    ("POST", "/projects", {"name": "x", "nmae": "y"}, 400, "bad-value"),
    ("POST", "/projects", [], 400, "bad-json"),
    ("GET", "/projects/nobody", None, 404, "unknown-project"),
    ("GET", "/projects/%00", None, 404, "unknown-project"),
    ("PATCH", "/projects/nobody", {}, 404, "unknown-project"),
    ("PATCH", "/projects/{alpha}", {"region": "jp"}, 400, "bad-value"),
    ("PATCH", "/projects/{alpha}", {"limits": {"max_fun": 1}}, 400, "bad-value"),
    ("DELETE", "/projects/nobody", None, 404, "unknown-project"),
    ("GET", "/projects/nobody/keys", None, 404, "unknown-project"),
    ("POST", "/projects/nobody/keys", {}, 404, "unknown-project"),
    ("POST", "/projects/{alpha}/keys", {"scopes": ["root"]}, 400, "bad-value"),
    ("POST", "/projects/{alpha}/keys", {"expiresIn": 5}, 400, "bad-value"),
    ("POST", "/projects/{alpha}/keys", {"expiresIn": "soon"}, 400, "bad-value"),
    ("POST", "/projects/{alpha}/keys", {"expiresIn": "0"}, 400, "bad-value"),
    ("DELETE", "/projects/{alpha}/keys/nobody", None, 404, "unknown-key"),
    ("DELETE", "/projects/{alpha}/keys/{beta_key}", None, 404, "unknown-key"),
    ("POST", "/projects/{alpha}/keys/{beta_key}/rotate", {}, 404, "unknown-key"),
    ("GET", "/projects/nobody/limits", None, 404, "unknown-project"),
    ("GET", "/projects/nobody/servers", None, 404, "unknown-project"),
    ("GET", "/projects/{alpha}/servers?region=mars", None, 400, "bad-value"),
    ("GET", "/projects/{alpha}/servers?region=%00", None, 400, "bad-value"),
    ("POST", "/projects/{alpha}/servers", {"hostNm": "web"}, 400, "bad-value"),
    ("POST", "/projects/{alpha}/servers", {"hostNm": "taken", "svrIp": "10.0.0.1"}, 409, "already-exists"),
    ("GET", "/projects/{alpha}/servers/nobody", None, 404, "unknown-server"),
    ("PATCH", "/projects/{beta}/servers/{host}", {"svrIp": "10.6.6.6"}, 404, "unknown-server"),
    ("DELETE", "/projects/{beta}/servers/{host}", None, 404, "unknown-server"),
    ("GET", "/audit?limit=0", None, 400, "bad-value"),
    ("GET", "/audit?limit=x", None, 400, "bad-value"),
    ("PUT", "/projects", {}, 405, "method-not-allowed"),
    ("GET", "/nothing", None, 404, "unknown-path"),
]


async def test_every_refusal_has_its_status_and_id(app: ControlApp) -> None:
    ids = {
        "alpha": app.alpha.project.project_id,
        "beta": app.beta.project.project_id,
        "beta_key": app.beta.appkey.partition(".")[0],
        "host": await app.add_server("taken"),
    }
    wrong = []
    for method, path, body, status, error_id in REFUSALS:
        answer = await app.admin(method, path.format(**ids), body)
        if (status, error_id) != (answer.status_code, answer.json()["error"]["id"]):
            wrong.append((method, path, body, answer.text))

    assert [] == wrong


CALLS = [
    ("GET", "/projects"),
    ("POST", "/projects"),
    ("GET", "/projects/{alpha}"),
    ("PATCH", "/projects/{alpha}"),
    ("DELETE", "/projects/{alpha}"),
    ("GET", "/projects/{alpha}/limits"),
    ("GET", "/projects/{alpha}/keys"),
    ("POST", "/projects/{alpha}/keys"),
    ("DELETE", "/projects/{alpha}/keys/x"),
    ("POST", "/projects/{alpha}/keys/x/rotate"),
    ("GET", "/projects/{alpha}/servers"),
    ("POST", "/projects/{alpha}/servers"),
    ("GET", "/projects/{alpha}/servers/x"),
    ("PATCH", "/projects/{alpha}/servers/x"),
    ("DELETE", "/projects/{alpha}/servers/x"),
    ("GET", "/projects/{alpha}/audit"),
    ("GET", "/audit"),
]


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic dGhlLWFkbWluLXRva2Vu", "key"]
)
async def test_every_call_needs_the_admin_token(app: ControlApp, authorization: str | None) -> None:
    """A project's own key with all scopes opens nothing here either."""
    if authorization == "key":
        authorization = f"Bearer {app.alpha.appkey}"
    headers = {} if authorization is None else {"Authorization": authorization}
    statuses = set()
    for method, path in CALLS:
        url = f"/admin/v1{path.format(alpha=app.alpha.project.project_id)}"
        answer = await app.client.request(method, url, headers=headers, json={"name": "x"})
        statuses.add((answer.status_code, answer.headers.get("www-authenticate")))

    assert {(401, 'Bearer realm="bongsu"')} == statuses
    assert 2 == len(app.control.projects.all())


async def test_the_trail_is_read_whole_or_by_project(app: ControlApp) -> None:
    host_id = await app.add_server()
    await app.add_server(project=app.beta)
    whole = (await app.admin("GET", "/audit?limit=2")).json()["entries"]
    (newest, *_) = (await app.admin("GET", f"/projects/{app.alpha.project.project_id}/audit")).json()[
        "entries"
    ]

    assert [app.beta.project.project_id, app.alpha.project.project_id] == [
        entry["projectId"] for entry in whole
    ]
    assert {
        "sequence": newest["sequence"],
        "at": MADE_AT,
        "actor": "admin",
        "address": "127.0.0.1",
        "action": "server.create",
        "subject": host_id,
        "projectId": app.alpha.project.project_id,
        "detail": {"hostNm": "web", "svrIp": "192.168.0.5", "region": "kr"},
    } == newest


async def test_no_answer_but_the_first_shows_a_secret(app: ControlApp) -> None:
    project = f"/projects/{app.alpha.project.project_id}"
    paths = ("/projects", project, f"{project}/keys", f"{project}/audit", "/audit")
    answers = [(await app.admin("GET", path)).text for path in paths]
    secrets = [key.partition(".")[2] for key in (app.alpha.appkey, app.alpha.token)]

    assert [] == [text for text in answers for secret in secrets if secret in text]
