"""Transfers: sources of every kind, a cursor that goes on where it stopped, servers that are busy or refuse."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.remote_write import SentSeries, encode_v1, message, series
from tests.support.stores import a_histogram

from bongsu.client.transfer import lines as lines_module
from bongsu.client.transfer.cursor import Cursor
from bongsu.client.transfer.lines import detect_format, open_source, read_start, transfer_lines
from bongsu.client.transfer.prometheus import PrometheusSource, Transfer
from bongsu.client.transfer.summary import Fault, Summary
from bongsu.client.transfer.upload import LineUpload, Uploader, last_type
from bongsu.client.transport import CallFailed
from bongsu.model.errors import InvalidInput
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_NAN
from bongsu.runtime.compress import compress_snappy, decompress_snappy
from bongsu.wire.archive.json_lines import read_json_lines
from bongsu.wire.remote_read import read_request
from bongsu.wire.remote_read_answer import write_messages
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Answer = tuple[int, bytes, dict[str, str]]
ALL = (Matcher("__name__", MatchOp.REGEX, ".+"),)


@contextlib.contextmanager
def serving(answer: Callable[[str, bytes, Any], Answer]) -> Iterator[str]:
    """Answer every call by a function of path, body and headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, headers = answer(self.path, body, self.headers)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Kept:
    """A sink that keeps what it is sent; it breaks when it is told to."""

    def __init__(self, *, break_after: int = 1 << 30) -> None:
        self.parts: list[tuple[int, bytes]] = []
        self.passed: list[bytes] = []
        self._left = break_after

    def send(self, lines: bytes, first_line: int) -> Summary:
        if not self._left:
            raise CallFailed("broken")
        self._left -= 1
        self.parts.append((first_line, lines))
        return Summary(lines.count(b"\n"))

    def pass_over(self, lines: bytes) -> None:
        self.passed.append(lines)


def _transfer(name: str, sink: Kept, cursor: Cursor) -> Summary:
    with open_source(name) as source:
        return transfer_lines(source, read_start(source), sink, cursor, lambda *_: None)


@given(st.integers(0, 40), st.integers(1, 200), st.booleans(), st.integers(0, 8))
def test_an_interrupted_transfer_goes_on_where_it_stopped(
    n_lines: int,
    chunk: int,
    zipped: bool,
    break_after: int,
) -> None:
    import tempfile
    from pathlib import Path

    content = b"".join(b"line %d\n" % i for i in range(n_lines))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "CHUNK_BYTES", chunk)
        patch.setattr(lines_module, "_READ_BYTES", 7)
        file = Path(folder) / "source"
        file.write_bytes(gzip.compress(content) if zipped else content)
        first, second = Kept(break_after=break_after), Kept()
        with contextlib.suppress(CallFailed):
            _transfer(str(file), first, Cursor(Path(folder) / "cursor", "x"))
        _transfer(str(file), second, Cursor(Path(folder) / "cursor", "x"))

        sent = first.parts + second.parts
        assert content == b"".join(data for _, data in sent)
        for line, data in sent:
            assert not data or data.startswith(b"line %d\n" % (line - 1))
        assert b"".join(second.passed) == b"".join(data for _, data in first.parts)


def test_a_cursor_of_another_transfer_is_refused(tmp_path: Path) -> None:
    Cursor(tmp_path / "cursor", "a").move(5)
    assert 5 == Cursor(tmp_path / "cursor", "a").place
    with pytest.raises(InvalidInput, match="of another transfer"):
        Cursor(tmp_path / "cursor", "b")
    (tmp_path / "cursor").write_bytes(b"x")
    with pytest.raises(InvalidInput, match="is no cursor"):
        Cursor(tmp_path / "cursor", "a")


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        (b'{"metric":{"__name__":"up"},"values":[1],"timestamps":[1]}\n', "json"),
        (b'{"metric","a"="b"} 1 1700000000000\nx 1 1700000000000\n', "prometheus"),
        (b"# TYPE a gauge\na 1 1700000000\n# EOF\n", "openmetrics"),
        (b"a 1 1700000000000\n" * 3, "prometheus"),
        (b"a 1 1700000000.5\n" * 3, None),
        (b"a 1\n" * 3, None),
    ],
)
def test_formats_are_told_apart_or_asked_for(tmp_path: Path, content: bytes, format_: str | None) -> None:
    for body in (content, gzip.compress(content)):
        (tmp_path / "source").write_bytes(body)
        with open_source(str(tmp_path / "source")) as source:
            if format_ is None:
                with pytest.raises(InvalidInput, match="--format openmetrics"):
                    detect_format(source, read_start(source))
            else:
                assert format_ == detect_format(source, read_start(source))


def test_a_large_openmetrics_file_is_known_by_its_end(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"a 1 1700000000\n" * 200_000 + b"# EOF\n")
    with open_source(str(tmp_path / "source")) as source:
        start = read_start(source)
        assert "openmetrics" == detect_format(source, start)
        kept = Kept()
        assert 200_001 == transfer_lines(source, start, kept, Cursor(None, ""), lambda *_: None).written


def test_a_source_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"), open_source(str(tmp_path / "none")):
        pass
    with (
        serving(lambda *_: (404, b"", {})) as url,
        pytest.raises(InvalidInput, match="Not Found"),
        open_source(url),
    ):
        pass


def test_a_busy_server_is_asked_again_and_faults_keep_their_lines() -> None:
    calls: list[bytes] = []
    waits: list[float] = []
    faults = {"data": {"written": 1, "refused": 1, "faults": [{"line": 2, "id": "x", "message": "bad"}]}}

    def answer(path: str, body: bytes, headers: Any) -> Answer:
        calls.append(gzip.decompress(body))
        assert ("/prometheus/api/v1/import/prometheus?overwrite=true", "key") == (
            path,
            headers["X-TC-APP-KEY"],
        )
        if len(calls) == 1:
            return 429, b"slow down", {"Retry-After": "7"}
        if len(calls) == 2:
            return 204, b"", {"X-Bongsu-Samples-Written": "2"}
        return 400, json.dumps(faults).encode(), {"X-Bongsu-Samples-Written": "1"}

    with serving(answer) as url:
        upload = LineUpload(
            Uploader(url, "key", told=lambda _: None, sleep=waits.append), "prometheus", overwrite=True
        )
        assert Summary(2) == upload.send(b"# TYPE a gauge\na 1\na 2\n", 1)
        # The type goes before the next chunk, and is not counted as a line of it.
        assert Summary(1, 1, [Fault(4, "bad")]) == upload.send(b"a x\na 4\n", 4)

    assert [7.0] == waits
    assert b"# TYPE a gauge\na x\na 4\n" == calls[2]


def test_a_server_that_refuses_for_good_ends_the_import() -> None:
    with serving(lambda *_: (403, b"no scope", {})) as url, pytest.raises(CallFailed, match="no scope"):
        LineUpload(Uploader(url, "key", told=lambda _: None), "json", overwrite=False).send(b"{}\n", 1)
    waits: list[float] = []
    with serving(lambda *_: (503, b"full", {})) as url, pytest.raises(CallFailed, match="20 times: full"):
        Uploader(url, "key", told=lambda _: None, sleep=waits.append).post("/write", b"", {})
    assert 20 == len(waits)
    assert 60.0 == max(waits)


def test_the_last_type_is_found_wherever_it_stands() -> None:
    assert b"# TYPE b gauge\n" == last_type(b"# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n")
    assert b"# TYPE a gauge\n" == last_type(b"# TYPE a gauge\n")
    assert b"" == last_type(b"a 1\n")


SENT = [
    series("up", (1_000, 1.0), (2_000, STALE_NAN), job="a"),
    SentSeries((("__name__", "h"),), histograms=((1_500, a_histogram(), 0),)),
    series("late", (7_200_000, 5.0)),
]


def _remote_read(path: str, body: bytes, _headers: Any) -> Answer:
    """Answer as a Prometheus with the series that are in `SENT`."""
    if path.startswith("/api/v1/labels"):
        end = float(path.partition("end=")[2].partition("&")[0])
        return 200, json.dumps({"data": ["__name__"] if end >= 1 else []}).encode(), {}
    (query,) = read_request(decompress_snappy(body, 1 << 20)).queries
    chosen = [
        SentSeries(
            one.labels,
            tuple(s for s in one.samples if query.start_ms <= s[0] <= query.end_ms),
            tuple(h for h in one.histograms if query.start_ms <= h[0] <= query.end_ms),
        )
        for one in SENT
    ]
    result = encode_v1([one for one in chosen if one.samples or one.histograms])
    return 200, compress_snappy(message(1, result)), {}


class Messages:
    def __init__(self) -> None:
        self.requests: list[WireRequest] = []

    def send(self, data: bytes, samples: int) -> Summary:
        self.requests.append(WireRequest(data, Version.V1))
        return Summary(samples)


def test_a_prometheus_is_read_window_by_window_with_stale_markers_and_histograms(tmp_path: Path) -> None:
    messages = Messages()
    with serving(_remote_read) as url:
        source = PrometheusSource(url, {})
        start = source.oldest_hour(9_000_000)
        transfer = Transfer(source, ALL, messages, Kept(), lambda *_: None)
        total = transfer.run(Cursor(tmp_path / "cursor", "x"), start, 9_000_000)
        again = transfer.run(Cursor(tmp_path / "cursor", "x"), start, 9_000_000)

    assert 0 == start
    assert (4, 0) == (total.written, total.refused)
    assert 0 == again.written
    labels = {
        dict(request.labels(row))["__name__"] for request in messages.requests for row in range(len(request))
    }
    assert {"up", "h", "late"} == labels
    first = messages.requests[0]
    assert [1_000, 2_000] == first.timestamps.tolist()
    assert first.values.view("u8").tolist()[1] == 0x7FF0_0000_0000_0002
    assert 1 == len(list(first.histograms()))


def test_without_remote_read_the_query_api_is_used() -> None:
    def answer(path: str, body: bytes, _headers: Any) -> Answer:
        if path == "/api/v1/read":
            return 404, b"", {}
        result = [
            {"metric": {"__name__": "up"}, "values": [[1.5, "1"], [2, "NaN"], [3, "+Inf"]]},
            {"metric": {"__name__": "h"}, "histograms": [[1, {}]]},
        ]
        return 200, json.dumps({"data": {"result": result if b"time=10.000" in body else []}}).encode(), {}

    kept = Kept()
    with serving(answer) as url:
        transfer = Transfer(PrometheusSource(url, {}), ALL, Messages(), kept, lambda *_: None)
        transfer.run(Cursor(None, ""), 0, 10_000)

    ((_, data),) = kept.parts
    batch = read_json_lines(data, 1)
    assert [1_500, 2_000, 3_000] == batch.timestamps.tolist()
    assert ["1.0", "nan", "inf"] == list(map(str, batch.values.tolist()))
    assert 1 == transfer.histograms_left_out


def test_windows_that_hold_too_much_are_made_smaller() -> None:
    widths: list[int] = []

    def answer(_path: str, body: bytes, _headers: Any) -> Answer:
        (query,) = read_request(decompress_snappy(body, 1 << 20)).queries
        widths.append(query.end_ms - query.start_ms + 1)
        return (413, b"too many samples", {}) if widths[-1] > 1_000_000 else (200, compress_snappy(b""), {})

    with serving(answer) as url:
        Transfer(PrometheusSource(url, {}), ALL, Messages(), Kept(), lambda *_: None).run(
            Cursor(None, ""), 0, 2_000_000
        )
    assert 3_600_000 > min(widths)
    with serving(lambda *_: (422, b"never", {})) as url, pytest.raises(CallFailed, match="never"):
        Transfer(PrometheusSource(url, {}), ALL, Messages(), Kept(), lambda *_: None).run(
            Cursor(None, ""), 0, 10
        )


def test_answers_are_cut_between_series() -> None:
    answer = message(1, encode_v1(SENT))
    assert [2, 1, 1] == [part.samples for part in write_messages(answer, 1)]
    (whole,) = write_messages(answer, 1 << 20)
    assert encode_v1(SENT) == whole.data
