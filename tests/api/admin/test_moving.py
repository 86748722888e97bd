"""Projects go out of the admin API as a document without secrets, and come in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.control_app import ControlApp

pytestmark = pytest.mark.anyio


async def test_a_project_is_exported_without_secrets_and_imported_with_keys_of_its_own(
    app: ControlApp,
) -> None:
    await app.add_server("web")
    job_id = await app.add_job("app")
    path = f"/projects/{app.alpha.project.project_id}"
    options = {"authorization": {"credentials": "s3cret"}, "scrape_interval": "30s"}
    await app.admin("PUT", f"{path}/workspaces/{job_id}/scrape", options)
    exported = await app.admin("GET", f"{path}/export")
    checked = await app.admin("POST", "/import?check=true&name=copy", exported.json())
    count = len((await app.admin("GET", "/projects")).json()["projects"])
    imported = await app.admin("POST", "/import?name=copy", exported.json())
    report = imported.json()

    assert (200, 200, 2, 201) == (exported.status_code, checked.status_code, count, imported.status_code)
    for secret in ("s3cret", app.alpha.appkey, app.alpha.token):
        assert secret not in exported.text
    assert checked.json()["project"] is None
    assert {"servers": 1, "workspaces": 1, "targets": 0, "layouts": 0} == report["counts"]
    note = "the scrape option 'authorization' of workspace 'app' had a secret, which an export leaves out; set it again"
    assert note in report["notes"]
    made = report["project"]
    copied = await app.admin("GET", f"/projects/{made['projectId']}/workspaces")
    assert [{}, {"scrape_interval": "30s"}] == [w["scrape"] for w in copied.json()["workspaces"]]
    headers = {"X-TC-APP-KEY": made["appkey"], "X-SYSMON-REGION": "kr"}
    own = await app.client.get(f"/v1.0/projects/{made['projectId']}/jobs", headers=headers)
    other = await app.client.get(f"/v1.0{path}/jobs", headers=headers)
    assert (200, 403) == (own.status_code, other.status_code)


async def test_a_document_that_cannot_be_read_is_refused_with_its_place(app: ControlApp) -> None:
    await app.add_server("web")
    exported = (await app.admin("GET", f"/projects/{app.alpha.project.project_id}/export")).json()
    exported["servers"][0]["svrIp"] = ""
    refused = await app.admin("POST", "/import", exported)
    exported["servers"] = []
    dangling = await app.admin("POST", "/import", exported)
    exported["workspaces"][0]["targets"] = []
    exported["workspaces"][0]["scrape"] = {"colour": "red"}
    option = await app.admin("POST", "/import", exported)

    assert [400, 400, 400] == [answer.status_code for answer in (refused, dangling, option)]
    assert refused.json()["error"]["message"].startswith("servers[0]: 'svrIp' is")
    assert "which is none of the document's servers" in dangling.json()["error"]["message"]
    assert "there is no scrape option 'colour'" in option.json()["error"]["message"]
    assert 401 == (await app.admin("POST", "/import", exported, token="wrong")).status_code
    assert 2 == len(app.control.projects.all())
