"""
The whole thing at once: a Bongsu server, the shop under a gentle load, and a real exporter, wired to each other.

``scripts/serve --demo`` runs this. Options other than those below go to ``bongsu serve``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

NODE_EXPORTER = "prometheus-node-exporter"
NODE_PORT = 9100
"""The port of the reserved workspace @Linux."""

START_SECONDS = 120
"""The very first start compiles the kernels."""

DATA_SECONDS = 60
"""Two scrape intervals and some ticks, with room."""


@dataclass(frozen=True, slots=True)
class Project:
    """The first project, as the server left it in its credentials file."""

    url: str
    project_id: str
    pcode: int
    appkey: str
    token: str
    admin_token: str


def main() -> None:
    """Start everything, set it up once, print what to try, and end everything with the server."""
    parser = argparse.ArgumentParser(
        prog="scripts/serve --demo", description="Bongsu with something to watch."
    )
    parser.add_argument("--listen", default="127.0.0.1:9595")
    parser.add_argument("--data", type=Path, default=Path("bongsu-data"))
    parser.add_argument("--shop-port", type=int, default=8100)
    parser.add_argument("--rate", type=float, default=5.0, help="requests a second on the shop")
    arguments, rest = parser.parse_known_args()
    bongsu = [str(Path(sys.executable).parent / "bongsu"), "serve"]
    options = ["--listen", arguments.listen, "--data", str(arguments.data), *rest]

    signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.ExitStack() as stack:
        try:
            server = _start(stack, [*bongsu, *options])
            url = f"http://{arguments.listen}"
            _wait_ready(server, url)
            ready = time.monotonic()
            project = _read_project(url, arguments.data)
            folder = arguments.data / "demo"
            folder.mkdir(exist_ok=True)
            node = _start_node_exporter(stack, folder)
            _start_shop(stack, project, arguments, folder)
            _set_up(project, arguments.shop_port, node=node)
            _wait_for_data(server, project)
            _print_lines(project, time.monotonic() - ready)
            server.wait()
        except KeyboardInterrupt:
            pass


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _start(
    stack: contextlib.ExitStack, command: list[str], log: Path | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """Start a process that ends with the demo; its output goes to a file, or to the terminal."""
    output = None if log is None else stack.enter_context(log.open("wb"))
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(35)
    if process.poll() is None:
        process.kill()


def _start_node_exporter(stack: contextlib.ExitStack, logs: Path) -> bool:
    """Start the machine's exporter unless one listens already; tell whether there is one."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", NODE_PORT)) == 0:
            return True
    if shutil.which(NODE_EXPORTER) is None:
        print(
            f"demo: {NODE_EXPORTER} is not installed; the workspace @Linux stays red (apt-get install {NODE_EXPORTER})"
        )
        return False
    _start(stack, [NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{NODE_PORT}"], logs / "node.log")
    return True


def _start_shop(
    stack: contextlib.ExitStack, project: Project, arguments: argparse.Namespace, folder: Path
) -> None:
    shop = [
        sys.executable,
        "-m",
        "examples.shop",
        "--port",
        str(arguments.shop_port),
        "--otlp",
        f"{project.url}/otlp",
    ]
    _start(stack, [*shop, "--data", str(folder)], folder / "shop.log", BONGSU_KEY=project.appkey)
    load = [sys.executable, "-m", "examples.shop.load", "--url", f"http://127.0.0.1:{arguments.shop_port}"]
    _start(stack, [*load, "--rate", str(arguments.rate)], folder / "load.log")


def _wait_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"demo: the server ended with status {server.returncode}; see its message above")
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError),
            urllib.request.urlopen(f"{url}/-/ready", timeout=2),
        ):
            return
        time.sleep(0.1)
    sys.exit(f"demo: the server was not ready within {START_SECONDS} s")


def _read_project(url: str, data: Path) -> Project:
    saved = json.loads((data / "credentials.json").read_text())
    return Project(
        url=url,
        project_id=saved["projectId"],
        pcode=saved["pcode"],
        appkey=saved["appkey"],
        token=saved["token"],
        admin_token=os.environ.get("BONGSU_ADMIN_TOKEN") or saved["adminToken"],
    )


def _call(method: str, url: str, headers: dict[str, str], body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **headers}, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def _set_up(project: Project, shop_port: int, *, node: bool) -> None:
    """Register this machine, and the shop as a target of a workspace; what is there already stays."""
    admin = {"Authorization": f"Bearer {project.admin_token}"}
    key = {"X-TC-APP-KEY": project.appkey, "X-SYSMON-REGION": "kr"}
    base = f"{project.url}/v1.0/projects/{project.project_id}"
    hosts = _call("GET", f"{base}/servers", key)["body"]
    host = next((h["hostId"] for h in hosts if h["svrIp"] == "127.0.0.1"), None)
    if host is None:
        servers = f"{project.url}/admin/v1/projects/{project.project_id}/servers"
        host = _call("POST", servers, admin, {"hostNm": os.uname().nodename, "svrIp": "127.0.0.1"})["hostId"]
    jobs = _call("GET", f"{base}/jobs", key)["body"]
    job = next((j["jobId"] for j in jobs if j["jobName"] == "shop"), None)
    if job is None:
        fields = {"jobName": "shop", "metricsPath": "/metrics", "description": "the demo's shop"}
        job = _call("POST", f"{base}/jobs", key, fields)["body"]["jobId"]
    targets = _call("GET", f"{base}/jobs/{job}/targets", key)["body"]
    if not any(target["port"] == shop_port for target in targets):
        _call("POST", f"{base}/jobs/{job}/targets", key, {"hostId": host, "port": shop_port})
    if not node:
        print("demo: only the shop's own exporter is scraped")


def _wait_for_data(server: subprocess.Popen[bytes], project: Project) -> None:
    """Wait until the shop shows in the Prometheus API and in the real-time numbers."""
    deadline = time.monotonic() + DATA_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if _up(project) and _transactions(project):
                return
        time.sleep(0.25)
    print("demo: no data yet; look at the targets' failReason and at the log above")


def _up(project: Project) -> bool:
    query = urllib.parse.urlencode({"query": 'up{job="shop"} == 1'})
    answer = _call("GET", f"{project.url}/prometheus/api/v1/query?{query}", {"X-TC-APP-KEY": project.appkey})
    return bool(answer["data"]["result"])


def _transactions(project: Project) -> bool:
    headers = {"x-whatap-token": project.token, "x-whatap-pcode": str(project.pcode)}
    return bool(_call("GET", f"{project.url}/open/api/txcount", headers))


def _print_lines(project: Project, seconds: float) -> None:
    key = f"-H 'X-TC-APP-KEY: {project.appkey}'"
    apm = f"-H 'x-whatap-token: {project.token}' -H 'x-whatap-pcode: {project.pcode}'"
    api = f"{project.url}/prometheus/api/v1"
    lines = [
        f"curl -s {key} {api}/query --data-urlencode 'query=sum by (job) (up)'",
        f"curl -s {key} {api}/query --data-urlencode 'query=sum by (item) (rate(shop_orders_total[1m]))'",
        f"curl -s {apm} {project.url}/open/api/tps",
        f"curl -s {apm} {project.url}/open/api/json/spot",
        f"curl -s {key} -H 'X-SYSMON-REGION: kr' {project.url}/v1.0/projects/{project.project_id}/jobs",
    ]
    print(
        f"\ndemo: living data after {seconds:.0f} s. Try:\n",
        *(f"  {line}" for line in lines),
        "",
        sep="\n",
        flush=True,
    )


if __name__ == "__main__":
    main()
