"""The path of the agents: keys, addresses, targets and outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from bongsu.api.access import AccessControl
from bongsu.api.agents.routes import routes
from bongsu.control.database import sqlite_url
from bongsu.control.plane import ControlPlane
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bongsu.control.projects import NewProject


class Hosts:
    """The application over a control plane with two projects."""

    def __init__(self, control: ControlPlane, clock: ManualClock) -> None:
        self.control = control
        self.alpha, self.beta = (control.projects.create({"name": name}) for name in ("alpha", "beta"))
        access = AccessControl(control.keys, clock, CollectorRegistry())
        self.app = Starlette(
            routes=routes(access=access, control=control, targets=self, log=structlog.get_logger())
        )

    def of_host(self, project_id: str, host_id: str) -> list[dict[str, Any]]:
        """Tell the ids, which is all that the route looks at."""
        found = self.control.targets.scrape_targets(project_id, host_id=host_id)
        return [{"place": {"id": target.target_id}} for target in found]

    async def post(
        self, body: Any, *, of: NewProject | None = None, key: str | None = None, peer: str = "10.0.0.5"
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(peer, 1234))
        headers = {"X-TC-APP-KEY": (of or self.alpha).appkey if key is None else key}
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/agent/v1/host", json=body, headers=headers)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    clock = ManualClock()
    control = ControlPlane(sqlite_url(tmp_path / "control.db"), clock)
    yield Hosts(control, clock)
    control.close()


WEB = {"hostNm": "web", "machineId": "m-1"}


@pytest.mark.anyio
async def test_a_machine_is_a_server_of_its_keys_project_at_its_connections_address(hosts: Hosts) -> None:
    answer = (await hosts.post(WEB)).json()
    assert ("web", "10.0.0.5", False, [], 30.0) == tuple(
        answer[name] for name in ("hostNm", "svrIp", "collects", "targets", "againInSeconds")
    )
    [server] = hosts.control.servers.all(hosts.alpha.project)
    assert answer["hostId"] == server.host_id
    assert [] == hosts.control.servers.all(hosts.beta.project)


@pytest.mark.anyio
async def test_a_machine_that_collects_is_told_its_targets_and_tells_their_outcomes(hosts: Hosts) -> None:
    other = (await hosts.post(WEB | {"collects": True}, of=hosts.beta)).json()
    answer = (await hosts.post(WEB | {"collects": True})).json()
    [target] = answer["targets"]
    foreign = other["targets"][0]["place"]["id"]
    outcomes = [
        {
            "targetId": target["place"]["id"],
            "atMs": 1_700_000_000_000,
            "resultCd": -1,
            "failReason": "refused",
        },
        {"targetId": foreign, "atMs": 1_700_000_000_000, "resultCd": -1, "failReason": "not mine"},
    ]
    assert 200 == (await hosts.post(WEB | {"collects": True, "outcomes": outcomes})).status_code

    def reasons(project: NewProject) -> list[str | None]:
        [job] = hosts.control.workspaces.all(project.project, "kr")
        return [t.state.reason for t in hosts.control.targets.all(project.project, job.job_id)]

    assert (["refused"], [None]) == (reasons(hosts.alpha), reasons(hosts.beta))


@pytest.mark.anyio
async def test_what_is_wrong_is_refused_and_registers_nothing(hosts: Hosts) -> None:
    assert 401 == (await hosts.post(WEB, key="nothing.here")).status_code
    assert 403 == (await hosts.post(WEB, key=hosts.alpha.token)).status_code, "a key that only reads"
    assert 400 == (await hosts.post(WEB, peer="127.0.0.1")).status_code
    assert 400 == (await hosts.post({"hostNm": "web"})).status_code
    assert [] == hosts.control.servers.all(hosts.alpha.project)
    for outcomes in (3, [4], [{"targetId": "x"}], [{"targetId": "x", "atMs": "1", "resultCd": 0}]):
        answer = await hosts.post(WEB | {"collects": True, "outcomes": outcomes})
        assert (400, "bad-value") == (answer.status_code, answer.json()["error"]["id"])
