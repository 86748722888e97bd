"""Layouts: the arithmetic of the grid, expressions that are built and read, Grafana's dashboards, and layouts made of metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.browser.visitor import in_module
from tests.support.grafana_dashboard import node_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.xdist_group("modules")]


def panel(identity: str, x: int, y: int, w: int = 6, h: int = 4) -> dict[str, Any]:
    return {"id": identity, "title": identity, "kind": "lines", "x": x, "y": y, "w": w, "h": h}


def places(panels: list[dict[str, Any]]) -> dict[str, tuple[int, int, int, int]]:
    return {one["id"]: (one["x"], one["y"], one["w"], one["h"]) for one in panels}


def test_a_moved_panel_pushes_the_others_down_and_none_overlap(page: Any) -> None:
    panels = [panel("a", 0, 0), panel("b", 6, 0), panel("c", 0, 4)]
    moved = in_module(page, "layout/place.js", f"m.movePanel({json.dumps(panels)}, 'c', 0, 0)")

    assert {"a": (0, 4, 6, 4), "b": (6, 0, 6, 4), "c": (0, 0, 6, 4)} == places(moved)


def test_a_panel_stays_on_the_grid(page: Any) -> None:
    moved = in_module(page, "layout/place.js", f"m.movePanel({json.dumps([panel('a', 0, 0)])}, 'a', 99, -3)")
    wide = in_module(page, "layout/place.js", f"m.resizePanel({json.dumps([panel('a', 4, 0)])}, 'a', 99, 0)")

    assert {"a": (6, 0, 6, 4)} == places(moved)
    assert {"a": (4, 0, 8, 1)} == places(wide)


def test_a_copy_lies_below_and_has_an_id_of_its_own(page: Any) -> None:
    copied = in_module(
        page, "layout/place.js", f"m.copyPanel({json.dumps([panel('p1', 0, 0), panel('p3', 6, 0)])}, 'p1')"
    )

    assert {"p1": (0, 0, 6, 4), "p3": (6, 0, 6, 4), "p4": (0, 4, 6, 4)} == places(copied)


@pytest.mark.parametrize(
    "text",
    [
        "up",
        'up{job="a",instance!~"b.*"}',
        "rate(x_total[$__rate])",
        'sum by (job, mode) (rate(x_total{a="q\\"uote"}[$__rate]))',
        "avg (x)",
        "histogram_quantile(0.95, sum by (le, job) (rate(x_bucket[$__rate])))",
    ],
)
def test_what_the_form_builds_it_reads_back(page: Any, text: str) -> None:
    assert text == in_module(page, "layout/builder.js", f"m.build(m.read({json.dumps(text)}))")


@pytest.mark.parametrize("text", ["up > 1", "sum(up)", "rate(x[5m])", "a + b", "", "up{"])
def test_what_the_form_does_not_make_is_left_to_promql(page: Any, text: str) -> None:
    assert in_module(page, "layout/builder.js", f"m.read({json.dumps(text)})") is None


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ('up{job="$job"}', {"job": ["a"]}, 'up{job="a"}'),
        ('up{i=~"$i"}', {"i": ["a.b", "c"]}, 'up{i=~"(a\\\\.b|c)"}'),
        ('up{j="\\"",i=~"$i"}', {"i": ["a.b", "c"]}, 'up{j="\\"",i=~"(a\\\\.b|c)"}'),
        ("up{i=~`$i`}", {"i": ["a.b", "c"]}, "up{i=~`(a\\.b|c)`}"),
        ('up{i=~"${i:regex}"}', {"i": ["a.b"]}, 'up{i=~"a\\\\.b"}'),
        ('up{i=~"[[i]]"}', {"i": ["$__all"]}, 'up{i=~".*"}'),
        ("rate(x[$__rate_interval])", {"rate": ["no"]}, "rate(x[$__rate_interval])"),
        ("$unknown", {}, "$unknown"),
    ],
)
def test_variables_stand_in_expressions(
    page: Any, text: str, values: dict[str, list[str]], expected: str
) -> None:
    pairs = json.dumps(list(values.items()))
    found = in_module(page, "layout/variables.js", f"m.interpolate({json.dumps(text)}, new Map({pairs}))")

    assert expected == found


DASHBOARD: dict[str, Any] = {
    "title": "Shop",
    "templating": {
        "list": [
            {"name": "DS", "type": "datasource"},
            {"name": "job", "type": "query", "query": {"query": "label_values(up, job)"}, "includeAll": True},
            {"name": "ad", "type": "adhoc"},
        ]
    },
    "panels": [
        {
            "type": "timeseries",
            "title": "Rate",
            "gridPos": {"x": 12, "y": 0, "w": 12, "h": 8},
            "fieldConfig": {
                "defaults": {"unit": "reqps", "min": 0},
                "overrides": [
                    {
                        "matcher": {"id": "byRegexp", "options": "/5../"},
                        "properties": [
                            {"id": "custom.transform", "value": "negative-Y"},
                            {"id": "color", "value": {"mode": "fixed", "fixedColor": "dark-red"}},
                            {"id": "custom.lineWidth", "value": 3},
                        ],
                    }
                ],
            },
            "targets": [{"expr": 'rate(x{job="$job"}[5m])', "legendFormat": "{{code}}"}],
        },
        {
            "type": "row",
            "title": "Folded",
            "gridPos": {"x": 0, "y": 8, "w": 24, "h": 1},
            "panels": [
                {
                    "type": "gauge",
                    "title": "Full",
                    "gridPos": {"x": 0, "y": 9, "w": 6, "h": 4},
                    "fieldConfig": {
                        "defaults": {
                            "unit": "percentunit",
                            "thresholds": {
                                "steps": [{"color": "green", "value": None}, {"color": "red", "value": 0.9}]
                            },
                        }
                    },
                    "targets": [{"expr": "y"}],
                }
            ],
        },
        {"type": "geomap", "title": "Map", "gridPos": {"x": 0, "y": 20, "w": 6, "h": 4}},
        {"type": "table", "title": "Logs", "targets": [{"query": "select 1", "refId": "A"}]},
    ],
}


def test_a_grafana_dashboard_becomes_a_layout_with_a_list_of_what_it_could_not_carry(page: Any) -> None:
    found = in_module(page, "layout/grafana.js", f"m.importGrafana({json.dumps(DASHBOARD)})")
    layout = found["layout"]

    assert "Shop" == found["name"]
    assert [("Rate", "lines", "perSecond"), ("Folded", "text", None), ("Full", "gauge", "ratio")] == [
        (one["title"], one["kind"], one.get("unit")) for one in layout["panels"]
    ]
    assert (6, 6) == (layout["panels"][0]["x"], layout["panels"][0]["w"])
    assert {"expr": 'rate(x{job="$job"}[5m])', "legend": "{{code}}", "instant": False} == (
        layout["panels"][0]["queries"][0]
    )
    assert [{"match": "5..", "regex": True, "negative": True, "colour": "#d1495b"}] == (
        layout["panels"][0]["overrides"]
    )
    assert [{"at": None, "state": "ok"}, {"at": 0.9, "state": "bad"}] == layout["panels"][2]["steps"]
    assert [("job", "label_values(up, job)", True)] == [
        (one["name"], one["query"], one["all"]) for one in layout["variables"]
    ]
    assert [
        "Rate: field overrides (custom.lineWidth)",
        "Map: panel type geomap",
        "Logs: query A is not PromQL",
        "Logs: no PromQL query",
        "$ad: variable type adhoc",
    ] == layout["notes"]


def test_small_panels_of_a_large_dashboard_get_room_and_none_lies_on_another(page: Any) -> None:
    found = in_module(page, "layout/grafana.js", f"m.importGrafana({json.dumps(node_dashboard())})")
    panels = found["layout"]["panels"]
    cells = [
        (x, y)
        for one in panels
        for x in range(one["x"], one["x"] + one["w"])
        for y in range(one["y"], one["y"] + one["h"])
    ]

    assert len(cells) == len(set(cells))
    assert {2} == {one["w"] for one in panels if one["kind"] in {"gauge", "stat"}}
    assert 12 >= max(one["x"] + one["w"] for one in panels)
    rows = [one["title"] for one in sorted(panels, key=lambda one: one["y"]) if one["kind"] == "text"]
    assert [
        "Quick CPU / Mem / Disk",
        "Basic",
        "CPU / Memory / Net / Disk",
        "Memory Meminfo",
        "System Misc",
    ] == rows
    first = {step["state"] for one in panels for step in one.get("steps", []) if step["at"] is None}
    assert {"ok"} == first


def imported(page: Any, dashboard: dict[str, Any]) -> dict[str, Any]:
    found = in_module(page, "layout/grafana.js", f"m.importGrafana({json.dumps(dashboard)}).layout")
    assert isinstance(found, dict)
    return found


def grafana_panel(title: str, y: int, x: int = 0, w: int = 12, **more: Any) -> dict[str, Any]:
    at = {"x": x, "y": y, "w": w, "h": 8}
    return {"type": "timeseries", "title": title, "gridPos": at, "targets": [{"expr": "up"}], **more}


def test_what_folded_rows_hold_stays_below_its_own_row(page: Any) -> None:
    # As Grafana keeps them: rows after a folded one are placed as if it held nothing.
    rows = [
        {"type": "row", "title": f"Row {name}", "collapsed": True, "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
         "panels": [grafana_panel(f"{name} left", y + 1), grafana_panel(f"{name} right", y + 1, 12), grafana_panel(f"{name} below", y + 9, 12)]}
        for y, name in enumerate("AB")
    ]  # fmt: skip
    panels = imported(page, {"panels": rows})["panels"]
    read = [one["title"] for one in sorted(panels, key=lambda one: (one["y"], one["x"]))]

    assert read == [f"{word}" for name in "AB" for word in (f"Row {name}", f"{name} left", f"{name} right", f"{name} below")]  # fmt: skip
    assert [True, True] == [one["folded"] for one in panels if one.get("row")]


def test_repeated_rows_and_panels_are_shown_for_each_value(page: Any) -> None:
    dashboard = {
        "panels": [
            {"type": "row", "title": "Host $host", "repeat": "host", "gridPos": {"x": 0, "y": 0, "w": 24, "h": 1}},
            grafana_panel("$host $disk", 1, repeat="disk", maxPerRow=2),
            grafana_panel("down $disk", 9, repeat="disk", repeatDirection="v"),
            {"type": "row", "title": "Rest", "gridPos": {"x": 0, "y": 17, "w": 24, "h": 1}},
            grafana_panel("last", 18),
        ]
    }  # fmt: skip
    panels = imported(page, dashboard)["panels"]
    values = {"host": ["a", "b"], "disk": ["x", "y", "z"]}
    shown = in_module(
        page,
        "layout/repeat.js",
        f"m.shownPanels({json.dumps(panels)}, new Map({json.dumps(list(values.items()))}), (row) => row.values?.host === 'b')",
    )
    told = [(one["title"], one.get("values"), one["x"], one["y"], one["w"]) for one in shown]

    assert [
        ("Host $host", {"host": "a"}, 0, 0, 12),
        ("$host $disk", {"host": "a", "disk": "x"}, 0, 1, 6),
        ("$host $disk", {"host": "a", "disk": "y"}, 6, 1, 6),
        ("$host $disk", {"host": "a", "disk": "z"}, 0, 7, 6),
        ("down $disk", {"host": "a", "disk": "x"}, 0, 13, 6),
        ("down $disk", {"host": "a", "disk": "y"}, 0, 19, 6),
        ("down $disk", {"host": "a", "disk": "z"}, 0, 25, 6),
        ("Host $host", {"host": "b"}, 0, 31, 12),
        ("Rest", None, 0, 32, 12),
        ("last", {}, 0, 33, 6),
    ] == told
    assert len(shown) == len({one["id"] for one in shown})


def test_mappings_calculations_and_percentages_are_carried_over(page: Any) -> None:
    defaults = {
        "unit": "percentunit",
        "mappings": [
            {"type": "value", "options": {"0": {"text": "Down", "color": "red"}}},
            {"type": "range", "options": {"from": 0.5, "to": None, "result": {"text": "Full"}}},
            {"type": "special", "options": {"match": "null+nan", "result": {"text": "N/A"}}},
            {"type": "regex", "options": {"pattern": "a"}},
        ],
        "thresholds": {
            "mode": "percentage",
            "steps": [{"color": "green", "value": None}, {"color": "#EAB839", "value": 80}],
        },
    }
    stat = grafana_panel(
        "S",
        0,
        type="stat",
        fieldConfig={"defaults": defaults},
        options={"reduceOptions": {"calcs": ["mean"]}, "textMode": "name"},
    )
    share = grafana_panel(
        "L", 8, fieldConfig={"defaults": {"unit": "rotrpm", "custom": {"stacking": {"mode": "percent"}}}}
    )
    layout = imported(page, {"panels": [stat, share]})
    first, second = layout["panels"]

    assert [
        {"from": 0, "to": 0, "text": "Down", "state": "bad"},
        {"from": 0.5, "to": None, "text": "Full", "state": ""},
        {"from": None, "to": None, "text": "N/A", "state": ""},
    ] == first["mappings"]
    assert [{"at": None, "state": "ok"}, {"at": 0.8, "state": "warn"}] == first["steps"]
    assert ("mean", "name") == (first["calc"], first["shows"])
    assert (True, True, "suffix:rpm") == (second["stack"], second["share"], second["unit"])
    assert ["S: some value mappings"] == layout["notes"]
    shown = [
        in_module(
            page,
            "layout/panel.js",
            f"m.shownValue({json.dumps(first)}, {{ value: {value}, name: 'v1.2' }})",
        )
        for value in ("0", "0.7", "NaN", "0.2")
    ]
    assert [("Down", "bad"), ("Full", "ok"), ("N/A", ""), ("v1.2", "ok")] == [
        (one["text"], one["state"]) for one in shown
    ]


def test_dashboards_of_the_newest_and_of_the_oldest_form_are_read(page: Any) -> None:
    query = {
        "kind": "PanelQuery",
        "spec": {
            "refId": "A",
            "query": {"kind": "DataQuery", "group": "prometheus", "spec": {"expr": "up", "legendFormat": "{{job}}"}},
        },
    }  # fmt: skip
    element = {
        "kind": "Panel",
        "spec": {
            "id": 1, "title": "Up", "data": {"kind": "QueryGroup", "spec": {"queries": [query]}},
            "vizConfig": {"kind": "VizConfig", "group": "stat", "spec": {"fieldConfig": {"defaults": {"unit": "short"}}}},
        },
    }  # fmt: skip
    item = {
        "kind": "GridLayoutItem",
        "spec": {"x": 0, "y": 0, "width": 12, "height": 8, "element": {"kind": "ElementReference", "name": "panel-1"},
                 "repeat": {"mode": "variable", "value": "job", "direction": "v"}},
    }  # fmt: skip
    row = {
        "kind": "RowsLayoutRow",
        "spec": {"title": "R", "collapse": True, "layout": {"kind": "GridLayout", "spec": {"items": [item]}}},
    }
    variable = {
        "kind": "QueryVariable",
        "spec": {"name": "job", "query": {"kind": "DataQuery", "spec": {"query": "label_values(up, job)"}}, "multi": True},
    }  # fmt: skip
    newest = {
        "apiVersion": "dashboard.grafana.app/v2",
        "spec": {"title": "New", "elements": {"panel-1": element}, "variables": [variable],
                 "layout": {"kind": "RowsLayout", "spec": {"rows": [row]}}},
    }  # fmt: skip
    head, panel_found = imported(page, newest)["panels"]
    assert (True, True, "R") == (head["row"], head["folded"], head["title"])
    assert ("stat", "Up", "job", 1) == (
        panel_found["kind"],
        panel_found["title"],
        panel_found["repeat"],
        panel_found["across"],
    )
    assert [{"expr": "up", "legend": "{{job}}", "instant": False}] == panel_found["queries"]
    assert ["label_values(up, job)"] == [one["query"] for one in imported(page, newest)["variables"]]

    graph = {"type": "graph", "title": "G", "span": 6, "targets": [{"expr": "up"}], "seriesOverrides": [{"alias": "/out/", "transform": "negative-Y"}]}  # fmt: skip
    oldest = {"title": "Old", "rows": [{"title": "R", "panels": [graph, graph, graph]}]}
    found = imported(page, oldest)["panels"]
    assert [("R", 0, 0, 12), ("G", 0, 1, 6), ("G", 6, 1, 6), ("G", 0, 6, 6)] == [
        (one["title"], one["x"], one["y"], one["w"]) for one in found
    ]
    assert [{"match": "out", "regex": True, "negative": True}] == found[1]["overrides"]


def test_panels_of_before_version_8_keep_their_limits_colours_and_kind(page: Any) -> None:
    single = {
        "type": "singlestat", "title": "Busy", "span": 3, "format": "none", "postfix": " %", "thresholds": "50,80",
        "colors": ["#299c46", "rgba(237, 129, 40, 0.89)", "#d44a3a"], "targets": [{"expr": "up"}],
    }  # fmt: skip
    graph = {
        "type": "graph", "title": "Load", "span": 6, "yaxes": [{"format": "Bps", "min": "0", "max": None}],
        "aliasColors": {"now": "#BF1B00"}, "thresholds": [{"value": 10, "op": "gt"}], "targets": [{"expr": "node_load1"}],
    }  # fmt: skip
    table = {"type": "table", "title": "Disks", "styles": [{"type": "number", "unit": "bytes"}], "targets": [{"expr": "x"}]}  # fmt: skip
    text = {"type": "text", "title": "Note", "mode": "html", "content": "<b>Look</b> here"}
    shown = {**single, "gauge": {"show": True, "minValue": 0, "maxValue": 100}}
    layout = imported(
        page, {"rows": [{"panels": [single, {**single, "colorValue": True}, shown, graph, table, text]}]}
    )
    plain, coloured, gauge, lines, disks, note = layout["panels"]

    assert [("stat", "suffix:%", []), ("stat", "suffix:%", ["ok", "warn", "bad"])] == [
        (one["kind"], one["unit"], [step["state"] for step in one["steps"]]) for one in (plain, coloured)
    ]
    assert [None, 50, 80] == [step["at"] for step in gauge["steps"]]
    assert ("gauge", 0, 100) == (gauge["kind"], gauge["min"], gauge["max"])
    assert ("bytesPerSecond", 0, None) == (lines["unit"], lines["min"], lines["max"])
    assert [{"match": "now", "regex": False, "colour": "#bf1b00"}] == lines["overrides"]
    assert ("bytes", "Look here") == (disks["unit"], note["text"])
    assert ["Load: thresholds drawn on the chart"] == layout["notes"]


def test_queries_of_a_table_are_joined_and_library_panels_come_along(page: Any) -> None:
    rename = {"id": "organize", "options": {"renameByName": {"Value #A": "Size"}}}
    free = {
        "matcher": {"id": "byName", "options": "Value #B"},
        "properties": [{"id": "displayName", "value": "Free"}],
    }
    table = grafana_panel(
        "Disks",
        0,
        type="table",
        transformations=[{"id": "merge"}, rename],
        fieldConfig={"defaults": {}, "overrides": [free]},
        targets=[{"expr": "size", "refId": "A"}, {"expr": "free", "refId": "B", "interval": "2m"}],
    )
    place = {"x": 12, "y": 0, "w": 12, "h": 8}
    shared = [{"title": name, "gridPos": place, "libraryPanel": {"uid": name}} for name in ("known", "other")]
    elements = {"known": {"model": {"type": "stat", "targets": [{"expr": "up"}]}}}
    layout = imported(page, {"panels": [table, *shared], "__elements": elements})
    disks, known = layout["panels"]

    assert [("Size", None), ("Free", 120)] == [(one["legend"], one.get("least")) for one in disks["queries"]]
    assert ("stat", "known") == (known["kind"], known["title"])
    assert ["Disks: transformations (organize)", "other: library panel"] == layout["notes"]
    rows = [
        {"labels": {"__name__": name, "disk": disk}, "name": "", "value": value, "query": query}
        for name, disk, value, query in (("size", "a", 1, 0), ("size", "b", 9, 0), ("free", "b", 5, 1))
    ]
    lines = in_module(page, "layout/panel.js", f"m.linesOf({json.dumps(rows)}, 2)")
    assert [("b", [9, 5]), ("a", [1])] == [
        (line["labels"]["disk"], [one["value"] for one in line["values"]]) for line in lines
    ]


def test_intervals_and_names_of_labels_are_variables_too(page: Any) -> None:
    interval = {
        "name": "every",
        "type": "interval",
        "auto": True,
        "query": "1m,1h",
        "current": {"value": "$__auto_interval_every"},
    }
    names = {"name": "by", "type": "query", "query": "label_names(up)"}
    layout = imported(page, {"panels": [grafana_panel("P", 0)], "templating": {"list": [interval, names]}})
    every, by = layout["variables"]

    assert (["$__interval", "1m", "1h"], "$__interval") == (every["values"], every["value"])
    assert ("label_names(up)", []) == (by["query"], layout["notes"])


def test_a_series_is_shown_as_the_overrides_of_its_panel_say(page: Any) -> None:
    overrides = [
        {"match": "out.*", "regex": True, "negative": True},
        {"match": "out eth0", "colour": "#ff0000", "name": "sent"},
    ]
    found = in_module(
        page,
        "layout/panel.js",
        f"m.overridden({{ name: 'out eth0', values: [1, null, 0] }}, {json.dumps(overrides)})",
    )

    assert {"name": "sent", "colour": "#ff0000", "values": [-1, None, 0]} == found


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("/.*:(.*)/", ["9100", "80"]),
        ("a", ["a:9100", "a:80"]),
        ("/^B:(?<value>.)/i", ["9"]),
        ("/(/", ["a:9100", "a:80", "b:9100"]),
        ("", ["a:9100", "a:80", "b:9100"]),
    ],
)
def test_values_of_a_variable_are_filtered_as_grafana_does(
    page: Any, regex: str, expected: list[str]
) -> None:
    values = json.dumps(["a:9100", "a:80", "b:9100"])

    assert expected == in_module(page, "layout/variables.js", f"m.filtered({values}, {json.dumps(regex)})")


def test_a_layout_is_made_of_names_and_types(page: Any) -> None:
    names = ["up", "a_total", "b_bucket", "b_sum", "b_count", "c_bytes", "go_threads", "d_info", "a_created"]
    metadata = {"c_bytes": [{"type": "gauge", "help": "Bytes of c."}]}
    made = in_module(
        page, "layout/defaults.js", f"m.defaultLayout({json.dumps(names)}, {json.dumps(metadata)})"
    )
    panels = {one["title"]: one for one in made["panels"][2:]}

    # What every program's runtime tells comes last.
    assert ["a_total", "b", "c_bytes", "go_threads"] == list(panels)
    assert "sum by (instance) (rate(a_total{" in panels["a_total"]["queries"][0]["expr"]
    assert 3 == len(panels["b"]["queries"])
    assert ("bytes", "Bytes of c.") == (panels["c_bytes"]["unit"], panels["c_bytes"]["describes"])
    assert "instance" == made["variables"][0]["name"]


def test_ticks_of_the_stream_are_appended_and_the_oldest_fall_out(page: Any) -> None:
    lines = {"times": [0, 5, 10], "series": [{"name": "tps", "values": [1, 2, 3]}]}
    ticks = [{"endMs": end, "numbers": {"tps": end}} for end in (10_000, 15_000, 25_000)]
    found = in_module(
        page,
        "live-lines.js",
        f"m.append({json.dumps(lines)}, {json.dumps(ticks)}, (tick) => [tick.numbers.tps])",
    )

    assert [15, 20, 25] == found["times"]
    assert [15_000, None, 25_000] == found["series"][0]["values"]


def test_a_hundred_thousand_cells_are_drawn_within_two_frames(page: Any) -> None:
    """
    The picture of 1,000 by 100 cells, all full, costs less than two frames of a 60 Hz screen.

    The best run is judged, of as many as a busy machine needs for one that nothing interrupts: the others tell how busy it is.
    """
    two_frames_ms = 2 * 1000 / 60
    best = in_module(
        page,
        "heatmap.js",
        """(() => {
            const times = Array.from({ length: 1000 }, (_, index) => index * 5);
            const bounds = Array.from({ length: 100 }, (_, index) => index / 10);
            const cells = { times, bounds, step: 5, most: 50, cells: bounds.map((_, row) => times.map((_, at) => 1 + ((row * at) % 50))) };
            const canvas = document.createElement('canvas');
            canvas.width = 1200; canvas.height = 400;
            const context = canvas.getContext('2d');
            let best = Infinity;
            for (let run = 0; run < 60 && best > LIMIT; run++) {
                const start = performance.now();
                context.drawImage(m.pictureOf(cells, () => '#1f5fc4'), 0, 0, 1200, 400);
                context.getImageData(0, 0, 1, 1);
                best = Math.min(best, performance.now() - start);
            }
            return best;
        })()""".replace("LIMIT", str(two_frames_ms)),
    )

    assert best <= two_frames_ms, f"{best:.1f} ms"
