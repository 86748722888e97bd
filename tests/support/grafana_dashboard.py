"""A large Grafana dashboard about machines, in the shape of those that are shared most: rows, variables in a chain, every kind of panel."""

from __future__ import annotations

from typing import Any

OWN = 'instance="$node",job="$job"'
SOURCE = {"type": "prometheus", "uid": "${ds_prometheus}"}
LINES = {
    "drawStyle": "line",
    "fillOpacity": 20,
    "lineWidth": 1,
    "stacking": {"group": "A", "mode": "none"},
    "thresholdsStyle": {"mode": "off"},
}
STEPS = [{"color": "rgba(50, 172, 45, 0.97)", "value": None}, {"color": "orange", "value": 85}, {"color": "red", "value": 95}]  # fmt: skip


def node_dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana exports it."""
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"}],
        "annotations": {"list": [{"builtIn": 1, "name": "Annotations & Alerts"}]},
        "schemaVersion": 39,
        "title": "Machines, in full",
        "links": [{"title": "Source", "url": "https://example.test"}],
        "templating": {"list": _variables()},
        "time": {"from": "now-24h", "to": "now"},
        "panels": [_row("Quick CPU / Mem / Disk", 0), *_quick(), _row("Basic", 5), *_basic(), *_folded(21)],
    }


def _variables() -> list[dict[str, Any]]:
    def query(name: str, text: str, **more: Any) -> dict[str, Any]:
        current = {"selected": False, "text": f"their-{name}", "value": f"their-{name}"}
        return {
            "name": name,
            "type": "query",
            "datasource": SOURCE,
            "definition": text,
            "query": {"qryType": 1, "query": text, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
            "current": current,
            "includeAll": False,
            "multi": False,
            "regex": "",
            **more,
        }

    return [
        {"name": "ds_prometheus", "type": "datasource", "query": "prometheus", "current": {}},
        query("job", "label_values(node_uname_info, job)"),
        query("nodename", 'label_values(node_uname_info{job="$job"}, nodename)'),
        query("node", 'label_values(node_uname_info{job="$job", nodename="$nodename"}, instance)'),
        query("port", "label_values(node_uname_info, instance)", regex="/.*:(.*)/", hide=2),
        {
            "name": "diskdevices",
            "type": "custom",
            "query": "[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+",
            "current": {
                "text": "[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+",
                "value": "[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+",
            },
        },
        {"name": "filters", "type": "adhoc"},
    ]


def _row(title: str, y: int, panels: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    place = {"h": 1, "w": 24, "x": 0, "y": y}
    return {
        "type": "row",
        "title": title,
        "gridPos": place,
        "collapsed": panels is not None,
        "panels": panels or [],
    }


def _panel(
    kind: str, title: str, place: tuple[int, int, int, int], unit: str, *queries: str, **more: Any
) -> dict[str, Any]:
    x, y, w, h = place
    defaults = {"unit": unit, "min": 0, "custom": LINES, "thresholds": {"mode": "absolute", "steps": STEPS}}
    return {
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "description": f"About: {title}",
        "gridPos": {"x": x, "y": y, "w": w, "h": h},
        "fieldConfig": {
            "defaults": {**defaults, **more.pop("defaults", {})},
            "overrides": more.pop("overrides", []),
        },
        "options": {"legend": {"calcs": ["mean", "lastNotNull"], "displayMode": "table"}},
        "targets": [
            {
                "expr": text,
                "legendFormat": legend,
                "refId": chr(65 + index),
                "datasource": SOURCE,
                "step": 240,
            }
            for index, (text, _, legend) in enumerate(query.partition(" | ") for query in queries)
        ],
        **more,
    }


def _quick() -> list[dict[str, Any]]:
    idle = f'100 * (1 - avg(rate(node_cpu_seconds_total{{mode="idle", {OWN}}}[$__rate_interval])))'
    used = f"(1 - node_memory_MemAvailable_bytes{{{OWN}}} / node_memory_MemTotal_bytes{{{OWN}}}) * 100"
    root = f'100 - node_filesystem_avail_bytes{{{OWN},mountpoint="/"}} * 100 / node_filesystem_size_bytes{{{OWN},mountpoint="/"}}'
    return [
        _panel("gauge", "CPU Busy", (0, 1, 3, 4), "percent", idle, defaults={"max": 100}),
        _panel("gauge", "RAM Used", (3, 1, 3, 4), "percent", used, defaults={"max": 100}),
        _panel("bargauge", "Root FS Used", (6, 1, 3, 4), "percent", root, defaults={"max": 100}),
        _panel(
            "stat",
            "Cores",
            (9, 1, 2, 2),
            "short",
            f"count(count(node_cpu_seconds_total{{{OWN}}}) by (cpu))",
            maxDataPoints=100,
        ),
        _panel("stat", "RAM Total", (11, 1, 2, 2), "bytes", f"node_memory_MemTotal_bytes{{{OWN}}}"),
        _panel("stat", "Uptime", (9, 3, 4, 2), "s", f"node_time_seconds{{{OWN}}} - node_boot_time_seconds{{{OWN}}}"),
        _panel("piechart", "Filesystems", (13, 1, 11, 4), "bytes", f"node_filesystem_size_bytes{{{OWN}}}"),
    ]  # fmt: skip


def _basic() -> list[dict[str, Any]]:
    percent = {"custom": {**LINES, "stacking": {"mode": "percent"}}}
    negative = [
        {
            "matcher": {"id": "byRegexp", "options": "/.*Trans.*/"},
            "properties": [{"id": "custom.transform", "value": "negative-Y"}],
        }
    ]
    cpu = [
        f'sum(irate(node_cpu_seconds_total{{{OWN}, mode="{mode}"}}[$__rate_interval])) | Busy {mode}'
        for mode in ("system", "user", "iowait")
    ]
    memory = [
        f"node_memory_{name}_bytes{{{OWN}}} | {name}" for name in ("MemTotal", "MemFree", "Cached", "Buffers")
    ]
    network = [
        f"rate(node_network_{way}_bytes_total{{{OWN}}}[$__rate_interval])*8 | {name} {{{{device}}}}"
        for way, name in (("receive", "Rx in"), ("transmit", "Trans out"))
    ]
    disk = f'100 - ((node_filesystem_avail_bytes{{{OWN},device!~"rootfs"}} * 100) / node_filesystem_size_bytes{{{OWN},device!~"rootfs"}}) | {{{{mountpoint}}}}'
    return [
        _panel("timeseries", "CPU Basic", (0, 6, 12, 7), "percentunit", *cpu, defaults=percent),
        _panel("timeseries", "Memory Basic", (12, 6, 12, 7), "bytes", *memory),
        _panel("timeseries", "Network Traffic Basic", (0, 13, 12, 7), "bps", *network, overrides=negative),
        _panel("timeseries", "Disk Space Used Basic", (12, 13, 12, 7), "percent", disk, defaults={"max": 100}),
    ]  # fmt: skip


_DETAILS = {
    "CPU / Memory / Net / Disk": (
        ("timeseries", "Disk IOps", "iops", 'rate(node_disk_reads_completed_total{%s,device=~"$diskdevices"}[$__rate_interval]) | {{device}} - Reads'),
        ("timeseries", "I/O Usage Read / Write", "binBps", 'rate(node_disk_read_bytes_total{%s,device=~"$diskdevices"}[$__rate_interval]) | {{device}} - Read'),
        ("heatmap", "I/O Latency", "s", "sum by (le) (rate(node_disk_latency_seconds_bucket{%s}[$__rate_interval])) | {{le}}"),
    ),
    "Memory Meminfo": (
        ("timeseries", "Memory Active / Inactive", "bytes", "node_memory_Active_bytes{%s} | Active"),
        ("graph", "Memory Dirty", "bytes", "node_memory_Dirty_bytes{%s} | Dirty"),
    ),
    "System Misc": (
        ("timeseries", "Context Switches / Interrupts", "short", "irate(node_context_switches_total{%s}[$__rate_interval]) | Switches"),
        ("timeseries", "Hardware temperature monitor", "celsius", "node_hwmon_temp_celsius{%s} | {{chip}}"),
        ("timeseries", "Clock", "clockms", "node_timex_offset_seconds{%s}"),
        ("table", "Systemd Units", "short", 'node_systemd_unit_state{%s, state="failed"} == 1'),
    ),
}  # fmt: skip


def _folded(y: int) -> list[dict[str, Any]]:
    rows = []
    for title, details in _DETAILS.items():
        panels = [
            _panel(kind, name, (12 * (index % 2), y + 1 + 12 * (index // 2), 12, 12), unit, text.replace("%s", OWN))
            for index, (kind, name, unit, text) in enumerate(details)
        ]  # fmt: skip
        rows.append(_row(title, y, panels))
        y += 1
    rows[-1]["panels"][-1]["transformations"] = [{"id": "organize", "options": {}}]
    rows[0]["panels"].append(
        {"type": "logs", "title": "Messages", "gridPos": {"x": 0, "y": y, "w": 24, "h": 6},
         "datasource": {"type": "loki", "uid": "loki"}, "targets": [{"expr": '{job="syslog"}', "refId": "A"}]}
    )  # fmt: skip
    return rows
