"""Scrape options from the admin API and the command line reach a real target of the running server."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.process import BONGSU, call, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

BODY = b'good{job="theirs"} 1\ngood_noise 2\n'


class _Guarded(BaseHTTPRequestHandler):
    """Answers only those who know the password and send the parameter."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Basic dTpodW50ZXIy" and "kind=all" in self.path
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(BODY if known else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def guarded_exporter(folder: Path) -> Iterator[tuple[int, str]]:
    """Run an exporter behind TLS and a password; gives its port and the certificate that it must be trusted by."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=target.test"
    extension = "subjectAltName=DNS:target.test"
    subprocess.run(
        [*command.split(), "-addext", extension, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Guarded)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1], certificate.read_text()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def scrape_options(server: ServerProcess, tenant: Tenant, job: str, *arguments: str) -> dict[str, Any]:
    environment = {**os.environ, "BONGSU_URL": server.url, "BONGSU_SERVER_DATA": str(server.data)}
    done = subprocess.run(
        [BONGSU, "workspace", "scrape", tenant.project_id, job, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    options: dict[str, Any] = json.loads(done.stdout)
    return options


def test_tls_credentials_parameters_and_relabelling_reach_a_real_target(
    server: ServerProcess, tmp_path: Path
) -> None:
    tenant = server.create_project("options")
    host = server.register_server(tenant, "machine")
    job = tenant.sysmon("POST", "jobs", {"jobName": "guarded", "metricsPath": "/metrics"})["body"]["jobId"]

    def error() -> str:
        targets = tenant.prometheus("targets", scrapePool="guarded")["activeTargets"]
        return str(targets[0]["lastError"]) if targets else ""

    with guarded_exporter(tmp_path) as (port, authority):
        target = tenant.sysmon("POST", f"jobs/{job}/targets", {"hostId": host, "port": str(port)})["body"]
        scrape_options(
            server, tenant, "guarded", "--set", json.dumps({"scrape_interval": "1s", "scheme": "https"})
        )
        eventually(lambda: "certificate" in error(), what="a certificate that nobody vouches for")
        tls = {"tls_config": {"ca": authority, "server_name": "target.test"}}
        scrape_options(server, tenant, "guarded", "--set", json.dumps(tls))
        eventually(lambda: "HTTP 401" in error(), what="a target that wants a password")
        shown = scrape_options(
            server,
            tenant,
            "guarded",
            "--set",
            json.dumps(
                {
                    "basic_auth": {"username": "u", "password": "hunter2"},
                    "params": {"kind": ["all"]},
                    "honor_labels": True,
                    "labels": {"tier": "db"},
                    "metric_relabel_configs": [
                        {"source_labels": ["__name__"], "regex": ".*_noise", "action": "drop"}
                    ],
                }
            ),
        )
        rows = eventually(lambda: tenant.query('{tier="db",__name__!~"up|scrape_.*"}'), what="a good scrape")

        assert "<secret>" == shown["basic_auth"]["password"]
        assert [
            {
                "__name__": "good",
                "job": "theirs",
                "tier": "db",
                "instance": f"127.0.0.1:{port}",
                "openmetrics_id": target,
            }
        ] == [row["metric"] for row in rows]
        config = tenant.prometheus("scrape_pools/config", scrapePool="guarded")["yaml"]
        assert ("hunter2" not in config, '"<secret>"' in config) == (True, True)


def test_another_tenants_key_does_not_open_the_options(server: ServerProcess) -> None:
    tenant, other = server.create_project("mine"), server.create_project("theirs")
    job = tenant.sysmon("POST", "jobs", {"jobName": "secret-pool", "metricsPath": "/m"})["body"]["jobId"]
    path = f"{server.url}/admin/v1/projects/{tenant.project_id}/workspaces/{job}/scrape"

    assert {401} == {
        call("GET", path, headers={"Authorization": f"Bearer {key}"}).status
        for key in (tenant.appkey, other.appkey)
    }
    assert "secret-pool" not in other.prometheus("scrape_pools")["scrapePools"]
