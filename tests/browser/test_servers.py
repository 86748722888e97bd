"""The list of servers tells how each is and why, in both languages, with those that were removed lately when they are asked for."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from tests.browser.visitor import opened_visitor
from tests.support.exporters import free_port
from tests.support.process import call, eventually

from bongsu.api.console.files import STATIC
from bongsu.control.server_states import SILENT_AFTER_MS

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from tests.browser.conftest import ToyExporter
    from tests.support.process import ServerProcess, Tenant

pytestmark = [pytest.mark.browser, pytest.mark.process]

HEALTHS = ("normal", "unknown", "unmonitored", "stopped", "deleted")


def with_all_states(server: ServerProcess, exporter: ToyExporter, name: str) -> Tenant:
    """Make a project with a server in each state, named after it."""
    tenant = server.create_project(name)
    project = f"{server.url}/admin/v1/projects/{tenant.project_id}"
    # The reserved workspace would ask every server for a node exporter, and be refused.
    call("PATCH", project, headers=server.admin_headers, body={"linuxWorkspace": False})
    hosts = {name: server.register_server(tenant, f"is-{name}") for name in HEALTHS}
    job = tenant.sysmon("POST", "jobs", {"jobName": "app", "metricsPath": "/metrics"})["body"]["jobId"]
    ports = {"normal": exporter.port, "unknown": exporter.port, "unmonitored": free_port()}
    for name, port in ports.items():
        tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": hosts[name], "port": port})
    assert 204 == call("DELETE", f"{project}/servers/{hosts['deleted']}", headers=server.admin_headers).status
    silence_agent(server, tenant, hosts["unknown"])

    def are_as_named() -> bool:
        found = tenant.sysmon("GET", "servers?state=true&deleted=true")["body"]
        return {(one["hostNm"], one["state"]["health"]) for one in found} == {(f"is-{n}", n) for n in HEALTHS}

    eventually(are_as_named, what="the five states")
    return tenant


def silence_agent(server: ServerProcess, tenant: Tenant, host_id: str) -> None:
    """Let the server have heard an agent of the machine, long enough ago: nobody waits for three heartbeats here."""
    with contextlib.closing(sqlite3.connect(server.data / "control.db", timeout=30)) as database, database:
        now_ms = "CAST(strftime('%s') AS INTEGER) * 1000"
        database.execute(
            "INSERT INTO host_agents (host_id, pcode, machine_id, collects, owns, heard_ms)"
            f" VALUES (?, ?, 'm', FALSE, FALSE, {now_ms} - ?)",
            (host_id, tenant.pcode, 2 * SILENT_AFTER_MS),
        )


@pytest.mark.parametrize("language", ["en", "ko"])
def test_each_of_the_five_states_is_told_with_its_reason(
    browser: Browser, server: ServerProcess, exporter: ToyExporter, language: str
) -> None:
    say = json.loads((STATIC / "locales" / f"{language}.json").read_text())
    tenant = with_all_states(server, exporter, f"states-{language}")
    stranger = server.create_project(f"strange-{language}")
    with opened_visitor(browser, server.url) as visitor:
        visitor.sign_in(tenant)
        visitor.open(f"servers?lang={language}")
        visitor.settle()
        page = visitor.page
        rows = page.locator(".list li")
        assert 4 == rows.count(), "what was removed is not in the way"
        page.get_by_label(say["servers.withRemoved"]).check()
        reasons = {
            "normal": "127.0.0.1",
            "unknown": say["server.why.silentCollected"],
            "unmonitored": "connection refused",
            "stopped": say["server.why.unheard"],
            "deleted": say["server.why.removed"].partition("{at}")[0].strip(),
        }
        for health, reason in reasons.items():
            row = rows.filter(has_text=f"is-{health}")
            row.locator(".badge").get_by_text(say[f"server.health.{health}"], exact=True).wait_for()
            row.filter(has_text=reason).wait_for()
        rows.filter(has_text="is-deleted").get_by_role("link").click()
        page.get_by_text(say["server.removedHint"]).wait_for()
        assert [] == visitor.problems
    with opened_visitor(browser, server.url) as visitor:
        visitor.sign_in(stranger)
        visitor.open("servers")
        visitor.settle()
        assert 0 == visitor.page.get_by_text("is-").count()
