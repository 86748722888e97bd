"""What a newcomer and an operator do, step by step, in a real browser on the real server."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.grafana_dashboard import node_dashboard
from tests.support.process import Tenant, call, eventually
from tests.support.spans import make_span, report_spans

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request, Route
    from tests.browser.conftest import ToyExporter
    from tests.browser.visitor import Visitor
    from tests.support.process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.process]

SCRAPED_MS = 60_000
"""A target is scraped within seconds, and the first page asks every 15 s; a busy machine takes longer."""


@pytest.fixture
def tenant(server: ServerProcess, request: pytest.FixtureRequest) -> Tenant:
    """Return a project of the test's own."""
    return server.create_project(re.sub(r"\W+", "-", request.node.name)[:40])


def add_target(server: ServerProcess, tenant: Tenant, port: int, job: str = "shop") -> None:
    """Make a workspace with one target on this machine."""
    host_id = server.register_server(tenant, "alpha-7")
    job_id = tenant.sysmon("POST", "jobs", {"jobName": job, "metricsPath": "/metrics"})["body"]["jobId"]
    tenant.sysmon("POST", f"jobs/{job_id}/targets", {"hostId": host_id, "port": port})


def test_the_one_time_link_of_the_first_start_signs_in_and_leaves_the_address(
    server: ServerProcess, visitor: Visitor
) -> None:
    link = next(found.group() for line in server.output if (found := re.search(r"http\S+\?once=\S+", line)))
    visitor.page.goto(link)
    visitor.page.get_by_role("heading", name="What is wrong now").wait_for()

    assert "once" not in visitor.address()
    visitor.context.clear_cookies()
    visitor.page.goto(link)
    visitor.page.get_by_text("was used already").wait_for()


def test_a_key_signs_in_and_is_kept_nowhere_that_a_script_could_read(
    visitor: Visitor, tenant: Tenant
) -> None:
    visitor.sign_in(tenant)
    kept = visitor.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, document.body.innerHTML])"
    )

    assert tenant.appkey not in kept
    assert tenant.appkey.partition(".")[2] not in kept
    (cookie,) = visitor.context.cookies()
    assert (True, "Strict") == (cookie["httpOnly"], cookie["sameSite"])
    assert tenant.appkey not in cookie["value"]


def test_a_wrong_key_is_refused_with_the_reason(visitor: Visitor) -> None:
    visitor.open()
    visitor.page.get_by_label("Key").fill("nobody.knows-this")
    visitor.page.get_by_role("button", name="Sign in").click()

    visitor.page.get_by_text("the key is not known here").wait_for()


def test_signing_out_ends_the_session(visitor: Visitor, tenant: Tenant) -> None:
    visitor.sign_in(tenant)
    (before,) = visitor.context.cookies()
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.get_by_label("Key").wait_for()
    visitor.context.add_cookies([{"name": before["name"], "value": before["value"], "url": visitor.url}])
    visitor.open()

    visitor.page.get_by_label("Key").wait_for()


def test_from_an_empty_project_to_a_graph(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    server.register_server(tenant, "alpha-7")
    visitor.sign_in(tenant)
    page = visitor.page
    page.get_by_role("link", name="OpenMetrics").click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Name").fill("shop")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_text("This workspace has no collection target").wait_for()
    page.get_by_role("button", name="Add targets").last.click()
    page.get_by_label("Port").fill(str(exporter.port))
    page.get_by_label("alpha-7").check()
    page.get_by_role("button", name="Add 1").click()
    page.get_by_text("Collecting").first.wait_for(timeout=SCRAPED_MS)

    page.get_by_role("link", name="Explore", exact=True).first.click()
    page.get_by_label("PromQL expression").fill("toy_orders_total")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Run").click()
    page.locator(".legend").get_by_text('job="shop"').wait_for()
    # The address is the view: another window of the same person shows the same.
    other = visitor.context.new_page()
    other.goto(visitor.address())
    other.locator(".legend").get_by_text('job="shop"').wait_for()

    with page.expect_response(lambda answer: "/label/__name__/values" in answer.url):
        page.get_by_role("link", name="Home").click()
    page.get_by_role("row", name="shop").get_by_text("1 Collecting").wait_for()
    page.get_by_role("heading", name="First steps").wait_for(state="detached")


def test_a_failing_target_is_on_the_first_page_with_its_reason_until_it_is_mended(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    exporter.status = 503
    tenant.sysmon("GET", "jobs")
    add_target(server, tenant, exporter.port)
    visitor.sign_in(tenant)
    row = visitor.page.get_by_role("row").filter(has_text=f":{exporter.port}")
    row.get_by_text("HTTP 503").wait_for(timeout=SCRAPED_MS)
    row.get_by_text("HTTP error").wait_for()
    exporter.status = 200

    row.wait_for(state="detached", timeout=SCRAPED_MS)


def test_alerts_that_another_evaluator_writes_are_on_the_first_page(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    exporter.body = (
        b'# TYPE ALERTS gauge\nALERTS{alertname="DiskFull",alertstate="firing",severity="critical",disk="sda"} 1\n'
        b'ALERTS{alertname="Later",alertstate="pending"} 1\n'
    )
    add_target(server, tenant, exporter.port)
    visitor.sign_in(tenant)
    row = visitor.page.get_by_role("row").filter(has_text="DiskFull")
    row.get_by_text("critical · disk=sda").wait_for(timeout=SCRAPED_MS)

    assert 0 == visitor.page.get_by_text("Later").count()
    row.get_by_role("link", name="Explore").click()
    visitor.page.locator(".legend").get_by_text("DiskFull").wait_for()


def test_another_project_sees_nothing_of_it(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    add_target(server, tenant, exporter.port)
    eventually(lambda: tenant.query('up{job="shop"} == 1'), what="the first scrape")
    stranger = server.create_project("stranger")
    visitor.sign_in(stranger)
    for view in ("", "openmetrics", "servers", "status"):
        visitor.open(view)
        visitor.settle()
        text = visitor.page.locator("main").inner_text()
        assert "shop" not in text, view
        assert "alpha-7" not in text, view
        assert "toy_orders_total" not in text, view
    visitor.open("explore?g0.expr=toy_orders_total&g0.tab=table")

    visitor.page.get_by_text("nothing matches it").wait_for()


def test_a_workspace_is_edited_and_deleted(visitor: Visitor, tenant: Tenant) -> None:
    tenant.sysmon("POST", "jobs", {"jobName": "old-shop", "metricsPath": "/metrics"})
    visitor.sign_in(tenant)
    page = visitor.page
    page.get_by_role("link", name="OpenMetrics").click()
    page.get_by_role("link", name="old-shop").click()
    page.get_by_role("button", name="Edit the workspace").click()
    page.get_by_label("Metrics path").fill("/stats")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("/stats").first.wait_for()
    page.get_by_role("button", name="Delete the workspace").click()
    page.get_by_role("button", name="Delete", exact=True).click()

    page.get_by_role("link", name="old-shop").wait_for(state="detached")
    assert ["@Linux"] == [job["jobName"] for job in tenant.sysmon("GET", "jobs")["body"]]


def test_a_refused_change_keeps_the_dialog_open_with_the_servers_reason(
    visitor: Visitor, tenant: Tenant
) -> None:
    tenant.sysmon("POST", "jobs", {"jobName": "taken", "metricsPath": "/metrics"})
    visitor.sign_in(tenant)
    page = visitor.page
    page.get_by_role("link", name="OpenMetrics").click()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("Name").fill("taken")
    page.get_by_role("button", name="Save").click()

    page.get_by_role("dialog").get_by_text("already-exists").wait_for()


def test_a_mistake_in_a_query_is_told_with_its_place(visitor: Visitor, tenant: Tenant) -> None:
    visitor.sign_in(tenant)
    visitor.open("explore?g0.expr=sum(up")

    visitor.page.get_by_role("alert").get_by_text("bad_data").wait_for()


def test_links_of_prometheus_own_form_open_the_same_expression_and_range(
    visitor: Visitor, tenant: Tenant
) -> None:
    visitor.sign_in(tenant)
    visitor.page.goto(f"{visitor.url}/graph?g0.expr=vector(7)&g0.tab=1&g0.range_input=6h")
    visitor.page.get_by_role("cell", name="7", exact=True).wait_for()

    visitor.page.get_by_text("Last 6h").wait_for()
    assert "/console/explore" in visitor.address()


def test_the_keyboard_goes_everywhere(visitor: Visitor, tenant: Tenant) -> None:
    visitor.sign_in(tenant)
    page = visitor.page
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("5")
    page.get_by_role("heading", name="Explore").wait_for()
    page.locator(".cm-content").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("vector(3)")
    page.keyboard.press("Enter")
    plot = page.locator(".plot")
    plot.wait_for()
    plot.focus()
    page.keyboard.press("ArrowLeft")

    page.locator("[aria-live=polite]").filter(has_text="{} 3").wait_for(state="attached")
    page.get_by_role("button", name="Show as a table").click()
    page.get_by_role("columnheader", name="Time").wait_for()


def test_a_key_is_made_for_a_purpose_works_and_is_revoked(visitor: Visitor, tenant: Tenant) -> None:
    visitor.sign_in(tenant)
    page = visitor.page
    page.get_by_role("button", name="URL & Appkey").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="curl").click()
    dialog.get_by_role("button", name="Make a key for it (read)").click()
    dialog.get_by_text("It is shown this once").wait_for()
    made = re.search(r"X-TC-APP-KEY: (\S+?)'", dialog.locator("pre").inner_text())
    assert made is not None
    key = Tenant(tenant.url, tenant.project_id, tenant.pcode, made[1], made[1])
    assert [] == key.query("absent_metric")
    assert 0 == key.number("tps")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Revoke curl").click()
    page.get_by_role("button", name="Revoke the key").click()

    page.get_by_role("rowheader", name="curl").wait_for(state="detached")
    refused = call("GET", f"{tenant.url}/prometheus/api/v1/labels", headers={"X-TC-APP-KEY": made[1]})
    assert 401 == refused.status


def test_a_revoked_key_ends_the_session_of_an_open_page(
    visitor: Visitor, server: ServerProcess, tenant: Tenant
) -> None:
    visitor.sign_in(tenant)
    url = f"{server.url}/admin/v1/projects/{tenant.project_id}/keys/{tenant.appkey.partition('.')[0]}"
    assert 204 == call("DELETE", url, headers=server.admin_headers).status

    visitor.page.get_by_label("Key").wait_for()
    visitor.page.get_by_text("Your session has ended").wait_for()


def test_an_application_fills_the_real_time_view_and_its_past(visitor: Visitor, tenant: Tenant) -> None:
    report_requests(tenant, count=6, elapsed_ms=40)
    eventually(lambda: tenant.number("act_agent") == 1, what="the first sealed tick")
    visitor.sign_in(tenant)
    visitor.open("realtime")
    page = visitor.page
    page.get_by_role("button", name="shop/shop-1").wait_for()
    busy = eventually(lambda: busy_tick(tenant), what="the tick in the store")
    assert busy is not None
    ended, count = busy
    assert "6" == count
    visitor.open(f"realtime?from={(ended - 300) * 1000}&to={ended * 1000}")
    page.get_by_text("The numbers are those of").wait_for()
    stat = page.locator(".stat").filter(has_text="txcount")
    stat.get_by_text("6", exact=True).wait_for()
    visitor.settle()  # what loads above the hit map would move it under the mouse
    # All six are in the lowest row of the points, and in the cell of their time; a box over everything lists them.
    hit_map = page.locator("section").filter(has=page.get_by_role("heading", name="Hit map"))
    listed = page.get_by_role("dialog", name="Transactions").get_by_role("row").filter(has_text="GET /")
    for mode, row in (("Points", "0 ms – 125 ms"), ("Cells", "25 ms – 50 ms")):
        hit_map.get_by_role("button", name=mode).click()
        hit_map.get_by_role("button", name="Show as a table").click()
        hit_map.get_by_role("row", name=row).get_by_role("cell", name="6").wait_for()
        hit_map.get_by_role("button", name="Show as a table").click()
        drag_over(page, hit_map.locator("canvas"))
        listed.nth(5).wait_for()
        assert 6 == listed.count()
        page.keyboard.press("Escape")
        listed.first.wait_for(state="detached")
    hit_map.get_by_role("button", name="Points").click()
    hit_map.locator("canvas").focus()
    page.keyboard.press("ArrowLeft")
    hit_map.locator("[aria-live]").get_by_text("completed 0").wait_for()
    drag_over(page, hit_map.locator("canvas"))
    # The box is in the address: a colleague sees the same list.
    page.reload()
    listed.nth(5).wait_for()


def drag_over(page: Page, canvas: Locator) -> None:
    """Draw a box over the whole of a hit map."""
    canvas.scroll_into_view_if_needed()
    area = canvas.bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + 60, area["y"] + 4)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] - 2, area["y"] + area["height"] - 22, steps=4)
    page.mouse.up()


def busy_tick(tenant: Tenant) -> tuple[float, str] | None:
    """Return end and count of the first tick that had transactions."""
    found = tenant.query("bongsu_apm_txcount[5m]")
    pairs = [(pair[0], pair[1]) for series in found for pair in series["values"] if pair[1] != "0"]
    return pairs[0] if pairs else None


def report_requests(tenant: Tenant, *, count: int, elapsed_ms: int) -> None:
    """Send server spans that have just ended."""
    report_spans(tenant, [make_span("GET /", elapsed_ms) for _ in range(count)])


def open_scraped(visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter) -> Page:
    """Sign in and open the workspace of an exporter that was scraped."""
    add_target(server, tenant, exporter.port)
    eventually(lambda: tenant.query('up{job="shop"} == 1'), what="the first scrape")
    visitor.sign_in(tenant)
    visitor.open("openmetrics")
    visitor.page.get_by_role("link", name="shop").click()
    return visitor.page


def test_a_layout_is_made_resized_by_keyboard_saved_and_shared(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    page = open_scraped(visitor, server, tenant, exporter)
    page.get_by_text("toy_orders_total").first.wait_for()
    page.get_by_role("button", name="Edit", exact=True).click()
    handle = page.get_by_role("button", name="Resize toy_orders_total")
    handle.press("ArrowDown")
    page.locator("[aria-live=polite]").filter(has_text="6 high").wait_for(state="attached")
    page.get_by_role("button", name="Add a chart").click()
    page.get_by_label("Title").fill("Orders now")
    page.get_by_role("dialog").get_by_role("button", name="PromQL").click()
    page.get_by_label("PromQL expression").fill('toy_orders_total{job="$job"}')
    page.get_by_role("dialog").get_by_role("button", name="Number").click()
    page.get_by_role("dialog").get_by_text("42", exact=True).wait_for()
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Name").fill("Shop floor")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")

    other = visitor.context.new_page()
    other.goto(visitor.address())
    other.get_by_role("heading", name="Orders now").wait_for()
    chosen = other.get_by_label("Layout").locator("option:checked")
    chosen.filter(has_text="Shop floor").wait_for(state="attached")


def test_a_layout_that_nobody_changed_lets_the_page_be_left_however_late_its_list_comes(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    def later(route: Route) -> None:
        time.sleep(2)  # an automatic layout is made of metrics in less
        route.continue_()

    visitor.page.route("**/console/api/layouts?**", later)
    page = open_scraped(visitor, server, tenant, exporter)
    page.get_by_text("toy_orders_total").first.wait_for()
    visitor.settle()
    page.locator("select[aria-label=Layout]:enabled").wait_for()

    visitor.open()
    page.get_by_role("heading", name="What is wrong now").wait_for()


def test_a_chart_is_moved_resized_and_copied_by_the_mouse_and_kept(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    page = open_scraped(visitor, server, tenant, exporter)
    page.get_by_text("toy_orders_total").first.wait_for()
    visitor.settle()
    page.get_by_role("button", name="Edit", exact=True).click()
    said = page.locator("[aria-live=polite]")
    # In columns and rows: the chart is six columns wide and five rows high, and two rows above it are of others.
    pull(page, page.get_by_role("button", name="Move toy_orders_total", exact=True), across=0.5, rows=-9)
    said.filter(has_text="row 1").wait_for(state="attached")
    pull(page, page.get_by_role("button", name="Resize toy_orders_total"), across=-0.25, rows=2)
    said.filter(has_text="3 wide, 7 high").wait_for(state="attached")
    page.get_by_role("button", name="Copy toy_orders_total").click()
    copies = page.get_by_role("heading", name="toy_orders_total")
    copies.nth(1).wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Name").fill("Moved")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_role("dialog").wait_for(state="detached")
    (kept,) = call("GET", f"{tenant.url}/console/api/layouts", headers={"X-TC-APP-KEY": tenant.appkey}).json()["layouts"]  # fmt: skip
    saved = call("GET", f"{tenant.url}/console/api/layouts/{kept['layoutId']}", headers={"X-TC-APP-KEY": tenant.appkey}).json()  # fmt: skip

    first, copy = (one for one in saved["layout"]["panels"] if one["title"] == "toy_orders_total")
    assert (6, 0, 3, 7) == (first["x"], first["y"], first["w"], first["h"])
    assert (3, 7) == (copy["w"], copy["h"])
    assert [] == visitor.problems


def pull(page: Page, handle: Locator, *, across: float, rows: int) -> None:
    """Drag a handle by a part of the board's width and by rows, as a hand does: in steps."""
    board, at = page.locator(".board").bounding_box(), handle.bounding_box()
    assert board is not None
    assert at is not None
    x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across * board["width"], y + 50 * rows, steps=8)
    page.mouse.up()


NODE_TEXT = b"""\
# TYPE node_uname_info gauge
node_uname_info{nodename="vm-1"} 1
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 10
node_cpu_seconds_total{cpu="1",mode="idle"} 11
node_cpu_seconds_total{cpu="2",mode="idle"} 12
# TYPE node_memory_MemTotal_bytes gauge
node_memory_MemTotal_bytes 8589934592
"""


def test_a_large_grafana_dashboard_is_imported_and_finds_its_machine(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    exporter.body = NODE_TEXT
    page = open_scraped(visitor, server, tenant, exporter)
    page.get_by_role("button", name="Import a Grafana dashboard").click()
    page.get_by_label("Or its JSON").fill('{"title": "None"}')
    page.get_by_text("it has no panels").wait_for()
    page.get_by_label("Or its JSON").fill(json.dumps(node_dashboard()))
    for note in (
        "Filesystems: panel type piechart",
        "Messages: panel type logs",
        "$filters: variable type adhoc",
    ):
        page.get_by_text(note).wait_for()
    page.get_by_role("button", name="Import", exact=True).click()

    # Its variables name a machine of its author; they find the one that is here, each through the one before it.
    cores = page.locator(".cell-box").filter(has=page.get_by_role("heading", name="Cores"))
    cores.get_by_text("3", exact=True).wait_for()
    page.locator(".cell-box").filter(has_text="RAM Total").get_by_text("8 GiB").wait_for()
    here = ["shop", "vm-1", f"127.0.0.1:{exporter.port}", str(exporter.port)]
    names = ("job", "nodename", "node", "port")
    eventually(
        lambda: here == [page.get_by_label(name, exact=True).input_value() for name in names],
        what="the values of this machine",
    )
    page.get_by_text("Not carried over").wait_for()
    assert [] == visitor.problems


def test_a_target_is_tried_before_it_is_added(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    server.register_server(tenant, "alpha-7")
    tenant.sysmon("POST", "jobs", {"jobName": "shop", "metricsPath": "/metrics"})
    visitor.sign_in(tenant)
    page = visitor.page
    visitor.open("openmetrics")
    page.get_by_role("link", name="shop").click()
    page.get_by_role("button", name="Add targets").last.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Port").fill(str(exporter.port))
    dialog.get_by_label("alpha-7").check()
    dialog.get_by_role("button", name="Test now").click()
    dialog.get_by_text("1 samples in").wait_for()
    exporter.status = 503
    dialog.get_by_role("button", name="Test now").click()

    dialog.get_by_text("HTTP 503").wait_for()
    assert [] == tenant.query('up{job="shop"}')


def test_the_real_time_view_asks_for_nothing_but_its_stream(visitor: Visitor, tenant: Tenant) -> None:
    report_requests(tenant, count=3, elapsed_ms=40)
    eventually(lambda: tenant.number("act_agent") == 1, what="the first sealed tick")
    visitor.sign_in(tenant)
    page = visitor.page
    ticks: list[object] = []
    network = visitor.context.new_cdp_session(page)
    network.send("Network.enable")

    def take(told: object) -> None:
        ticks.append(told)

    network.on("Network.eventSourceMessageReceived", take)
    visitor.open("realtime")
    page.get_by_role("button", name="shop/shop-1").wait_for()
    visitor.settle()

    def wait_for_ticks(count: int) -> None:
        wanted = len(ticks) + count
        while len(ticks) < wanted:  # the time limit of tests ends one whose stream has stopped
            page.wait_for_timeout(100)

    wait_for_ticks(1)  # what was fetched behind the first view has come
    asked: list[str] = []

    def note(sent: Request) -> None:
        if "step=300" not in (sent.post_data or ""):  # today's line grows by a point every five minutes
            asked.append(sent.url)

    page.on("request", note)
    wait_for_ticks(2)

    assert [] == asked


def test_the_steps_of_an_expression_are_explained(
    visitor: Visitor, server: ServerProcess, tenant: Tenant, exporter: ToyExporter
) -> None:
    add_target(server, tenant, exporter.port)
    # A range ends at a whole step before now: here one of 5 s.
    eventually(lambda: tenant.query('up{job="shop"} offset 6s == 1'), what="a scrape 6 s ago", within_s=90)
    visitor.sign_in(tenant)
    visitor.open(
        "explore?g0.expr=sum(abs(toy_orders_total))%20/%20count(missing)&g0.tab=explain&from=now-15m"
    )
    tree = visitor.page.get_by_role("tree", name="Explain")
    steps = tree.locator(".step")

    # What each step cost comes with the tree; what it gives is asked step by step.
    sum_of = steps.filter(has_text="aggregate sum")
    sum_of.get_by_text(re.compile("Time .* ms")).wait_for()
    sum_of.get_by_text(re.compile("Memory .*B")).wait_for()
    sum_of.get_by_text("Series 1").wait_for()
    steps.filter(has_text="select toy_orders_total").get_by_text("job 1").wait_for()
    steps.filter(has_text="select missing").locator(".none").get_by_text("Series 0").wait_for()
    visitor.page.get_by_role("link", name="Open this step alone: missing").click()

    visitor.page.get_by_text("nothing matches it").wait_for()


def test_a_new_server_without_an_exporter_is_awaited_and_not_wrong(
    visitor: Visitor, server: ServerProcess, tenant: Tenant
) -> None:
    server.register_server(tenant, "alpha-7", "127.1.2.3")
    eventually(lambda: tenant.query('up{job="@Linux"} == 0'), what="the first scrape")
    visitor.sign_in(tenant)

    visitor.page.get_by_text("Waiting for node exporter").wait_for()
