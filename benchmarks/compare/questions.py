"""The queries that are measured."""

from __future__ import annotations

from dataclasses import dataclass

RATE_DIFFERS = "its rate() takes the sample before the window and does not extrapolate"
QUANTILE_DIFFERS = "its histogram_quantile() stands on such a rate()"
SUBQUERY_DIFFERS = "its subquery stands on such a rate()"

COUNTER = "node_cpu_seconds_total"
GAUGE = "process_resident_memory_bytes"
BUCKET = "http_request_duration_seconds_bucket"


@dataclass(frozen=True, slots=True)
class Heavy:
    """
    A range query over the whole data set.

    Attributes
    ----------
    step_s
        Seconds between steps.
    differs
        Why the values of VictoriaMetrics are others; empty if they must agree.
    """

    name: str
    text: str
    step_s: int = 60
    differs: str = ""


HEAVY = (
    Heavy("sum by (job) (rate)", f"sum by (job) (rate({COUNTER}[5m]))", differs=RATE_DIFFERS),
    Heavy("rate of each series", f"rate({COUNTER}[5m])", differs=RATE_DIFFERS),
    Heavy("sum by (job)", f"sum by (job) ({GAUGE})"),
    Heavy("max_over_time, 1 h", f"max_over_time({GAUGE}[1h])"),
    Heavy("quantile_over_time, 1 h", f"quantile_over_time(0.9, {GAUGE}[1h])", step_s=300),
    Heavy(
        "histogram_quantile",
        f"histogram_quantile(0.9, sum by (le) (rate({BUCKET}[5m])))",
        differs=QUANTILE_DIFFERS,
    ),
    Heavy("topk", f"topk(10, {GAUGE})"),
    Heavy("vector matching", f"{GAUGE} / on (instance) group_left () node_memory_MemTotal_bytes"),
    Heavy(
        "subquery",
        f"max_over_time(sum by (job) (rate({COUNTER}[5m]))[30m:1m])",
        differs=SUBQUERY_DIFFERS,
    ),
    Heavy(
        "regular expressions",
        f'sum by (mode) (rate({COUNTER}{{instance=~"host-.*[02468]-.*",mode!~"idle|iowait"}}[5m]))',
        differs=RATE_DIFFERS,
    ),
)


@dataclass(frozen=True, slots=True)
class Small:
    """A call that takes the peers less than a millisecond or so; parameters hold ``{end}`` where the time goes."""

    name: str
    call: str
    parameters: dict[str, str]


def small_calls(instance: str, end_s: float) -> list[Small]:
    """Return the small calls about one host at the end of the data."""
    hour = {"start": f"{end_s - 3600}", "end": f"{end_s}"}
    return [
        Small(
            "one series, instant",
            "query",
            {"query": f'node_load1{{instance="{instance}"}}', "time": f"{end_s}"},
        ),
        Small("up, instant", "query", {"query": "up", "time": f"{end_s}"}),
        Small(
            "one series, an hour",
            "query_range",
            {"query": f'node_load1{{instance="{instance}"}}', "step": "60", **hour},
        ),
        Small("label values", "label/instance/values", hour),
        Small("series", "series", {"match[]": f'{COUNTER}{{instance="{instance}"}}', **hour}),
    ]


def panels(instance: str, end_s: float) -> list[dict[str, str]]:
    """Return the range queries of one dashboard about a host: an hour, a point every 15 s."""
    span = {"start": f"{end_s - 3600}", "end": f"{end_s}", "step": "15"}
    texts = (
        f'sum by (mode) (rate({COUNTER}{{instance="{instance}"}}[5m]))',
        f'rate({COUNTER}{{instance="{instance}",mode="user"}}[5m])',
        f'node_load1{{instance="{instance}"}}',
        f'topk(5, {GAUGE}{{instance="{instance}"}})',
        f'histogram_quantile(0.9, sum by (le) (rate({BUCKET}{{instance="{instance}"}}[5m])))',
        'sum(up{job="node-3"})',
    )
    return [{"query": text, **span} for text in texts]
