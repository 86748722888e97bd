"""An owner sets how a workspace is scraped by its form, and the target sees it with the next scrape."""

from __future__ import annotations

import base64
import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.process import call, eventually, running_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess, Tenant

pytestmark = [pytest.mark.browser, pytest.mark.process]
PASSWORD = "correct horse battery"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    quick = {"BONGSU_SCRAPE_INTERVAL": "1s", "BONGSU_SCRAPE_TIMEOUT": "1s"}
    with running_server(tmp_path / "data", **quick) as started:
        yield started


@contextlib.contextmanager
def noted_target() -> Iterator[tuple[int, list[str]]]:
    """Run a target; gives its port, and the credentials that every request to it had."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            body = b"toy_orders_total 42\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: the test's output is for the test."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield listening.server_port, seen
        listening.shutdown()
        thread.join()


def workspace_of(server: ServerProcess, tenant: Tenant, port: int) -> str:
    """Make a workspace with one target, and an owner of the project; return the address of its options."""
    host = server.register_server(tenant, "alpha-7")
    job = tenant.sysmon("POST", "jobs", {"jobName": "shop", "metricsPath": "/metrics"})["body"]["jobId"]
    tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": port})
    owner = {"name": "kim", "password": PASSWORD, "roles": {tenant.project_id: "owner"}}
    made = call("POST", f"{server.url}/admin/v1/users", headers=server.admin_headers, body=owner)
    assert made.status == 201, made.text
    return f"{server.url}/admin/v1/projects/{tenant.project_id}/workspaces/{job}/scrape"


def open_form(visitor: Visitor) -> Any:
    visitor.page.get_by_role("button", name="How the targets are scraped").click()
    return visitor.page.get_by_role("dialog", name="How the targets are scraped")


def test_an_owner_sets_how_a_workspace_is_scraped(visitor: Visitor, server: ServerProcess) -> None:
    tenant, page = server.create_project("options"), visitor.page
    with noted_target() as (port, seen):
        address = workspace_of(server, tenant, port)
        visitor.open()
        page.get_by_label("Name", exact=True).fill("kim")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="OpenMetrics").click()
        page.get_by_role("link", name="shop").click()
        eventually(lambda: "" in seen, what="a scrape without credentials")

        form = open_form(visitor)
        form.get_by_label("Interval, such as 15s").fill("2s")
        form.get_by_role("combobox", name="Credentials").select_option("basic_auth")
        form.get_by_role("textbox", name="User", exact=True).fill("reader")
        form.get_by_role("textbox", name="Password").fill("a-secret")
        form.get_by_label("Most samples of a scrape; 0: none").fill("1000")
        form.get_by_label("Labels of the answer win over those of the target").check()
        form.get_by_label("All other options").fill("no json")
        form.get_by_role("button", name="Save").click()
        form.get_by_text("are no JSON object").wait_for()
        form.get_by_label("All other options").fill('{"params": {"module": ["http"]}, "scrape_timeout": 5}')
        form.get_by_role("button", name="Save").click()
        form.get_by_text("scrape_timeout").wait_for()
        form.get_by_label("All other options").fill('{"params": {"module": ["http"]}}')
        form.get_by_role("button", name="Save").click()
        form.wait_for(state="detached")

        sent = "Basic " + base64.b64encode(b"reader:a-secret").decode()
        eventually(lambda: sent in seen, what="a scrape with the credentials of the form")
        stored = call("GET", address, headers=server.admin_headers).json()
        assert {
            "scrape_interval": "2s",
            "basic_auth": {"username": "reader", "password": "<secret>"},
            "sample_limit": 1000,
            "honor_labels": True,
            "params": {"module": ["http"]},
        } == stored

        form = open_form(visitor)
        assert "<secret>" == form.get_by_role("textbox", name="Password").input_value(), (
            "nobody reads it again"
        )
        assert "2s" == form.get_by_label("Interval, such as 15s").input_value()
        form.get_by_role("combobox", name="Credentials").select_option("")
        form.get_by_role("button", name="Save").click()
        form.wait_for(state="detached")
        before = len(seen)
        eventually(lambda: "" in seen[before:], what="a scrape without credentials again")
