"""Layouts are checked, kept per project, and never written over unseen."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from bongsu.control.context import ControlOptions
from bongsu.control.errors import BadValue
from bongsu.control.layouts import LayoutChanged, UnknownLayout
from bongsu.control.limits import ControlLimits
from bongsu.control.plane import ControlPlane
from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from bongsu.control.values import Project
    from bongsu.runtime.clock import ManualClock

PANEL: dict[str, Any] = {
    "id": "a",
    "title": "CPU",
    "kind": "lines",
    "x": 0,
    "y": 0,
    "w": 6,
    "h": 4,
    "queries": [{"expr": "up", "legend": "{{job}}"}],
}
LAYOUT: dict[str, Any] = {
    "panels": [PANEL],
    "variables": [{"name": "job", "query": "label_values(up, job)"}],
    "notes": [],
}


@pytest.fixture
def project(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "alpha"}).project


@pytest.fixture
def other(plane: ControlPlane) -> Project:
    return plane.projects.create({"name": "beta"}).project


def test_a_layout_comes_back_as_it_was_saved(plane: ControlPlane, project: Project) -> None:
    made = plane.layouts.create(project, {"name": "Main", "place": "servers", "layout": LAYOUT})

    assert LAYOUT == plane.layouts.get(project, made.layout_id).document
    assert [("Main", "servers", 1)] == [
        (one.name, one.place, one.version) for one in plane.layouts.all(project, place="servers")
    ]
    assert [] == plane.layouts.all(project, place="elsewhere")


def test_a_change_names_the_version_that_it_was_made_from(plane: ControlPlane, project: Project) -> None:
    made = plane.layouts.create(project, {"name": "Main", "place": "servers", "layout": LAYOUT})
    first = plane.layouts.update(project, made.layout_id, {"version": 1, "name": "Mine"})

    assert ("Mine", 2, LAYOUT) == (first.name, first.version, first.document)
    with pytest.raises(LayoutChanged, match="version 1 was sent, 2 is kept") as refused:
        plane.layouts.update(project, made.layout_id, {"version": 1, "layout": LAYOUT})
    assert "layout-changed" == refused.value.id
    with pytest.raises(BadValue, match="'version' is None"):
        plane.layouts.update(project, made.layout_id, {"name": "Other"})


def test_another_project_sees_nothing_of_it(plane: ControlPlane, project: Project, other: Project) -> None:
    made = plane.layouts.create(project, {"name": "Main", "place": "servers", "layout": LAYOUT})

    assert [] == plane.layouts.all(other)
    for call in (
        lambda: plane.layouts.get(other, made.layout_id),
        lambda: plane.layouts.update(other, made.layout_id, {"version": 1}),
        lambda: plane.layouts.delete(other, made.layout_id),
    ):
        with pytest.raises(UnknownLayout):
            call()


def test_a_deleted_layout_is_gone(plane: ControlPlane, project: Project) -> None:
    made = plane.layouts.create(project, {"name": "Main", "place": "servers", "layout": LAYOUT})
    plane.layouts.delete(project, made.layout_id)

    with pytest.raises(UnknownLayout, match="no layout"):
        plane.layouts.get(project, made.layout_id)


def test_layouts_leave_with_their_project(plane: ControlPlane, project: Project) -> None:
    plane.layouts.create(project, {"name": "Main", "place": "servers", "layout": LAYOUT})
    plane.projects.delete(project.project_id)

    assert [] == plane.layouts.all(project)


def test_more_than_the_limit_is_refused_and_not_kept(control_url: str, clock: ManualClock) -> None:
    plane = ControlPlane(control_url, clock, ControlOptions(limits=ControlLimits(max_layouts=1)))
    project = plane.projects.create({"name": "alpha"}).project
    fields = {"name": "Main", "place": "servers", "layout": LAYOUT}
    plane.layouts.create(project, fields)
    with pytest.raises(LimitExceeded, match="max_layouts"):
        plane.layouts.create(project, fields)

    assert 1 == len(plane.layouts.all(project))
    plane.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"panels": None}, "'panels' is missing; send a list"),
        ({"panels": [PANEL, PANEL]}, "two of 'panels' have the id 'a'"),
        ({"panels": [PANEL | {"kind": "pie"}]}, r"'panels\[0\].kind' is 'pie'; send one of lines"),
        ({"panels": [PANEL | {"x": 7}]}, r"'panels\[0\].w' is 6; send a whole number from 1 to 5"),
        ({"panels": [PANEL | {"w": True}]}, r"'panels\[0\].w' is True"),
        ({"panels": [PANEL | {"colour": "red"}]}, "unknown field 'colour'"),
        ({"panels": [PANEL | {"queries": [{"expr": 1}]}]}, r"'panels\[0\].queries\[0\].expr' is 1"),
        ({"panels": [PANEL | {"min": "0"}]}, r"'panels\[0\].min' is '0'; send a number or null"),
        (
            {"panels": [PANEL | {"across": 13}]},
            r"'panels\[0\].across' is 13; send a whole number from 1 to 12",
        ),
        ({"panels": [PANEL | {"calc": "p99"}]}, r"'panels\[0\].calc' is 'p99'; send one of last, mean"),
        (
            {"panels": [PANEL | {"overrides": [{"match": "a", "colour": "red"}]}]},
            r"overrides\[0\].colour' is 'red'; send #rrggbb",
        ),
        (
            {"panels": [PANEL | {"mappings": [{"from": 1, "to": 1}]}]},
            r"'panels\[0\].mappings\[0\].text' is missing",
        ),
        ({"variables": [{"name": "1a"}]}, r"'variables\[0\].name' is '1a'"),
        ({"notes": [7]}, r"'notes\[0\]' is 7"),
        ({"panels": [PANEL | {"id": str(n)} for n in range(201)]}, "has 201 entries, 200 are allowed"),
    ],
)
def test_a_wrong_layout_is_refused_with_the_place(
    plane: ControlPlane, project: Project, change: dict[str, Any], words: str
) -> None:
    layout = copy.deepcopy(LAYOUT) | change
    with pytest.raises(BadValue, match=words):
        plane.layouts.create(project, {"name": "Main", "place": "servers", "layout": layout})

    assert [] == plane.layouts.all(project)
