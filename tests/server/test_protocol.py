"""What is answered on the short way is, byte for byte, what the general way would have answered."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
import structlog
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.access import make_access
from tests.support.prometheus_api import NOW_MS, PrometheusApi, put
from tests.support.remote_write import V1_TYPE, V2_TYPE, SentSeries, encode_v1, encode_v2, series

from bongsu.api.prometheus.write import write_routes
from bongsu.ingest.remote_writers import RemoteWriters
from bongsu.runtime.compress import compress_snappy
from bongsu.server.app import Shell
from bongsu.server.protocol import ShortWayProtocol
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.routing import BaseRoute

    from bongsu.api.whole import Answer as WholeAnswer
    from bongsu.api.whole import WholeRequest
    from bongsu.model.samples import SampleBatch
    from bongsu.storage.contract import AppendResult

PREFIX = "/prometheus/api/v1"
NOW_S = NOW_MS // 1000
PATIENCE_S = 120.0
"""Covers the compiling of kernels by whoever asks first."""

QUERIES = [
    "up", 'up{job="node"}', "sum by (job) (up)", "rate(up[1m])", "1", '"a"', "up[5m]", "topk(1, up)", "absent(none)",
    "none", "{", "up +", "up == on () group_left up", "label_replace(up, 'é', '$1', 'job', '(.*)')", "", "time()", "big",
]  # fmt: skip
TIMES = [str(NOW_S), f"{NOW_S - 30}.5", f"{NOW_S}.0005", "2023-11-14T22:13:20Z", "", "soon", "1e9", "-1"]
HEADERS = [
    "Accept-Encoding: gzip", "Accept-Encoding: gzip;q=0, zstd", "Origin: http://elsewhere.test", "Connection: keep-alive",
    "Cookie: bongsu_session=x", "X-Other: \xff", "Expect: 100-continue", "Accept: text/html",
]  # fmt: skip
PATHS = [
    "/query", "/query_range", "/labels", "/label/job/values", "/label/U__a_2e_b/values", "/label/a%2Fb/values", "/label//values",
    "/series", "/query/", "/quer%79", "/nowhere", "//query", "/metadata", "/query_exemplars",
]  # fmt: skip


class Sides:
    """The same API twice, with and without the short way; `short` has the paths of what went it."""

    def __init__(self, apis: tuple[PrometheusApi, ...], urls: tuple[str, ...], short: list[str]) -> None:
        self.apis = apis
        self.api = apis[0]
        self.urls = urls
        self.short = short

    def both(self, data: Sequence[bytes], methods: Sequence[str]) -> tuple[list[Answer], list[Answer]]:
        """Send the same bytes to both, in pieces."""
        first, second = (_exchange(url, data, methods) for url in self.urls)
        return first, second


Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers without the date, and body."""


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with contextlib.ExitStack() as stack:
        # An API belongs to one event loop, so each server has its own.
        apis = tuple(stack.enter_context(contextlib.closing(_filled())) for _ in range(2))
        shells = [Shell(api.registry) for api in apis]
        for shell, api in zip(shells, apis, strict=True):
            shell.open([*_write_routes(api), *api.routes])
        short: list[str] = []

        def at_once(request: WholeRequest) -> WholeAnswer | None:
            response = shells[0].at_once(request)
            if response is not None:
                short.append(request.path)
            return response

        protocols = (functools.partial(ShortWayProtocol, at_once), "httptools")
        urls = tuple(
            stack.enter_context(_served(shell, http)) for shell, http in zip(shells, protocols, strict=True)
        )
        yield Sides(apis, urls, short)


def _write_routes(api: PrometheusApi) -> list[BaseRoute]:
    return write_routes(
        access=make_access(api.keys, api.clock),
        open_store=api.open_store,
        writers=RemoteWriters(api.clock, api.registry),
        log=structlog.get_logger(),
    )


def _filled() -> PrometheusApi:
    api = PrometheusApi()
    put(api.stores["alpha"], {"__name__": "up", "job": "node", "a.b": "c"}, [1.0, 2.0, 3.0])
    put(api.stores["alpha"], {"__name__": "up", "job": "other"}, [0.5])
    for number in range(60):
        put(api.stores["alpha"], {"__name__": "big", "i": str(number), "pad": "x" * 50}, [number / 7] * 3)
    put(api.stores["beta"], {"__name__": "secret", "job": "hidden"}, [9.0])
    return api


@contextlib.contextmanager
def _served(shell: Shell, http: Any) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                shell,
                http=http,
                log_config=None,
                lifespan="off",
                timeout_graceful_shutdown=5,
                server_header=False,
            )
        )
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(PATIENCE_S)


def _exchange(url: str, data: Sequence[bytes], methods: Sequence[str]) -> list[Answer]:
    """Send pieces of bytes; return the answers to the requests in them, as far as they come."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in data:
            connection.sendall(piece)
        with connection.makefile("rb") as stream:
            answers: list[Answer] = []
            for method in methods:
                line = stream.readline()
                while line.startswith(b"HTTP/1.1 100"):
                    stream.readline()
                    line = stream.readline()
                if not line:
                    break
                answers.append(_read(stream, line, method))
        return answers


def _read(stream: Any, line: bytes, method: str) -> Answer:
    headers = []
    while (header := stream.readline().rstrip()) != b"":
        name, _, value = header.partition(b": ")
        if name != b"date":
            headers.append((name.decode(), value.decode("latin-1")))
    fields = dict(headers)
    body = b""
    if "transfer-encoding" in fields:
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
    elif method != "HEAD":
        body = stream.read(int(fields.get("content-length", "0")))
    return int(line.split()[1]), headers, body


def _request(
    key: str, method: str, target: str, headers: Sequence[str], content_type: str = "", body: bytes = b""
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: bongsu.test", f"X-TC-APP-KEY: {key}", *headers]
    if body:
        lines += [f"Content-Length: {len(body)}", f"Content-Type: {content_type}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@st.composite
def calls(draw: st.DrawFn, key: str) -> tuple[str, bytes]:
    """Draw one request: mostly what a data source sends, often with something unusual about it."""
    method = draw(st.sampled_from(["GET", "GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "PUT"]))
    path = draw(st.sampled_from([*PATHS[:4], *PATHS]))
    fields = {
        "query": st.sampled_from(QUERIES),
        "time": st.sampled_from(TIMES),
        "start": st.just(str(NOW_S - 60)) | st.sampled_from(TIMES),
        "end": st.just(str(NOW_S)) | st.sampled_from(TIMES),
        "step": st.sampled_from(["15", "1m", "0", "", "x"]),
        "match[]": st.sampled_from(["up", '{job="node"}', "{", "big"]),
        "limit": st.sampled_from(["", "1", "-1", "x"]),
        "nocache": st.just("1"),
        "timeout": st.sampled_from(["", "1m", "x"]),
    }
    wanted = draw(st.sets(st.sampled_from(sorted(fields)), min_size=3))
    pairs = [(name, draw(fields[name])) for name in sorted(wanted | {"query", "start", "end", "step"})]
    in_body = method == "POST" and draw(st.booleans())
    text = urlencode(pairs)
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=2, unique=True))
    if not in_body:
        return method, _request(key, method, f"{PREFIX}{path}?{text}", headers)
    kind = draw(st.sampled_from(["application/x-www-form-urlencoded", "application/json", "text/plain"]))
    return method, _request(key, method, PREFIX + path, headers, kind, text.encode())


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_both_ways_give_the_same_bytes(sides: Sides, data: st.DataObject) -> None:
    key = data.draw(
        st.sampled_from(
            [sides.api.key["alpha"]] * 4 + [sides.api.key["beta"], sides.api.write_key, "x.y", ""]
        )
    )
    asked = data.draw(st.lists(calls(key), min_size=1, max_size=3))
    ends = data.draw(st.booleans())
    if ends:  # only the last: what comes behind it is answered by a reset, or not at all
        method, request = asked[-1]
        asked[-1] = method, request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    methods, whole = [method for method, _ in asked], b"".join(request for _, request in asked)
    # A refused request may be answered, and its connection ended, before its body is sent.
    last = len(whole) - len(asked[-1][1]) if ends else len(whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, last), max_size=3)))
    pieces = [whole[low:high] for low, high in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    for _ in range(2):  # the first time nothing is known to be quick
        short, general = sides.both(pieces, methods)

        assert general == short


@pytest.mark.parametrize(
    "target",
    [
        f"{PREFIX}/query?query=up&time={NOW_S}",
        f"{PREFIX}/query_range?query=big&start={NOW_S - 60}&end={NOW_S}&step=15&nocache=1",
        f"{PREFIX}/labels",
        f"{PREFIX}/label/job/values?match[]=up",
        f"{PREFIX}/series?match[]=up",
    ],
)
def test_what_was_quick_goes_the_short_way(sides: Sides, target: str) -> None:
    for headers in ([], ["Accept-Encoding: gzip"], ["Origin: http://elsewhere.test"]):
        data = [_request(sides.api.key["alpha"], "GET", target, headers)]
        deadline = time.monotonic() + PATIENCE_S
        before = len(sides.short)
        while len(sides.short) == before and time.monotonic() < deadline:
            short, general = sides.both(data, ["GET"])

            assert general == short
            assert 200 == short[0][0]
            assert b"secret" not in short[0][2]
        assert len(sides.short) > before


def test_a_form_goes_the_short_way_when_it_came_whole_and_the_general_way_in_pieces(sides: Sides) -> None:
    body = urlencode({"query": "up", "time": NOW_S}).encode()
    form = "application/x-www-form-urlencoded"
    request = _request(sides.api.key["alpha"], "POST", f"{PREFIX}/query", [], form, body)
    for pieces in ([request], [request[:-5], request[-5:]]):
        for _ in range(3):
            short, general = sides.both(pieces, ["POST"])

            assert general == short
            assert 200 == short[0][0]


def _written(key: str, samples: list[SentSeries], kind: str = V1_TYPE, *headers: str) -> bytes:
    body = compress_snappy((encode_v2 if kind == V2_TYPE else encode_v1)(samples))
    return _request(key, "POST", f"{PREFIX}/write", ["Content-Encoding: snappy", *headers], kind, body)


def test_samples_go_the_short_way_and_are_answered_in_turn(sides: Sides) -> None:
    """Also with requests behind them on the same connection, and where something is refused."""
    key = sides.api.key["alpha"]
    far, near = NOW_MS + 10**9, NOW_MS - 7
    query = _request(key, "GET", f"{PREFIX}/query?query=wrote&time={NOW_S}", [])
    good = _written(key, [series("wrote", (near, 1.0))])
    again = _written(key, [series("wrote", (near + 1, 2.0))], V2_TYPE)
    partial = _written(key, [series("wrote", (near + 2, 3.0)), series("wrote_far", (far, 1.0))])
    damaged = _request(key, "POST", f"{PREFIX}/write", ["Content-Encoding: snappy"], V1_TYPE, b"\x05abc")
    foreign = _request(key, "POST", f"{PREFIX}/write", ["Content-Encoding: br"], V1_TYPE, b"abc")
    reader = _written(sides.api.read_key, [series("wrote", (near, 1.0))])
    page = _written(key, [series("wrote", (near + 3, 4.0))], V1_TYPE, "Origin: http://elsewhere.test")
    requests = [query, good, again, query, partial, damaged, foreign, reader, page, good, query]
    methods = ["GET" if each is query else "POST" for each in requests]
    for pieces in ([b"".join(requests)], requests, [*requests[:5], b"".join(requests[5:])]):
        short, general = sides.both(pieces, methods)

        assert general == short
        assert [200, 204, 204, 200, 400, 400, 415, 403, 204, 204, 200] == [each[0] for each in short]
    before = len(sides.short)
    alone = [good, again, partial, damaged]
    for request in alone:
        short, general = sides.both([request], ["POST"])

        assert general == short
    assert [f"{PREFIX}/write"] * len(alone) == sides.short[before:]


def test_a_sender_that_goes_away_costs_nobody_else_anything(sides: Sides) -> None:
    key = sides.api.key["alpha"]
    parts = urlsplit(sides.urls[0])
    for number in range(5):
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(_written(key, [series("gone", (NOW_MS - number, 1.0))]))
    short, general = sides.both([_written(key, [series("gone", (NOW_MS - 9, 1.0))])], ["POST"])
    assert general == short
    assert 204 == short[0][0]


def test_a_server_that_stops_answers_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    held, seen = threading.Event(), threading.Event()
    append = MemoryProjectStore.append

    def slow(store: MemoryProjectStore, batch: SampleBatch) -> AppendResult:
        seen.set()
        held.wait(PATIENCE_S)
        return append(store, batch)

    with contextlib.closing(_filled()) as api:
        shell = Shell(api.registry)
        shell.open([*_write_routes(api), *api.routes])
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(_served(shell, functools.partial(ShortWayProtocol, shell.at_once)))
            request = _written(api.key["alpha"], [series("a", (NOW_MS, 1.0))])
            assert 204 == _exchange(url, [request], ["POST"])[0][0]  # now the key and the series are known
            monkeypatch.setattr(MemoryProjectStore, "append", slow)
            answers: list[Answer] = []
            sender = threading.Thread(target=lambda: answers.extend(_exchange(url, [request], ["POST"])))
            sender.start()
            assert seen.wait(PATIENCE_S)
            stopper = threading.Thread(target=stack.close)
            stopper.start()
            stopper.join(0.3)
            held.set()
            sender.join(PATIENCE_S)
            stopper.join(PATIENCE_S)
    assert [(204, True)] == [(status, ("connection", "close") in headers) for status, headers, _ in answers]


def test_a_revoked_key_is_refused_at_once(sides: Sides) -> None:
    for api in sides.apis:
        key = api.keys.add(api.projects["alpha"], "shortlived")
    data = [_request(key, "GET", f"{PREFIX}/query?query=up&time={NOW_S}", [])]
    assert 200 == sides.both(data, ["GET"])[0][0][0]
    for api in sides.apis:
        api.keys.remove("shortlived")

    short, general = sides.both(data, ["GET"])

    assert 401 == short[0][0]
    assert general == short


def test_another_project_sees_nothing_of_what_is_known(sides: Sides) -> None:
    for _ in range(3):
        for project in ("alpha", "beta"):
            data = [_request(sides.api.key[project], "GET", f"{PREFIX}/label/job/values", [])]
            short, general = sides.both(data, ["GET"])

            assert general == short
            assert (project == "beta") == (b"hidden" in short[0][2])


def test_garbage_after_headers_ends_the_connection(sides: Sides) -> None:
    chunked = (
        _request(sides.api.key["alpha"], "POST", f"{PREFIX}/query", ["Transfer-Encoding: chunked"])
        + b"zz\r\n"
    )
    short, general = sides.both([chunked], ["POST"])

    assert [400] == [status for status, _, _ in short]
    assert general == short
