"""
A client that was written from the API's documentation alone: its curl lines, with the endpoint before the path.

Run over a real socket by the real curl, so that header names, quoting and content types are as a user would send them.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.applications import Starlette

from bongsu.api import sysmon
from bongsu.api.access import AccessControl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.control_app import ControlApp

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]

LIST_JOBS = """curl -i -X GET \\
   -H "X-TC-APP-KEY:appkey" \\
   -H "X-SYSMON-REGION:kr" \\
   'endpoint/v1.0/projects/projectId/jobs'"""
CREATE_JOB = """curl -i -X POST \\
   -H "X-TC-APP-KEY:appkey" \\
   -H "X-SYSMON-REGION:kr" \\
   -H "Content-Type:application/json" \\
   -d \\
   '{"jobName": "jobName",
   "metricsPath": "/metricPath",
   "description": "description"
   } ' \\
   'endpoint/v1.0/projects/projectId/jobs'"""
SHOW_JOB = """curl -i -X GET \\
   -H "X-TC-APP-KEY:appkey" \\
   'endpoint/v1.0/projects/projectId/jobs/jobId'"""
UPDATE_JOB = """curl -i -X PUT \\
   -H "X-TC-APP-KEY:appkey" \\
   -H "Content-Type:application/json" \\
   -d \\
   '{
   "metricsPath": "/updatemetricsPath",
   "description": "updatedescription"
   } ' \\
   'endpoint/v1.0/projects/projectId/jobs/jobId'"""
DELETE_JOB = SHOW_JOB.replace("GET", "DELETE")
LIST_TARGETS = SHOW_JOB.replace("jobs/jobId", "jobs/jobId/targets")
LIST_SERVERS = LIST_JOBS.replace("/jobs", "/servers")
CREATE_TARGET = """curl -i -X POST \\
   -H "X-TC-APP-KEY:appkey" \\
   -H "Content-Type:application/json" \\
   -d \\
   '{"hostId": "host id",
   "port": "post number"
   } ' \\
   'endpoint/v1.0/projects/projectId/jobs/jobId/targets'"""
SHOW_TARGET = SHOW_JOB.replace("jobs/jobId", "jobs/jobId/targets/targetId")
DELETE_TARGET = SHOW_TARGET.replace("GET", "DELETE")


@pytest.fixture
async def endpoint(app: ControlApp) -> AsyncIterator[str]:
    """Give the address of the API on a socket of its own."""
    from prometheus_client import CollectorRegistry
    from structlog import get_logger

    access = AccessControl(app.control.keys, app.clock, CollectorRegistry())
    routes = sysmon.routes(access=access, control=app.control, log=get_logger())
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving


async def curl(line: str, **values: str) -> Any:
    """Run a line of the documentation with its placeholders replaced and return the answer's JSON."""
    for name, value in values.items():
        line = line.replace(name, value)
    process = await asyncio.create_subprocess_exec(
        *shlex.split(line.replace("\\\n", " ")), "-s", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    head, _, body = output.decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200")
    return json.loads(body)


async def test_the_documented_lines_work_as_they_stand(app: ControlApp, endpoint: str) -> None:
    host_id = await app.add_server()
    values = {"endpoint": endpoint, "appkey": app.alpha.appkey, "projectId": app.alpha.project.project_id}

    created = await curl(CREATE_JOB, **values)
    values["jobId"] = created["body"]["jobId"]
    answers = [await curl(line, **values) for line in (LIST_JOBS, SHOW_JOB, UPDATE_JOB, LIST_SERVERS)]
    made = await curl(CREATE_TARGET, **values | {"host id": host_id, "post number": "9100"})
    values["targetId"] = made["body"]
    answers += [await curl(line, **values) for line in (LIST_TARGETS, SHOW_TARGET, DELETE_TARGET, DELETE_JOB)]

    success = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
    assert [success] * 10 == [answer["header"] for answer in (created, made, *answers)]
    listed_jobs, shown_job, updated_job, servers, targets, target, deleted_target, deleted_job = (
        answer["body"] for answer in answers
    )
    assert created["body"] == shown_job == listed_jobs[1]
    assert ("/updatemetricsPath", "updatedescription") == (
        updated_job["metricsPath"],
        updated_job["description"],
    )
    assert ([host_id], [target], host_id, 9100) == (
        [server["hostId"] for server in servers],
        targets,
        target["hostId"],
        target["port"],
    )
    assert (values["targetId"], values["jobId"]) == (deleted_target, deleted_job)


async def test_the_documented_placeholder_of_a_port_is_bad_input(app: ControlApp, endpoint: str) -> None:
    host_id, job_id = await app.add_server(), await app.add_job()
    values = {"endpoint": endpoint, "appkey": app.alpha.appkey, "projectId": app.alpha.project.project_id}
    answer = await curl(CREATE_TARGET, **values, jobId=job_id, **{"host id": host_id})

    assert -40002 == answer["header"]["resultCode"]
