"""The same requests to a real Prometheus over the same samples: the answers must be the same."""

from __future__ import annotations

import math
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put
from tests.support.prometheus_peer import running_prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.differential,
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None,
        reason="Prometheus is not installed",
    ),
]

NOW_S = NOW_MS // 1000
SPECIAL = [1e-7, -1e-7, 1e-6, 1e21, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan]
"""Values at the edges of the number format."""


def series() -> list[tuple[dict[str, str], list[float]]]:
    """Return the samples that both hold: counters, gauges, and numbers of every size."""
    random = np.random.default_rng(11)
    made: list[tuple[dict[str, str], list[float]]] = []
    for instance in ("a:9100", "b:9100", "c:9100"):
        own = {"instance": instance, "job": "node"}
        counter = np.cumsum(random.integers(0, 50, 60)).astype(float)
        counter[40:] -= counter[40]
        made.append(({"__name__": "requests_total", **own}, counter.tolist()))
        made.append(({"__name__": "temperature", **own}, random.normal(20, 1, 60).tolist()))
    bits = random.integers(0, 2**64, 40, dtype=np.uint64).view(np.float64)
    for number, value in enumerate([*SPECIAL, *bits.tolist()]):
        made.append(({"__name__": "number", "n": f"{number:02}", "text": 'é "q" \\'}, [value]))
    return made


def openmetrics() -> str:
    """Return the samples as text, times in seconds."""
    lines: list[str] = []
    for labels, values in sorted(series(), key=lambda item: item[0]["__name__"]):
        inner = ",".join(
            f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"'
            for name, value in labels.items()
            if name != "__name__"
        )
        for place, value in enumerate(values):
            time_s = NOW_S - 15 * (len(values) - 1 - place)
            lines.append(f"{labels['__name__']}{{{inner}}} {value!r} {time_s}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Prometheus over the samples; give the URL of its API."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "samples.txt").write_text(openmetrics())
    (folder / "prometheus.yml").write_text("global: {}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "samples.txt", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    with running_prometheus(folder) as url:
        yield url


@pytest.fixture(scope="module")
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    for labels, values in series():
        put(api.stores["alpha"], labels, values)
    put(api.stores["beta"], {"__name__": "temperature", "job": "hidden"}, [1.0])
    yield api
    api.close()


SPAN = {"start": str(NOW_S - 600), "end": str(NOW_S)}
# Off the samples' own times: Prometheus 3 leaves the left end of a range out, and 2 does not.
AT = {"time": str(NOW_S + 7.5)}
STEPS = {"start": str(NOW_S - 593), "end": str(NOW_S + 7), "step": "60"}

REQUESTS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("/query", {"query": query, **AT})
        for query in (
            "number",
            "temperature",
            "temperature[1m]",
            "sum by(job) (rate(requests_total[5m]))",
            "increase(requests_total[3m])",
            "max_over_time(temperature[4m])",
            "topk(2, temperature)",
            "requests_total > 100",
            "temperature * on(instance) group_left requests_total",
            "count(number)",
            "nothing",
            "1e-9",
            "1e300",
            "vector(1e-9)",
            "-Inf",
            "1 / 3",
            '"a text"',
            "time()",
            "nothing[5m]",
        )
    ),
    *(
        ("/query_range", {"query": query, **STEPS})
        for query in (
            "temperature",
            "requests_total",
            "number",
            "sum by(job) (rate(requests_total[5m]))",
            "avg_over_time(temperature[3m])",
            "1e-9",
            "time() / 7",
            "nothing",
            "temperature > 20",
        )
    ),
    ("/query_range", {"query": "vector(time())", "start": "0.5", "end": "2", "step": "0.25"}),
    (
        "/query_range",
        {"query": "1", "start": "1970-01-01T00:00:01.5Z", "end": "1970-01-01T01:00:03+01:00", "step": "1s"},
    ),
    ("/labels", {}),
    ("/labels", {**SPAN, "match[]": "number"}),
    ("/labels", {"match[]": ["temperature", "requests_total"]}),
    ("/labels", {"start": "1", "end": "2"}),
    ("/label/instance/values", SPAN),
    ("/label/__name__/values", {"match[]": '{__name__=~"req.*|temp.*"}'}),
    ("/label/text/values", {}),
    ("/label/none/values", {}),
    ("/series", {"match[]": "temperature", **SPAN}),
    ("/series", {"match[]": ["number", '{job="node"}']}),
    ("/series", {"match[]": "nothing"}),
    ("/query_exemplars", {"query": "temperature", **SPAN}),
    ("/format_query", {"query": "sum(rate(x[5m]))by(a)/2"}),
    ("/rules", {}),
    ("/alerts", {}),
    ("/alertmanagers", {}),
]

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("/query", {}),
    ("/query", {"query": "sum(("}),
    ("/query", {"query": "1", "time": "x"}),
    ("/query", {"query": "1", "timeout": "x"}),
    ("/query", {"query": "temperature * on(job) requests_total", **AT}),
    ("/query", {"query": 'label_replace(temperature, "instance", "", "", "")', **AT}),
    ("/query", {"query": 'label_replace(temperature, "a", "b", "c", "(")', **AT}),
    ("/query_range", {"query": "1", "start": "2", "end": "1", "step": "1"}),
    ("/query_range", {"query": "1", "start": "1", "end": "2", "step": "0"}),
    ("/query_range", {"query": "1", "start": "0", "end": "11001", "step": "1"}),
    ("/query_range", {"query": "temperature[5m]", "start": "0", "end": "1", "step": "1"}),
    ("/query_range", {"query": "1", "start": "0", "end": "1"}),
    ("/series", {}),
    ("/series", {"match[]": "{}"}),
    ("/labels", {"match[]": "{"}),
    ("/metadata", {"limit": "x"}),
    ("/rules", {"type": "x"}),
    ("/query_exemplars", {"query": "up", "start": "2", "end": "1"}),
]


def comparable(body: Any) -> Any:  # any JSON
    """Return an answer without what may differ: the order of an instant vector, and digits beyond the arithmetic's."""
    data = body.get("data")
    if isinstance(data, dict) and data.get("resultType") in {"vector", "matrix"}:
        rows = [
            row | {"values": [_rounded(p) for p in row.get("values", [row.get("value")])]}
            for row in data["result"]
        ]
        if data["resultType"] == "vector":
            rows.sort(key=lambda row: sorted(row["metric"].items()))
        return {
            "status": body["status"],
            "kind": data["resultType"],
            "rows": [(r["metric"], r["values"]) for r in rows],
        }
    return body


def _rounded(point: list[Any]) -> list[Any]:
    number = float(point[1])
    exact = not math.isfinite(number) or number == 0 or number == round(number, 3) or "e" in point[1]
    return [point[0], point[1] if exact else f"{number:.12g}"]


def name(request: tuple[str, dict[str, Any]]) -> str:
    return request[0] + " " + " ".join(str(request[1].get(key, "")) for key in ("query", "match[]"))


async def ask_both(
    api: PrometheusApi, peer: str, path: str, parameters: dict[str, Any]
) -> tuple[httpx.Response, httpx.Response]:
    async with httpx.AsyncClient() as theirs, api.client() as ours:
        return await theirs.get(peer + path, params=parameters), await ours.get(path, params=parameters)


@pytest.mark.parametrize("request_", REQUESTS, ids=name)
async def test_answers_are_those_of_prometheus(
    api: PrometheusApi, peer: str, request_: tuple[str, dict[str, Any]]
) -> None:
    theirs, ours = await ask_both(api, peer, *request_)

    assert (theirs.status_code, theirs.headers["content-type"]) == (
        ours.status_code,
        ours.headers["content-type"],
    )
    assert comparable(theirs.json()) == comparable(ours.json())


@pytest.mark.parametrize("request_", REFUSED, ids=name)
async def test_refusals_are_those_of_prometheus(
    api: PrometheusApi, peer: str, request_: tuple[str, dict[str, Any]]
) -> None:
    theirs, ours = await ask_both(api, peer, *request_)

    assert (theirs.status_code, theirs.json()["errorType"]) == (ours.status_code, ours.json()["errorType"])


async def test_numbers_are_written_byte_for_byte_as_prometheus_writes_them(
    api: PrometheusApi, peer: str
) -> None:
    request = {"query": "number", "start": str(NOW_S), "end": str(NOW_S + 0.5), "step": "0.25"}
    theirs, ours = await ask_both(api, peer, "/query_range", request)

    assert theirs.content == ours.content
