"""Scrape options of workspaces and targets over the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bongsu.api.admin.scraping_openapi import OPTIONS
from bongsu.scrape.options import MASK, OPTION_NAMES

if TYPE_CHECKING:
    import httpx
    from tests.support.control_app import ControlApp

pytestmark = pytest.mark.anyio


class Place:
    """A workspace with one target, and the paths of their options."""

    def __init__(self, app: ControlApp, job_id: str, target_id: str) -> None:
        self.app = app
        self.job_id = job_id
        self.target_id = target_id
        self.workspaces = f"/projects/{app.alpha.project.project_id}/workspaces"
        self.path = f"{self.workspaces}/{job_id}/scrape"
        self.target_path = f"{self.workspaces}/{job_id}/targets/{target_id}/scrape"

    async def call(self, method: str, body: Any = None, *, target: bool = False) -> httpx.Response:
        return await self.app.admin(method, self.target_path if target else self.path, body)


async def place(app: ControlApp) -> Place:
    host, job = await app.add_server(), await app.add_job()
    return Place(app, job, app.control.targets.create(app.alpha.project, job, {"hostId": host, "port": 8080}))


def test_every_option_is_described() -> None:
    assert sorted(OPTION_NAMES) == sorted(OPTIONS)


async def test_options_are_set_shown_changed_and_removed(app: ControlApp) -> None:
    here = await place(app)
    put = await here.call("PUT", {"honor_labels": True, "scrape_interval": "30s"})
    patched = await here.call("PATCH", {"scrape_interval": None, "sample_limit": 5})
    shown = await here.call("GET")
    removed = await here.call("DELETE")

    assert (200, {"honor_labels": True, "scrape_interval": "30s"}) == (put.status_code, put.json())
    assert {"honor_labels": True, "sample_limit": 5} == patched.json() == shown.json()
    assert (204, b"") == (removed.status_code, removed.content)
    assert {} == (await here.call("GET")).json()


async def test_a_target_has_options_of_its_own(app: ControlApp) -> None:
    here = await place(app)
    await here.call("PUT", {"labels": {"a": "1"}}, target=True)

    assert ({"labels": {"a": "1"}}, {}) == (
        (await here.call("GET", target=True)).json(),
        (await here.call("GET")).json(),
    )


async def test_a_secret_is_never_answered_and_stays_when_its_mask_is_sent_back(app: ControlApp) -> None:
    here = await place(app)
    secret = {"basic_auth": {"username": "u", "password": "hunter2"}}
    answers = [
        await here.call("PUT", secret),
        await here.call("GET"),
        await here.call("PATCH", {"sample_limit": 1}),
    ]
    shown = answers[1].json()
    answers.append(await here.call("PUT", shown))
    answers.append(await app.admin("GET", here.workspaces))
    answers.append(await app.admin("GET", f"{here.workspaces}/{here.job_id}/targets"))
    answers.append(await app.admin("GET", "/audit"))

    assert {200} == {answer.status_code for answer in answers}
    assert [] == [answer.url for answer in answers if "hunter2" in answer.text]
    assert MASK == shown["basic_auth"]["password"]
    stored = app.control.scraping.get(app.alpha.project, here.job_id)
    assert "hunter2" == stored["basic_auth"]["password"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"scrape_intervall": "1s"}, "there is no scrape option 'scrape_intervall'"),
        (
            {"scrape_interval": "1x"},
            "scrape option 'scrape_interval' is '1x'; send a duration above 0, such as '15s'",
        ),
        (
            {"relabel_configs": [{"action": "keep", "regex": "("}]},
            "relabel_configs[0]: not a valid regular expression",
        ),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_wrong_option_is_refused_and_changes_nothing(
    app: ControlApp, method: str, body: dict[str, Any], message: str
) -> None:
    here = await place(app)
    await here.call("PUT", {"sample_limit": 7})
    answer = await here.call(method, body)

    assert 400 == answer.status_code
    assert message in answer.json()["error"]["message"]
    assert {"sample_limit": 7} == (await here.call("GET")).json()


async def test_workspaces_and_targets_are_listed_with_their_options(app: ControlApp) -> None:
    here = await place(app)
    await here.call("PUT", {"scheme": "https"})
    workspaces = (await app.admin("GET", here.workspaces)).json()["workspaces"]
    targets = (await app.admin("GET", f"{here.workspaces}/{here.job_id}/targets")).json()["targets"]
    elsewhere = await app.admin("GET", f"{here.workspaces}?region=jp")
    nowhere = await app.admin("GET", f"{here.workspaces}?region=mars")

    assert [("@Linux", {}), ("app", {"scheme": "https"})] == [(w["jobName"], w["scrape"]) for w in workspaces]
    assert [(here.target_id, 8080, "web", "preparing", {})] == [
        (t["targetId"], t["port"], t["hostNm"], t["health"], t["scrape"]) for t in targets
    ]
    assert ([], 400) == (elsewhere.json()["workspaces"], nowhere.status_code)


async def test_the_reserved_workspace_takes_options_from_the_operator(app: ControlApp) -> None:
    await app.add_server()
    path = f"/projects/{app.alpha.project.project_id}/workspaces/{await app.reserved_job()}/scrape"
    assert 200 == (await app.admin("PUT", path, {"scheme": "https"})).status_code


async def test_another_project_does_not_have_the_workspace(app: ControlApp) -> None:
    here = await place(app)
    foreign = here.path.replace(app.alpha.project.project_id, app.beta.project.project_id)

    assert [404, 404] == [
        (await app.admin(method, foreign, {"sample_limit": 1})).status_code for method in ("GET", "PUT")
    ]
    assert 401 == (await app.admin("GET", here.path, token="wrong")).status_code
    assert {} == (await here.call("GET")).json()
