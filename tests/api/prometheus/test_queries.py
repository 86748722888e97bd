from __future__ import annotations

import gzip
import json
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put

from bongsu.api.cors import Cors
from bongsu.model.samples import STALE_NAN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = pytest.mark.anyio

NOW_S = NOW_MS // 1000


@pytest.fixture
def api() -> Iterator[PrometheusApi]:
    api = PrometheusApi()
    alpha = api.stores["alpha"]
    put(alpha, {"__name__": "up", "instance": "b", "job": "node"}, [1.0] * 5)
    put(alpha, {"__name__": "up", "instance": "a", "job": "node"}, [0.0, 0.5, 1e-7, 1e21, math.inf])
    put(alpha, {"__name__": "up", "instance": "gone", "job": "node"}, [1.0, STALE_NAN])
    put(alpha, {"__name__": "requests_total", "path": "/"}, [float(15 * i) for i in range(41)])
    put(api.stores["beta"], {"__name__": "up", "instance": "of-beta"}, [7.0])
    yield api
    api.close()


def result_of(response: httpx.Response, kind: str) -> Any:  # any JSON
    assert 200 == response.status_code, response.text
    data = response.json()["data"]
    assert ["resultType", "result"] == list(data)[:2]
    assert kind == data["resultType"]
    return data["result"]


@pytest.mark.parametrize("way", ["url", "form", "json", "form and url", "json numbers"])
async def test_parameters_may_come_in_the_url_a_form_or_json(api: PrometheusApi, way: str) -> None:
    async with api.client() as client:
        response = await {
            "url": lambda: client.get("/query", params={"query": "1+1", "time": "4"}),
            "form": lambda: client.post("/query", data={"query": "1+1", "time": "4"}),
            "json": lambda: client.post("/query", json={"query": "1+1", "time": "4"}),
            "form and url": lambda: client.post(
                "/query?time=9&stats=all", data={"query": "1+1", "time": "4"}
            ),
            "json numbers": lambda: client.post("/query", json={"query": "1+1", "time": 4, "limit": 3}),
        }[way]()

    assert [4, "2"] == result_of(response, "scalar")


async def test_a_get_with_a_json_body_is_read_as_the_service_documents_it(api: PrometheusApi) -> None:
    async with api.client() as client:
        with_body = await client.request("GET", "/query", json={"query": "1+1", "time": 4})
        without = await client.get("/query?query=1%2B1&time=4", headers={"Content-Type": "application/json"})

    assert [4, "2"] == result_of(with_body, "scalar") == result_of(without, "scalar")


async def test_unknown_parameters_are_ignored(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.post(
            "/query?max_samples_processed_warning_threshold=5",
            data={"query": "1", "time": "4", "step": "15", "nonsense": "x"},
        )

    assert [4, "1"] == result_of(response, "scalar")


async def test_an_instant_vector_has_one_value_per_living_series(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get("/query", params={"query": "up", "time": NOW_S})

    assert [
        {"metric": {"__name__": "up", "instance": "a", "job": "node"}, "value": [NOW_S, "+Inf"]},
        {"metric": {"__name__": "up", "instance": "b", "job": "node"}, "value": [NOW_S, "1"]},
    ] == sorted(result_of(response, "vector"), key=lambda row: row["metric"]["instance"])


async def test_values_have_the_form_that_prometheus_gives_them(api: PrometheusApi) -> None:
    texts: dict[str, str] = {}
    async with api.client() as client:
        for query in ("vector(1e-7)", "1e-7", "vector(1e21)", "1e21", "vector(NaN)", "-Inf", '"a\\n"'):
            texts[query] = (await client.get("/query", params={"query": query, "time": "4.5"})).text

    found = {query: re.findall(r'\[4\.500?,"[^"]*"\]', text)[-1] for query, text in texts.items()}
    assert {
        "vector(1e-7)": '[4.500,"1e-07"]',
        # Scalars never have an exponent.
        "1e-7": '[4.500,"0.0000001"]',
        "vector(1e21)": '[4.500,"1e+21"]',
        "1e21": '[4.500,"1000000000000000000000"]',
        "vector(NaN)": '[4.500,"NaN"]',
        "-Inf": '[4.500,"-Inf"]',
        '"a\\n"': '[4.500,"a\\n"]',
    } == found


async def test_a_range_selector_gives_the_samples_themselves(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get("/query", params={"query": 'up{instance="a"}[31s]', "time": f"{NOW_S}.5"})

    assert [
        {
            "metric": {"__name__": "up", "instance": "a", "job": "node"},
            "values": [[NOW_S - 30, "0.0000001"], [NOW_S - 15, "1e+21"], [NOW_S, "+Inf"]],
        }
    ] == [
        row | {"values": [[t, v.replace("1e-07", "0.0000001")] for t, v in row["values"]]}
        for row in result_of(response, "matrix")
    ]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_range_query_gives_a_matrix_sorted_by_labels(api: PrometheusApi, method: str) -> None:
    parameters = {"query": "up", "start": str(NOW_S - 30), "end": str(NOW_S), "step": "15s"}
    async with api.client() as client:
        response = (
            await client.get("/query_range", params=parameters)
            if method == "GET"
            else await client.post("/query_range", data=parameters)
        )

    rows = result_of(response, "matrix")
    assert ["a", "b", "gone"] == [row["metric"]["instance"] for row in rows]
    assert [[NOW_S - 30, "1e-07"], [NOW_S - 15, "1e+21"], [NOW_S, "+Inf"]] == rows[0]["values"]
    assert [[NOW_S - 15, "1"]] == rows[2]["values"]


async def test_a_range_query_of_a_scalar_is_one_series_without_labels(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get(
            "/query_range", params={"query": "1e-7", "start": "0", "end": "1.5", "step": "0.5"}
        )

    values = [[0, "1e-07"], [0.5, "1e-07"], [1, "1e-07"], [1.5, "1e-07"]]
    assert [{"metric": {}, "values": values}] == result_of(response, "matrix")


async def test_rate_over_the_api_is_the_rate(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get(
            "/query_range",
            params={
                "query": "rate(requests_total[1m])",
                "start": NOW_S - 120,
                "end": NOW_S,
                "step": "60",
            },
        )

    [row] = result_of(response, "matrix")
    assert {"path": "/"} == row["metric"]
    assert [NOW_S - 120, NOW_S - 60, NOW_S] == [time for time, _ in row["values"]]
    assert [pytest.approx(1.0)] * 3 == [float(value) for _, value in row["values"]]


async def test_nothing_found_is_an_empty_list_never_null(api: PrometheusApi) -> None:
    span = {"start": "1", "end": "2", "step": "1"}
    async with api.client() as client:
        instant = await client.get("/query", params={"query": "nothing"})
        ranged = await client.get("/query_range", params={"query": "nothing", **span})
        samples = await client.get("/query", params={"query": "nothing[5m]"})

    assert [] == result_of(instant, "vector")
    assert [] == result_of(ranged, "matrix")
    assert [] == result_of(samples, "matrix")


@pytest.mark.parametrize("query", ["up", "up[5m]"])
async def test_a_limit_truncates_with_a_warning(api: PrometheusApi, query: str) -> None:
    async with api.client() as client:
        cut = await client.get("/query", params={"query": query, "limit": "1"})
        uncut = await client.get("/query", params={"query": query, "limit": "3"})

    assert 1 == len(cut.json()["data"]["result"])
    assert ["results truncated due to limit"] == cut.json()["warnings"]
    assert "warnings" not in uncut.json()


async def test_warnings_and_infos_travel_beside_the_data(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get("/query", params={"query": "quantile(2, up)"})

    assert ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"] == response.json()[
        "warnings"
    ]


async def test_stats_are_given_when_asked_for(api: PrometheusApi) -> None:
    async with api.client() as client:
        without = (await client.get("/query", params={"query": "up"})).json()
        asked = (await client.post("/query?stats=all", data={"query": "up"})).json()
        odd = (await client.post("/query?stats=yes", data={"query": "up"})).json()

    assert "stats" not in without["data"]
    assert ["resultType", "result", "stats"] == list(asked["data"])
    assert asked["data"]["stats"]["samples"]["totalQueryableSamples"] > 0
    assert asked["data"]["stats"]["timings"]["execTotalTime"] > 0 or api.clock
    assert "stats" in odd["data"]
    assert 1 == len(odd["warnings"])


async def test_the_lookback_may_be_set_for_one_query(api: PrometheusApi) -> None:
    later = {"query": "requests_total", "time": str(NOW_S + 60)}
    async with api.client() as client:
        default = await client.get("/query", params=later)
        short = await client.get("/query", params={**later, "lookback_delta": "30s"})
        bad = await client.get("/query", params={**later, "lookback_delta": "-1"})

    assert 1 == len(result_of(default, "vector"))
    assert [] == result_of(short, "vector")
    assert 400 == bad.status_code


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/query", 'invalid parameter "query": 1:1: parse error: '),
        ("/query?query=foo{", 'invalid parameter "query": 1:5: parse error: '),
        ("/query?query=1&time=abc", 'invalid parameter "time": '),
        ("/query?query=1&timeout=x", 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
        ("/query?query=1&limit=-1", 'invalid parameter "limit"'),
        ("/query?query=1&lookback_delta=x", 'invalid parameter "lookback_delta"'),
        (
            "/query_range?query=1&end=4&step=1",
            'invalid parameter "start": cannot parse "" to a valid timestamp',
        ),
        (
            "/query_range?query=1&start=5&end=4&step=1",
            'invalid parameter "end": end timestamp must not be before start time',
        ),
        ("/query_range?query=1&start=1&end=4&step=0", 'invalid parameter "step": zero or negative'),
        ("/query_range?query=1&start=1&end=4&step=-1", 'invalid parameter "step": zero or negative'),
        ("/query_range?query=1&start=1&end=4&step=0.0001", 'invalid parameter "step": zero or negative'),
        ("/query_range?query=1&start=1&end=4&step=1e300", "It overflows int64"),
        (
            "/query_range?query=1&start=0&end=11001&step=1",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        ("/query_range?query=up[5m]&start=0&end=1&step=1", 'invalid expression type "range vector"'),
        ('/query_range?query="a"&start=0&end=1&step=1', 'invalid expression type "string"'),
        ("/format_query", 'invalid parameter "query": 1:1: parse error: '),
        ("/parse_query?query=(", 'invalid parameter "query": '),
    ],
)
async def test_bad_input_is_bad_data_with_its_cause(api: PrometheusApi, path: str, text: str) -> None:
    async with api.client() as client:
        response = await client.get(path)

    body = response.json()
    assert (400, "error", "bad_data") == (response.status_code, body["status"], body["errorType"])
    assert text in body["error"]


async def test_eleven_thousand_points_are_allowed(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get("/query_range?query=1&start=0&end=11000&step=1")

    assert 11_001 == len(result_of(response, "matrix")[0]["values"])


async def test_a_query_without_an_answer_is_an_execution_error(api: PrometheusApi) -> None:
    async with api.client() as client:
        response = await client.get("/query", params={"query": 'label_replace(up, "instance", "", "", "")'})

    assert (422, "execution") == (response.status_code, response.json()["errorType"])


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        (r'"\xff"', 200, '"result":[60,"�"]'),
        (r'label_join(vector(1), "a", "\xff", "b", "c")', 200, '"metric":{"a":"�"}'),
        (r'sum by ("\xff") (vector(1))', 400, "invalid label name for grouping"),
        (r'label_replace(vector(1), "\xff", "x", "", "")', 422, ": �"),
        (r'up{job=~"\xff"}', 400, "not a valid regular expression: it holds bytes that are not UTF-8"),
    ],
)
async def test_bytes_that_are_not_utf8_are_replaced_in_the_answer(
    api: PrometheusApi, query: str, status: int, field: str
) -> None:
    async with api.client() as client:
        response = await client.get("/query", params={"query": query, "time": "60", "stats": "all"})

    assert status == response.status_code
    assert field in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("PUT", "/query", 405, "bad_data"),
        ("DELETE", "/query_range", 405, "bad_data"),
        ("POST", "/label/job/values", 405, "bad_data"),
        ("POST", "/metadata", 405, "bad_data"),
        ("GET", "/admin/tsdb/delete_series", 405, "bad_data"),
        ("GET", "/nope", 404, "not_found"),
        ("POST", "/query/nope", 404, "not_found"),
    ],
)
async def test_wrong_methods_and_paths_are_answered_in_the_envelope(
    api: PrometheusApi, method: str, path: str, status: int, kind: str
) -> None:
    async with api.client() as client:
        response = await client.request(method, path)

    assert (status, "error", kind) == (
        response.status_code,
        response.json()["status"],
        response.json()["errorType"],
    )
    assert (status == 405) == ("Allow" in response.headers)


@pytest.mark.parametrize(
    ("key", "status", "kind"),
    [("", 401, "unauthorized"), ("x.y", 401, "unauthorized"), (None, 403, "forbidden")],
)
async def test_keys_are_checked_before_anything_else(
    api: PrometheusApi, key: str | None, status: int, kind: str
) -> None:
    async with api.client(key=api.write_key if key is None else key) as client:
        answers = [
            await client.get("/query", params={"query": "1"}),
            await client.post(
                "/query_range", content=b"not json", headers={"Content-Type": "application/json"}
            ),
            await client.get("/labels"),
            await client.get("/label/job/values"),
            await client.get("/status/buildinfo"),
            await client.get("/rules"),
            await client.get("/targets"),
        ]

    assert {(status, kind)} == {(a.status_code, a.json()["errorType"]) for a in answers}


async def test_another_project_is_invisible_to_queries(api: PrometheusApi) -> None:
    async with api.client("beta") as client:
        own = await client.get("/query", params={"query": "up"})
    async with api.client("alpha") as client:
        foreign = await client.get("/query", params={"query": 'up{instance="of-beta"}'})
        everything = await client.get("/query", params={"query": '{__name__=~".+"}'})

    assert ["of-beta"] == [row["metric"]["instance"] for row in result_of(own, "vector")]
    assert [] == result_of(foreign, "vector")
    assert "of-beta" not in everything.text


async def test_answers_are_compressed_only_for_who_takes_it(api: PrometheusApi) -> None:
    span = {"query": "vector(time())", "start": "0", "end": "600", "step": "1"}
    async with api.client() as client:
        plain = await client.get("/query_range", params=span, headers={"Accept-Encoding": "identity"})
        refused = await client.get("/query_range", params=span, headers={"Accept-Encoding": "gzip;q=0, br"})
        packed = await client.get("/query_range", params=span, headers={"Accept-Encoding": "br, gzip"})
        small = await client.get("/query", params={"query": "1"}, headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert "content-encoding" not in small.headers
    assert "gzip" == packed.headers["content-encoding"]
    assert plain.content == packed.content  # the client has unpacked it
    assert plain.headers["content-length"] == str(len(plain.content))


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_large_answer_is_streamed_whole(api: PrometheusApi, encoding: str) -> None:
    store = api.stores["alpha"]
    for number in range(150):
        put(store, {"__name__": "many", "number": f"{number:03}"}, [math.pi * number])
    span = {"query": "many + time()", "start": str(NOW_S), "end": str(NOW_S + 290), "step": "0.2"}
    async with (
        api.client() as client,
        client.stream("GET", "/query_range", params=span, headers={"Accept-Encoding": encoding}) as response,
    ):
        raw = b"".join([part async for part in response.aiter_raw()])

    text = gzip.decompress(raw) if encoding == "gzip" else raw
    rows = json.loads(text)["data"]["result"]
    assert "content-length" not in response.headers
    assert [f"{number:03}" for number in range(150)] == [row["metric"]["number"] for row in rows]
    assert {1451} == {len(row["values"]) for row in rows}
    assert math.pi * 149 + NOW_S + 290 == float(rows[149]["values"][1450][1])


async def test_browsers_may_ask_from_other_pages(api: PrometheusApi) -> None:
    asks = {"Origin": "http://grafana.test", "Access-Control-Request-Method": "POST"}
    Cors(["*"]).around(api.routes)
    async with api.client(key="") as client:
        preflight = await client.options("/query", headers=asks)
        refused = await client.get("/query", headers={"Origin": "http://grafana.test"})
        plain = await client.get("/query")

    assert 204 == preflight.status_code
    assert "X-TC-APP-KEY" in preflight.headers["Access-Control-Allow-Headers"]
    assert "*" == preflight.headers["Access-Control-Allow-Origin"]
    assert (401, "*") == (refused.status_code, refused.headers["Access-Control-Allow-Origin"])
    assert "Access-Control-Allow-Origin" not in plain.headers


async def test_a_query_can_be_formatted_and_read(api: PrometheusApi) -> None:
    async with api.client() as client:
        formatted = await client.get("/format_query", params={"query": "foo/bar"})
        tree = await client.post("/parse_query", data={"query": "sum by(job)(up)"})

    assert "foo / bar" == formatted.json()["data"]
    assert "aggregation" == tree.json()["data"]["type"]


def multipart(*parts: tuple[str, str]) -> bytes:
    """Return a form as curl writes it with -F, between boundaries of two letters."""
    written = (f"--zz\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts)
    return "".join((*written, "--zz--\r\n")).encode()


async def test_a_multipart_form_is_a_form_and_its_files_are_none(api: PrometheusApi) -> None:
    parts = (('name="query"', "1 +\r\n1 # é --zz"), ('name="query"; filename="x"', "no query"))
    async with api.client() as client:
        answers = [
            await client.post("/query?time=4", content=multipart(*parts), headers={"Content-Type": header})
            for header in ("multipart/form-data; boundary=zz", 'Multipart/Form-Data;boundary="zz"')
        ]

    assert [[4, "2"]] * 2 == [answer.json()["data"]["result"] for answer in answers]


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (multipart(('name="query"', "1"))[:-6], "multipart/form-data; boundary=zz", 400),
        (multipart(("no-name", "1")), "multipart/form-data; boundary=zz", 400),
        (multipart(('name="query"', "1")), "multipart/form-data", 400),
        (multipart(*[('name="a"', "")] * 10_001), "multipart/form-data; boundary=zz", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"query": {"a": 1}}', "application/json", 400),
        (b"query=%ff", "application/x-www-form-urlencoded", 400),
        (b"<query/>", "text/xml", 415),
        (b"x" * (2 << 20), "application/x-www-form-urlencoded", 413),
    ],
)
async def test_damaged_bodies_are_refused_with_their_status(
    api: PrometheusApi, content: bytes, content_type: str, status: int
) -> None:
    async with api.client() as client:
        response = await client.post("/query", content=content, headers={"Content-Type": content_type})

    assert (status, "bad_data") == (response.status_code, response.json()["errorType"])


async def test_the_plan_of_a_query_is_shown_without_running_it(api: PrometheusApi) -> None:
    query = "sum by (job) (rate(requests_total[5m])) / 2"
    async with api.client() as client:
        document = (await client.get("/explain_query", params={"query": query})).json()["data"]
        broken = await client.get("/explain_query", params={"query": "sum("})

    assert [
        "combine /",
        "  aggregate sum by (job): block by block, memory for the groups",
        "    call rate()",
        "      window requests_total[5m]",
        "  constant 2",
    ] == document["text"]
    assert ["step", "expr", "below"] == list(document["plan"])
    assert "combine /" == document["plan"]["step"]
    assert (400, "bad_data") == (broken.status_code, broken.json()["errorType"])


async def test_a_plan_that_is_run_tells_what_each_step_cost(api: PrometheusApi) -> None:
    span = {"start": str(NOW_S - 600), "end": str(NOW_S), "step": "60"}
    query = {"query": "sum(rate(requests_total[5m])) + 1", **span}
    async with api.client() as client:
        explained = (await client.get("/explain_query", params={**query, "run": "true"})).json()["data"]
        answer = (await client.get("/query_range", params={**query, "stats": "all"})).json()["data"]
        plain = (await client.get("/query_range", params={**query, "stats": "true"})).json()["data"]

    total = explained["plan"]["below"][0]
    assert "aggregate sum" in total["step"]
    assert (1, 41, 1) == (total["runs"], total["samples"], total["series"])
    assert 0 < total["seconds"] <= explained["plan"]["seconds"]
    assert 41 == answer["stats"]["plan"]["samples"]
    assert answer["stats"]["plan"]["bytes"] >= 8 * 11
    assert "plan" not in plain["stats"]


async def test_a_repeated_range_query_is_the_same_with_and_without_earlier_answers(
    api: PrometheusApi,
) -> None:
    span = {"start": str(NOW_S - 600), "end": str(NOW_S), "step": "60"}
    query = {"query": "sum by (path) (rate(requests_total[5m]))", **span}
    async with api.client() as client:
        answers = [await client.get("/query_range", params=query) for _ in range(3)]
        fresh = await client.get("/query_range", params={**query, "nocache": "1"})

    assert {fresh.text} == {answer.text for answer in answers}
