"""Several threads and several planes (as several processes are) on one database."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from bongsu.control.errors import AlreadyExists, UnknownServer, UnknownWorkspace
from bongsu.control.plane import ControlPlane
from bongsu.model.errors import BongsuError, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.runtime.clock import ManualClock

WRITERS = 6


@pytest.fixture
def planes(control_url: str, clock: ManualClock) -> Iterator[list[ControlPlane]]:
    planes = [ControlPlane(control_url, clock) for _ in range(2)]
    yield planes
    for plane in planes:
        plane.close()


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """Run the calls in a thread each, started together; return results and domain errors, other errors raised."""
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = calls[index]()
        except BaseException as error:  # noqa: BLE001 - given to the caller below
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, BongsuError):
            raise result
    return results


def count(results: list[object], kind: type[BaseException]) -> int:
    return sum(isinstance(result, kind) for result in results)


def test_a_workspace_of_one_name_is_made_once(planes: list[ControlPlane]) -> None:
    project = planes[0].projects.create({"name": "a"}).project
    fields = {"jobName": "app", "metricsPath": "/m"}
    results = at_once(
        [lambda plane=planes[i % 2]: plane.workspaces.create(project, "kr", fields) for i in range(WRITERS)]  # type: ignore[misc]
    )

    assert WRITERS - 1 == count(results, AlreadyExists)
    assert ["@Linux", "app"] == sorted(job.name for job in planes[0].workspaces.all(project, "kr"))


def test_the_limit_of_targets_holds(planes: list[ControlPlane]) -> None:
    project = planes[0].projects.create({"name": "a"}).project
    server = planes[0].servers.create(project, {"hostNm": "h", "svrIp": "10.0.0.1"})
    job = planes[0].workspaces.create(project, "kr", {"jobName": "app", "metricsPath": "/m"})

    def create(index: int) -> Callable[[], object]:
        fields = {"hostId": server.host_id, "port": 1 + index}
        return lambda: planes[index % 2].targets.create(project, job.job_id, fields)

    results = at_once([create(index) for index in range(WRITERS + 2)])

    assert WRITERS + 2 - 5 == count(results, LimitExceeded)
    assert 5 == len(planes[0].targets.all(project, job.job_id))


def test_servers_in_a_new_region_share_one_reserved_workspace(planes: list[ControlPlane]) -> None:
    project = planes[0].projects.create({"name": "a"}).project

    def create(index: int) -> Callable[[], object]:
        fields = {"hostNm": f"h{index}", "svrIp": "10.0.0.1", "region": "jp"}
        return lambda: planes[index % 2].servers.create(project, fields)

    results = at_once([create(index) for index in range(WRITERS)])

    assert 0 == count(results, BongsuError)
    (linux,) = planes[0].workspaces.all(project, "jp")
    assert WRITERS == len(planes[0].targets.all(project, linux.job_id))


def test_a_target_never_outlives_its_workspace_or_server(planes: list[ControlPlane]) -> None:
    project = planes[0].projects.create({"name": "a", "linuxWorkspace": False}).project
    for round_number in range(4):
        server = planes[0].servers.create(project, {"hostNm": f"h{round_number}", "svrIp": "10.0.0.1"})
        job = planes[0].workspaces.create(project, "kr", {"jobName": f"j{round_number}", "metricsPath": "/m"})
        fields = {"hostId": server.host_id, "port": 1}
        results = at_once(
            [
                lambda: planes[0].targets.create(project, job.job_id, fields),  # noqa: B023 - run in this round
                lambda: planes[1].workspaces.delete(project, job.job_id),  # noqa: B023
                lambda: planes[1].servers.delete(project, server.host_id),  # noqa: B023
            ]
        )

        assert count(results, BongsuError) == count(results, UnknownWorkspace) + count(results, UnknownServer)
        assert [] == planes[0].targets.scrape_targets()
