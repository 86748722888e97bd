from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bongsu.control.errors import UnknownTarget, UnknownWorkspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project


class House:
    """A project with a server, a workspace and a target, beside another project."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.project = self._project("alpha")
        self.other = self._project("beta")
        self.host = plane.servers.create(self.project, {"hostNm": "web", "svrIp": "10.0.0.1"}).host_id
        self.job = plane.workspaces.create(self.project, "kr", {"jobName": "app", "metricsPath": "/m"}).job_id
        self.target = plane.targets.create(self.project, self.job, {"hostId": self.host, "port": 80})

    def _project(self, name: str) -> Project:
        return self.plane.projects.create({"name": name, "linuxWorkspace": False}).project

    def set(self, options: dict[str, Any], target_id: str | None = None) -> dict[str, Any]:
        return self.plane.scraping.change(self.project, self.job, lambda _: options, target_id=target_id)

    def revision(self, project: Project) -> int:
        return self.plane.targets.revisions()[project.project_id]


@pytest.fixture
def house(plane: ControlPlane) -> House:
    return House(plane)


def test_options_are_kept_and_handed_to_the_scraper(house: House) -> None:
    assert {} == house.plane.scraping.get(house.project, house.job)
    assert {"a": 1} == house.set({"a": 1})
    assert {"b": [2]} == house.set({"b": [2]}, house.target)

    assert {"a": 1} == house.plane.scraping.get(house.project, house.job)
    assert {"b": [2]} == house.plane.scraping.get(house.project, house.job, house.target)
    (handed,) = house.plane.targets.scrape_targets(house.project.project_id)
    assert ({"a": 1}, {"b": [2]}) == (json.loads(handed.workspace_options), json.loads(handed.target_options))
    assert [] == house.plane.targets.scrape_targets(house.other.project_id)


def test_a_change_sees_what_is_stored_and_a_refused_one_changes_nothing(house: House) -> None:
    house.set({"a": 1})
    assert {"a": 1, "b": 2} == house.plane.scraping.change(
        house.project, house.job, lambda stored: {**stored, "b": 2}
    )
    with pytest.raises(ZeroDivisionError):
        house.plane.scraping.change(house.project, house.job, lambda stored: stored["a"] / 0)
    assert {"a": 1, "b": 2} == house.plane.scraping.get(house.project, house.job)


def test_no_options_at_all_are_empty_text_again(house: House) -> None:
    house.set({"a": 1})
    house.set({})
    (handed,) = house.plane.targets.scrape_targets()
    assert "" == handed.workspace_options


def test_another_project_has_no_such_workspace_and_another_workspace_no_such_target(house: House) -> None:
    with pytest.raises(UnknownWorkspace):
        house.plane.scraping.get(house.other, house.job)
    with pytest.raises(UnknownWorkspace):
        house.plane.scraping.change(house.other, house.job, lambda stored: stored)
    second = house.plane.workspaces.create(house.project, "kr", {"jobName": "b", "metricsPath": "/m"}).job_id
    with pytest.raises(UnknownTarget):
        house.plane.scraping.get(house.project, second, house.target)


def test_the_trail_has_the_names_of_options_and_not_their_values(house: House) -> None:
    house.set({"basic_auth": {"password": "hunter2"}})
    entry = house.plane.audit.newest(project_id=house.project.project_id)[0]
    assert ("workspace.scrape", house.job, {"options": ["basic_auth"]}) == (
        entry.action,
        entry.subject,
        entry.detail,
    )


CHANGES: dict[str, Callable[[House], object]] = {
    "server added": lambda h: h.plane.servers.create(h.project, {"hostNm": "b", "svrIp": "10.0.0.2"}),
    "server changed": lambda h: h.plane.servers.update(h.project, h.host, {"svrIp": "10.0.0.3"}),
    "server removed": lambda h: h.plane.servers.delete(h.project, h.host),
    "workspace changed": lambda h: h.plane.workspaces.update(h.project, h.job, {"metricsPath": "/n"}),
    "workspace removed": lambda h: h.plane.workspaces.delete(h.project, h.job),
    "target added": lambda h: h.plane.targets.create(h.project, h.job, {"hostId": h.host, "port": 81}),
    "target removed": lambda h: h.plane.targets.delete(h.project, h.job, h.target),
    "options changed": lambda h: h.set({"a": 1}),
    "target's options changed": lambda h: h.set({"a": 1}, h.target),
    "reserved workspace": lambda h: h.plane.projects.update(h.project.project_id, {"linuxWorkspace": True}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_of_what_is_scraped_gives_the_project_a_new_revision(house: House, what: str) -> None:
    before = (
        house.plane.targets.scrape_targets(),
        house.revision(house.project),
        house.revision(house.other),
    )
    CHANGES[what](house)
    after = house.plane.targets.scrape_targets()

    assert before[0] != after or what == "server added", (
        "without the reserved workspace a server alone is not scraped"
    )
    assert before[1] != house.revision(house.project)
    assert before[2] == house.revision(house.other), "the other project is left alone"


def test_a_removed_project_has_no_revision(house: House) -> None:
    house.plane.projects.delete(house.project.project_id)
    assert {house.other.project_id} == set(house.plane.targets.revisions())
