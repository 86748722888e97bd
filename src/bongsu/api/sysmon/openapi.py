"""The OpenAPI document of `/v1.0`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.openapi import (
    TEXT,
    Schema,
    array,
    content,
    document,
    operation,
    parameter,
    record,
    reference,
)
from bongsu.api.sysmon.envelope import BAD_INPUT, INTERNAL, RESULTS, STATUS_NAMES
from bongsu.api.target_test import TRIAL_SCHEMA
from bongsu.control.checks import MAX_DESCRIPTION, MAX_JOB_NAME, MAX_PATH
from bongsu.control.values import ServerHealth

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION: Schema = {"type": ["string", "null"], "maxLength": MAX_DESCRIPTION}
_PATH: Schema = {"type": "string", "pattern": '^/[!-"$-~]*$', "maxLength": MAX_PATH}
_OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
_LOCAL_TIME: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
_OPTIONAL_LOCAL_TIME: Schema = {**_LOCAL_TIME, "type": ["string", "null"]}


def sysmon_document(regions: Sequence[str]) -> Schema:
    """Return the document of a server with these regions."""
    return document(
        title="Bongsu workspace, target and server API",
        description="Workspaces (jobs) of a project, their collection targets, and the servers that can be targets.",
        paths=_paths(parameter("X-SYSMON-REGION", "header", {"enum": list(regions)}, required=True)),
        schemas=_schemas(),
        security={
            "appKey": {"type": "apiKey", "in": "header", "name": "X-TC-APP-KEY"},
            "bearer": {"type": "http", "scheme": "bearer"},
            "basic": {"type": "http", "scheme": "basic", "description": "user: projectId, password: a key"},
        },
    )


def _paths(region: Schema) -> Schema:
    project, job, target = (parameter(name, "path", TEXT) for name in ("projectId", "jobId", "targetId"))
    state = parameter(
        "state",
        "query",
        {"type": "boolean"},
        description="adds `state`, a field that is not in the original API",
    )
    deleted = parameter(
        "deleted",
        "query",
        {"type": "boolean"},
        description="adds servers that were removed lately; not in the original API",
    )
    jobs, targets = "/v1.0/projects/{projectId}/jobs", "/v1.0/projects/{projectId}/jobs/{jobId}/targets"
    return {
        jobs: {
            "parameters": [project, region],
            "get": _call("listJobs", "List the workspaces of a region", array(reference("Job"))),
            "post": _call("createJob", "Make a workspace", reference("Job"), body=reference("NewJob")),
        },
        f"{jobs}/{{jobId}}": {
            "parameters": [project, job],
            "get": _call("showJob", "Show a workspace", reference("Job")),
            "put": _call("updateJob", "Change a workspace", reference("Job"), body=reference("JobChange")),
            "delete": _call("deleteJob", "Delete a workspace; its samples stay", TEXT),
        },
        targets: {
            "parameters": [project, job],
            "get": _call(
                "listTargets",
                "List the targets of a workspace",
                array(reference("Target")),
                parameters=[state],
            ),
            "post": _call("createTarget", "Make a target", TEXT, body=reference("NewTarget")),
        },
        f"{targets}/{{targetId}}": {
            "parameters": [project, job, target],
            "get": _call("showTarget", "Show a target", reference("Target"), parameters=[state]),
            "delete": _call("deleteTarget", "Delete a target; its samples stay", TEXT),
        },
        f"{jobs}/{{jobId}}/test": {
            "parameters": [project, job],
            "post": _call(
                "testTarget",
                "Scrape a server's port once with the workspace's options and store nothing; not in the original API",
                reference("TargetTrial"),
                body=reference("NewTarget"),
            ),
        },
        "/v1.0/projects/{projectId}/servers": {
            "parameters": [project, region],
            "get": _call(
                "listServers",
                "List the servers of a region",
                array(reference("Server")),
                parameters=[state, deleted],
            ),
        },
    }


def _call(
    operation_id: str,
    summary: str,
    body_schema: Schema,
    *,
    parameters: Sequence[Schema] = (),
    body: Schema | None = None,
) -> Schema:
    success = record({"header": reference("Success"), "body": body_schema})
    refusals = {
        status: content(reference("Failure"), name.replace("_", " ").lower())
        for status, name in STATUS_NAMES.items()
    }
    responses = {
        200: content({"oneOf": [success, reference("Failure")]}, "the result, also of a call that failed"),
        **refusals,
    }
    return operation(operation_id, summary, responses, parameters=parameters, body=body)


def _schemas() -> dict[str, Schema]:
    return {**_envelopes(), **_sent(), **_answered()}


def _envelopes() -> dict[str, Schema]:
    codes = sorted({BAD_INPUT, INTERNAL, *RESULTS.values(), *STATUS_NAMES.items()})
    return {
        "Success": record(
            {
                "isSuccessful": {"const": True},
                "resultCode": {"const": 0},
                "resultMessage": {"const": "SUCCESS"},
            }
        ),
        "Failure": record(
            {
                "header": record(
                    {
                        "isSuccessful": {"const": False},
                        "resultCode": {"enum": [code for code, _ in codes]},
                        "resultMessage": {"enum": [message for _, message in codes]},
                        "reason": {
                            **TEXT,
                            "description": "What was received, what is allowed, what to change.",
                        },
                        "errorId": {**TEXT, "description": "Immutable id of the error."},
                    }
                ),
                "body": {"type": "null"},
            }
        ),
    }


def _sent() -> dict[str, Schema]:
    return {
        "NewJob": {
            "type": "object",
            "properties": {
                "jobName": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": MAX_JOB_NAME},
                "metricsPath": _PATH,
                "description": _DESCRIPTION,
            },
            "required": ["jobName", "metricsPath"],
        },
        "JobChange": {
            "type": "object",
            "properties": {"metricsPath": _PATH, "description": _DESCRIPTION},
            "required": ["metricsPath"],
        },
        "NewTarget": {
            "type": "object",
            "properties": {
                "hostId": TEXT,
                "port": {
                    "oneOf": [
                        {"type": "integer", "minimum": 1, "maximum": 65_535},
                        {"type": "string", "pattern": "^[0-9]{1,5}$"},
                    ]
                },
            },
            "required": ["hostId", "port"],
        },
    }


def _answered() -> dict[str, Schema]:
    return {
        "Job": record(
            {
                "jobId": TEXT,
                "projectId": TEXT,
                "jobName": TEXT,
                "metricsPath": TEXT,
                "description": _OPTIONAL_TEXT,
                "lstModifier": {"type": "null"},
                "lstModYmdt": _LOCAL_TIME,
                "reservedJobCd": _OPTIONAL_TEXT,
            }
        ),
        "Target": record(
            {
                "targetId": TEXT,
                "jobId": TEXT,
                "hostId": TEXT,
                "port": {"type": "integer"},
                "resultCd": {"type": ["integer", "null"]},
                "failReason": _OPTIONAL_TEXT,
                "mntrnStatCd": {"type": "null"},
                "lstModifier": {"type": "null"},
                "lstModYmdt": _LOCAL_TIME,
                "hostNm": TEXT,
                "svrIp": TEXT,
            },
            {
                "state": record(
                    {
                        "health": {"enum": ["preparing", "collecting", "http-error", "failing"]},
                        "since": _OPTIONAL_LOCAL_TIME,
                        "scraped": _OPTIONAL_LOCAL_TIME,
                    }
                )
            },
        ),
        "TargetTrial": TRIAL_SCHEMA,
        "Server": record(
            {
                "hostId": TEXT,
                "hostNm": TEXT,
                "svrIp": TEXT,
                "projectId": TEXT,
                "instanceId": _OPTIONAL_TEXT,
            },
            {
                "state": record(
                    {
                        "health": {"enum": [health.value for health in ServerHealth]},
                        "reason": _OPTIONAL_TEXT,
                        "heard": _OPTIONAL_LOCAL_TIME,
                        "removed": _OPTIONAL_LOCAL_TIME,
                    }
                )
            },
        ),
    }
