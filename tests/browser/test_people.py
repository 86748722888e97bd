"""What people do about each other: the first administrator, an invitation, roles, a second project, sessions, a provider."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.browser.axe import violations
from tests.support.oidc_process import running_provider
from tests.support.process import ServerProcess, call, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.visitor import Visitor

# One worker runs them all: they share a server of their own.
pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.xdist_group("people")]
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Run a server of the module's own, whose first link nobody has used."""
    claims = {
        "sub": "lee",
        "email": "lee@example.com",
        "email_verified": True,
        "name": "Lee",
        "groups": ["sre"],
    }
    with running_provider([claims]) as issuer:
        settings = {
            "BONGSU_OPENID_ISSUER": issuer,
            "BONGSU_OPENID_CLIENT_ID": "bongsu",
            "BONGSU_OPENID_CLIENT_SECRET": "a-client-secret",
            "BONGSU_OPENID_ROLES": "sre -> default=viewer",
            "BONGSU_OPENID_LABEL": "Company sign-on",
        }
        with running_server(tmp_path_factory.mktemp("people") / "data", **settings) as started:
            yield started


def sign_in(visitor: Visitor, name: str, password: str = PASSWORD) -> None:
    visitor.open()
    page = visitor.page
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_from_the_servers_link_to_a_team(visitor: Visitor, another: Visitor, server: ServerProcess) -> None:
    link = next(found.group() for line in server.output if (found := re.search(r"http\S+\?once=\S+", line)))
    page = visitor.page
    page.goto(link)
    page.get_by_role("heading", name="What is wrong now").wait_for()
    step = page.locator(".checklist .open").filter(has_text="Make the first account")
    step.get_by_role("link", name="Go").click()
    page.get_by_role("button", name="Make the account").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("root")
    dialog.get_by_label("New password").fill("short")
    dialog.get_by_role("button", name="Make the account").click()
    dialog.get_by_text("at least 12 are needed").wait_for()
    dialog.get_by_label("New password").fill(PASSWORD)
    dialog.get_by_role("button", name="Make the account").click()
    page.get_by_role("heading", name="Your account: root").wait_for()
    assert 0 == page.get_by_role("heading", name="First administrator").count()
    visitor.open()
    page.locator(".checklist .done").filter(has_text="Make the first account").wait_for()
    visitor.open("settings")

    page.get_by_role("button", name="Add a member").click()
    dialog.get_by_label("Name").fill("kim@example.com")
    dialog.get_by_label("Role").last.select_option("viewer")
    dialog.get_by_role("button", name="Add a member").click()
    invitation = page.get_by_role("dialog", name="Invitation").locator("code").inner_text()
    assert "/console/#once=" in invitation
    page.keyboard.press("Escape")
    page.get_by_role("row", name="kim@example.com").get_by_text("invited").wait_for()

    other = another.page
    other.goto(invitation)
    other.get_by_text("choose a password for 'kim@example.com'").wait_for()
    assert "once" not in another.address()
    other.get_by_label("New password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    other.get_by_role("navigation").wait_for()
    another.open("settings")
    other.get_by_role("row", name="kim@example.com").get_by_text("you").wait_for()
    assert 0 == other.get_by_role("button", name="Add a member").count()
    assert 0 == other.get_by_role("heading", name="Keys").count(), "a viewer sees no keys"
    assert [] == [problem for problem in another.problems if "script" in problem]

    with page.expect_response(lambda answer: answer.request.method not in {"GET", "HEAD"}) as changed:
        page.get_by_label("Role of kim@example.com").select_option("owner")
    assert changed.value.ok, changed.value.status
    another.open("settings")
    other.get_by_role("heading", name="Keys").wait_for()
    other.get_by_role("button", name="Add a member").wait_for()


def test_somebody_with_two_projects_chooses_and_a_tab_keeps_its_own(
    visitor: Visitor, server: ServerProcess
) -> None:
    second = server.create_project("second")
    made = call(
        "POST",
        f"{server.url}/admin/v1/users",
        headers=server.admin_headers,
        body={
            "name": "park",
            "password": PASSWORD,
            "roles": {"default": "viewer", second.project_id: "owner"},
        },
    )
    assert made.status == 201, made.text
    sign_in(visitor, "park")
    page = visitor.page
    choice = page.get_by_label("Project", exact=True)
    choice.wait_for()
    assert "default" == choice.input_value()
    tab = visitor.context.new_page()
    tab.goto(f"{visitor.url}/console/settings")
    tab.get_by_text("Signed in as a person: Viewer").wait_for()
    page.set_viewport_size({"width": 360, "height": 740})  # a telephone
    expect(choice).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)
    with page.expect_navigation():  # the console starts anew at the address where it is already
        choice.select_option(second.project_id)
    visitor.open("settings")
    page.get_by_text("Signed in as a person: Owner").wait_for()
    with tab.expect_request(re.compile("/prometheus/api/v1/")) as asked:
        tab.get_by_role("link", name="Status").click()
    assert "default" == asked.value.headers["x-bongsu-project"]


def test_a_wrong_password_says_so_and_a_session_that_is_ended_elsewhere_ends(
    visitor: Visitor, another: Visitor, server: ServerProcess
) -> None:
    call("POST", f"{server.url}/admin/v1/users", headers=server.admin_headers,
         body={"name": "choi", "password": PASSWORD, "roles": {"default": "viewer"}})  # fmt: skip
    sign_in(visitor, "choi", "wrong")
    visitor.page.get_by_text("the name or the password is wrong").wait_for()
    sign_in(visitor, "choi")
    visitor.page.get_by_role("navigation").wait_for()
    sign_in(another, "choi")
    another.page.get_by_role("navigation").wait_for()
    another.open("settings")
    another.page.get_by_role("button", name="Sign this browser out").click()
    another.page.get_by_role("button", name="Sign this browser out").wait_for(state="detached")
    visitor.open("status")

    visitor.page.get_by_role("button", name="Sign in").wait_for()


def test_a_company_account_signs_in_and_out(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open()
    page.get_by_role("link", name="Company sign-on").click()
    page.get_by_role("button", name=re.compile("lee")).first.click()
    page.get_by_role("navigation").wait_for()
    visitor.open("settings")
    page.get_by_role("heading", name="Your account: lee@example.com").wait_for()
    page.get_by_text("Signed in as a person: Viewer").wait_for()
    (cookie,) = (one for one in visitor.context.cookies() if one["name"].startswith("bongsu_session"))
    assert (True, "Strict") == (cookie["httpOnly"], cookie["sameSite"])
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role(
        "button", name="End session"
    ).click()  # the provider's own question, from where it leads back
    page.get_by_role("link", name="Company sign-on").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_people_see_has_no_serious_fault(
    visitor: Visitor, server: ServerProcess, axe: str, theme: str
) -> None:
    name = f"axe-{theme}"
    call(
        "POST",
        f"{server.url}/admin/v1/users",
        headers=server.admin_headers,
        body={"name": name, "password": PASSWORD, "roles": {"default": "owner"}},
    )
    page = visitor.page
    visitor.open(f"?theme={theme}")
    page.get_by_label("Name", exact=True).wait_for()
    assert [] == violations(page, axe)
    sign_in(visitor, name)
    page.get_by_role("navigation").wait_for()
    visitor.open(f"settings?theme={theme}")
    page.get_by_role("row", name=name).wait_for()
    visitor.settle()
    assert [] == violations(page, axe)
    for button in ("Add a member", "Change the password"):
        page.get_by_role("button", name=button).click()
        page.get_by_role("dialog").wait_for()
        assert [] == violations(page, axe)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
