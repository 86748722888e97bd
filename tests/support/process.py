"""The real server as a process: started on a free port, found by its own words, ended by the test."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Result = TypeVar("Result")

START_SECONDS = 150
"""A start that compiles every kernel on a busy machine."""

CALL_SECONDS = 120
"""A call that outlives this hangs; a busy machine needs a good part of it."""

BONGSU = str(Path(sys.executable).parent / "bongsu")


def eventually(check: Callable[[], Result], *, within_s: float = 60, what: str = "the condition") -> Result:
    """Return the first true result of `check`; fail after the deadline with the last one."""
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            result = check()
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            last = error
        else:
            if result:
                return result
            last = result
        time.sleep(0.05)
    raise AssertionError(f"{what} did not hold within {within_s} s; last: {last!r}")


@dataclass
class Answer:
    """One HTTP answer of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def call(method: str, url: str, *, headers: Mapping[str, str] | None = None, body: object = None) -> Answer:
    """Send one request; a mapping or list goes as JSON, bytes as they are."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    given = dict(headers or {})
    if data is not None and not isinstance(body, bytes):
        given.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
            # A stream of events has no end: its first line is there at once.
            endless = answer.headers.get_content_type() == "text/event-stream"
            return Answer(
                answer.status, dict(answer.headers), answer.readline() if endless else answer.read()
            )
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


@dataclass
class Tenant:
    """A project of the server under test, with its keys."""

    url: str
    project_id: str
    pcode: int
    appkey: str
    token: str

    def prometheus(self, path: str, **parameters: object) -> Any:
        """Return the data of a Prometheus API call that must succeed."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        answer = call(
            "GET", f"{self.url}/prometheus/api/v1/{path}?{query}", headers={"X-TC-APP-KEY": self.appkey}
        )
        assert answer.status == 200, answer.text
        return answer.json()["data"]

    def query(self, text: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the result of an instant query."""
        result: list[dict[str, Any]] = self.prometheus("query", query=text, **parameters)["result"]
        return result

    def write(self, text: str) -> Answer:
        """Send samples in the text format of Prometheus."""
        return call(
            "POST",
            f"{self.url}/prometheus/api/v1/import/prometheus",
            headers={"X-TC-APP-KEY": self.appkey},
            body=text.encode(),
        )

    def number(self, name: str) -> float:
        """Return one of the real-time application numbers."""
        headers = {"x-whatap-token": self.token, "x-whatap-pcode": str(self.pcode)}
        answer = call("GET", f"{self.url}/open/api/{name}", headers=headers)
        assert answer.status == 200, answer.text
        return float(answer.body)

    def sysmon(self, method: str, path: str, body: object = None, region: str | None = "kr") -> Any:
        """Return the envelope of a workspace API call."""
        headers = {"X-TC-APP-KEY": self.appkey} | ({"X-SYSMON-REGION": region} if region else {})
        answer = call(
            method, f"{self.url}/v1.0/projects/{self.project_id}/{path}", headers=headers, body=body
        )
        assert answer.status == 200, answer.text
        return answer.json()


@dataclass
class ServerProcess:
    """A running `bongsu serve`."""

    process: subprocess.Popen[str]
    data: Path
    url: str = ""
    output: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None

    @property
    def admin_headers(self) -> dict[str, str]:
        """Headers that open the admin API."""
        return {"Authorization": f"Bearer {self.credentials['adminToken']}"}

    @property
    def credentials(self) -> dict[str, Any]:
        """What the server wrote into its credentials file."""
        saved: dict[str, Any] = json.loads((self.data / "credentials.json").read_text())
        return saved

    @property
    def first_project(self) -> Tenant:
        """The project that the server made by itself."""
        saved = self.credentials
        return Tenant(self.url, saved["projectId"], saved["pcode"], saved["appkey"], saved["token"])

    def create_project(self, name: str, **fields: object) -> Tenant:
        """Make another project."""
        answer = call(
            "POST", f"{self.url}/admin/v1/projects", headers=self.admin_headers, body={"name": name, **fields}
        )
        assert answer.status == 201, answer.text
        made = answer.json()
        return Tenant(self.url, made["projectId"], made["pcode"], made["appkey"], made["token"])

    def register_server(self, tenant: Tenant, name: str, address: str = "127.0.0.1") -> str:
        """Register a server of a project and return its hostId."""
        url = f"{self.url}/admin/v1/projects/{tenant.project_id}/servers"
        answer = call("POST", url, headers=self.admin_headers, body={"hostNm": name, "svrIp": address})
        assert answer.status == 201, answer.text
        host_id: str = answer.json()["hostId"]
        return host_id

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self._close()

    def stop(self) -> int:
        """End the process in order and return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(60)
        self._close()
        return status

    def _close(self) -> None:
        """Read what is left of the output and give its pipe back."""
        if self.reader is not None:
            self.reader.join(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_server(data: Path, *arguments: str, **environment: str) -> ServerProcess:
    """Start `bongsu serve` on a free port and return when it is ready; the caller ends it."""
    command = [BONGSU, "serve", "--data", str(data), "--listen", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    server = ServerProcess(process, data)
    found: queue.Queue[str] = queue.Queue()
    server.reader = threading.Thread(target=_read_output, args=(server, found), daemon=True)
    server.reader.start()
    try:
        server.url = found.get(timeout=START_SECONDS)
    except queue.Empty:
        server.kill()
        raise AssertionError("the server was not ready in time:\n" + "".join(server.output)) from None
    if not server.url:
        raise AssertionError(f"the server ended with {server.stop()}:\n" + "".join(server.output))
    return server


@contextlib.contextmanager
def running_server(data: Path, *arguments: str, **environment: str) -> Iterator[ServerProcess]:
    """Run a server for the length of a block."""
    server = start_server(data, *arguments, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def _read_output(server: ServerProcess, found: queue.Queue[str]) -> None:
    """Keep what the server prints, so that its pipe never fills, and report the address of the ready line."""
    assert server.process.stdout is not None
    for line in server.process.stdout:
        server.output.append(line)
        match = re.search(r"is ready on (https?://\S+)", line)
        if match:
            found.put(match.group(1))
    found.put("")
