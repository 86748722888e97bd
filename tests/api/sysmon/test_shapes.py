"""Every call's good answer, field by field as its documentation shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bongsu.control.values import ScrapeOutcome

if TYPE_CHECKING:
    from tests.support.control_app import ControlApp

pytestmark = pytest.mark.anyio

SUCCESS = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}


def ok(body: Any) -> dict[str, Any]:
    return {"header": SUCCESS, "body": body}


def job_record(app: ControlApp, job_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "jobId": job_id,
        "projectId": app.alpha.project.project_id,
        "jobName": "jobName",
        "metricsPath": "/metricPath",
        "description": "description",
        "lstModifier": None,
        "lstModYmdt": "2021-08-17T10:30:06",
        "reservedJobCd": None,
    } | changes


async def test_a_workspace_from_its_creation_to_its_deletion(app: ControlApp) -> None:
    body = {"jobName": "jobName", "metricsPath": "/metricPath", "description": "description"}
    created = await app.sysmon("POST", "/jobs", body)
    job_id = created.json()["body"]["jobId"]
    shown = await app.sysmon("GET", f"/jobs/{job_id}", region=None)
    await app.clock.advance(299)
    changes = {"metricsPath": "/updatemetricsPath", "description": "updatedescription"}
    updated = await app.sysmon("PUT", f"/jobs/{job_id}", changes, region=None)
    listed = await app.sysmon("GET", "/jobs")
    deleted = await app.sysmon("DELETE", f"/jobs/{job_id}", region=None)
    listed_after = await app.sysmon("GET", "/jobs")

    new = job_record(app, job_id, **changes, lstModYmdt="2021-08-17T10:35:05")
    assert [200] * 6 == [
        answer.status_code for answer in (created, shown, updated, listed, deleted, listed_after)
    ]
    assert ok(job_record(app, job_id)) == created.json() == shown.json()
    assert ok(new) == updated.json()
    assert new == listed.json()["body"][1]
    assert ok(job_id) == deleted.json()
    assert ["@Linux"] == [job["jobName"] for job in listed_after.json()["body"]]


async def test_fields_come_in_the_order_of_the_documentation(app: ControlApp) -> None:
    host_id, job_id = await app.add_server(), await app.add_job()
    await app.sysmon("POST", f"/jobs/{job_id}/targets", {"hostId": host_id, "port": 1})
    jobs, targets, servers = [
        (await app.sysmon("GET", path)).json() for path in ("/jobs", f"/jobs/{job_id}/targets", "/servers")
    ]

    assert ["header", "body"] == list(jobs)
    assert list(SUCCESS) == list(jobs["header"])
    assert "jobId projectId jobName metricsPath description lstModifier lstModYmdt reservedJobCd" == " ".join(
        jobs["body"][0]
    )
    assert (
        "targetId jobId hostId port resultCd failReason mntrnStatCd lstModifier lstModYmdt hostNm svrIp"
        == " ".join(targets["body"][0])
    )
    assert "hostId hostNm svrIp projectId instanceId" == " ".join(servers["body"][0])


async def test_the_reserved_workspace_is_listed_first_with_its_code(app: ControlApp) -> None:
    await app.add_job()
    jobs = (await app.sysmon("GET", "/jobs")).json()["body"]

    assert [("@Linux", "LINUX", "/metrics"), ("app", None, "/m")] == [
        (job["jobName"], job["reservedJobCd"], job["metricsPath"]) for job in jobs
    ]


async def test_a_description_may_be_left_out(app: ControlApp) -> None:
    created = await app.sysmon("POST", "/jobs", {"jobName": "a", "metricsPath": "/m"})

    assert created.json()["body"]["description"] is None


async def test_servers_are_those_of_the_region(app: ControlApp) -> None:
    here = await app.add_server("web", instanceId="instanceId")
    await app.add_server("far", region="jp")
    await app.add_server("foreign", project=app.beta)
    answer = await app.sysmon("GET", "/servers")

    assert (
        ok(
            [
                {
                    "hostId": here,
                    "hostNm": "web",
                    "svrIp": "192.168.0.5",
                    "projectId": app.alpha.project.project_id,
                    "instanceId": "instanceId",
                }
            ]
        )
        == answer.json()
    )


async def test_how_servers_are_is_told_when_it_is_asked_for(app: ControlApp) -> None:
    await app.add_server("here")
    gone = await app.add_server("gone")
    await app.add_server("foreign", project=app.beta)
    app.control.servers.delete(app.alpha.project, gone)
    answer = await app.sysmon("GET", "/servers?state=true&deleted=true")
    far = await app.sysmon("GET", "/servers?state=true&deleted=true", region="jp")
    wrong = await app.sysmon("GET", "/servers?deleted=perhaps")

    states = {server["hostNm"]: server["state"] for server in answer.json()["body"]}
    assert {
        "here": {
            "health": "stopped",
            "reason": "nothing was heard of the machine yet",
            "heard": None,
            "removed": None,
        },
        "gone": {
            "health": "deleted",
            "reason": "the server was removed",
            "heard": None,
            "removed": "2021-08-17T10:30:06",
        },
    } == states
    assert ([], -40002) == (far.json()["body"], wrong.json()["header"]["resultCode"])


async def test_a_target_from_its_creation_to_its_deletion(app: ControlApp) -> None:
    host_id, job_id = await app.add_server("hostNm"), await app.add_job()
    created = await app.sysmon(
        "POST", f"/jobs/{job_id}/targets", {"hostId": host_id, "port": "9100"}, region=None
    )
    target_id = created.json()["body"]
    shown = await app.sysmon("GET", f"/jobs/{job_id}/targets/{target_id}", region=None)
    listed = await app.sysmon("GET", f"/jobs/{job_id}/targets", region=None)
    deleted = await app.sysmon("DELETE", f"/jobs/{job_id}/targets/{target_id}", region=None)
    listed_after = await app.sysmon("GET", f"/jobs/{job_id}/targets", region=None)

    record = {
        "targetId": target_id,
        "jobId": job_id,
        "hostId": host_id,
        "port": 9100,
        "resultCd": None,
        "failReason": None,
        "mntrnStatCd": None,
        "lstModifier": None,
        "lstModYmdt": "2021-08-17T10:30:06",
        "hostNm": "hostNm",
        "svrIp": "192.168.0.5",
    }
    assert ok(target_id) == created.json() == deleted.json()
    assert ok(record) == shown.json()
    assert (ok([record]), ok([])) == (listed.json(), listed_after.json())


@pytest.mark.parametrize(
    ("code", "reason", "health"),
    [
        (0, None, "collecting"),
        (503, "HTTP 503 Service Unavailable", "http-error"),
        (-1, "timeout", "failing"),
    ],
)
async def test_the_newest_outcome_is_shown_at_once(
    app: ControlApp, code: int, reason: str | None, health: str
) -> None:
    host_id, job_id = await app.add_server(), await app.add_job()
    created = await app.sysmon("POST", f"/jobs/{job_id}/targets", {"hostId": host_id, "port": 1})
    target_id = created.json()["body"]
    app.control.states.report([ScrapeOutcome(target_id, app.clock.now_ms() + 1000, code, reason)])
    (listed,) = (await app.sysmon("GET", f"/jobs/{job_id}/targets?state=true")).json()["body"]
    shown = (await app.sysmon("GET", f"/jobs/{job_id}/targets/{target_id}?state=true")).json()["body"]

    assert listed == shown
    assert (code, reason, None) == (shown["resultCd"], shown["failReason"], shown["mntrnStatCd"])
    assert {"health": health, "since": "2021-08-17T10:30:07", "scraped": "2021-08-17T10:30:07"} == shown[
        "state"
    ]


async def test_a_wrong_state_parameter_is_bad_input(app: ControlApp) -> None:
    job_id = await app.add_job()
    answer = await app.sysmon("GET", f"/jobs/{job_id}/targets?state=yes")

    assert -40002 == answer.json()["header"]["resultCode"]


async def test_a_head_request_is_answered_as_get_without_a_body(app: ControlApp) -> None:
    answer = await app.sysmon("HEAD", "/jobs")

    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
