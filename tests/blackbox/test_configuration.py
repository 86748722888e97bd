"""The configuration of a real server: mistakes explained, HTTPS spoken, proxies believed only where trusted."""

from __future__ import annotations

import ssl
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
import trustme
from tests.support.process import BONGSU, ServerProcess, call, eventually, running_server

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


def check(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BONGSU, "config", "check", "--config", str(file)],
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_config_check_explains_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "bongsu.toml"
    file.write_text('[query]\ntimeot = "1s"\nmax_samples = 0\n[server]\ntls_key = "none.pem"\n')
    done = check(file)

    assert (1, 3) == (done.returncode, len(done.stderr.splitlines()))
    assert "unknown setting 'query.timeot'; did you mean query.timeout?" in done.stderr


def test_config_check_looks_at_the_files_that_are_named(tmp_path: Path) -> None:
    file = tmp_path / "bongsu.toml"
    file.write_text('[server]\ntls_certificate = "none.pem"\n')
    done = check(file)

    assert 1 == done.returncode
    assert "cannot use the certificate none.pem" in done.stderr


def test_config_check_tries_out_every_part_and_not_the_first_wrong_one_alone(tmp_path: Path) -> None:
    file = tmp_path / "bongsu.toml"
    file.write_text(
        'time_zone = "Mars/Olympus"\n[server]\ndatabase = "mysql://u:secret@h/db"\n'
        f'tls_certificate = "{tmp_path / "none.pem"}"\n'
    )
    done = check(file)
    output = done.stderr

    assert (1, 3) == (done.returncode, len(output.splitlines()))
    assert all(
        word in output for word in ("Mars/Olympus", "postgresql://USER:PASSWORD@HOST/NAME", "none.pem")
    )
    assert "secret" not in output


def test_config_check_is_content_with_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "bongsu.toml"
    file.write_text('[query]\ntimeout = "1s"\n')
    done = check(file)

    assert (0, "the configuration is good\n") == (done.returncode, done.stdout)


def test_the_listener_speaks_https_with_the_given_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    file = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    with (
        running_server(tmp_path / "data", BONGSU_SERVER_TLS_CERTIFICATE=str(file)) as server,
        urllib.request.urlopen(f"{server.url}/-/ready", context=trusting, timeout=30) as answer,
    ):
        assert server.url.startswith("https://")
        assert 200 == answer.status


def test_a_broken_renewal_keeps_the_certificate_and_says_so_and_a_good_one_is_taken(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    file = tmp_path / "server.pem"
    old.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    with running_server(tmp_path / "data", BONGSU_SERVER_TLS_CERTIFICATE=str(file)) as server:
        file.write_text("half a certificate")
        eventually(lambda: "certificate not taken" in "".join(server.output), what="the report")
        assert is_ready_by(server, old)
        new.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
        eventually(lambda: is_ready_by(server, new), what="the new certificate")
        assert not is_ready_by(server, old)


def is_ready_by(server: ServerProcess, authority: trustme.CA) -> bool:
    """Tell whether the server answers who trusts this authority only."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    try:
        with urllib.request.urlopen(f"{server.url}/-/ready", context=trusting, timeout=30) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            return False
        raise


def _address_of_last_change(server: ServerProcess, forwarded_for: str = "203.0.113.9") -> str:
    forwarded = {**server.admin_headers, "X-Forwarded-For": forwarded_for}
    made = call("POST", f"{server.url}/admin/v1/projects", headers=forwarded, body={"name": "behind-a-proxy"})
    assert 201 == made.status, made.text
    project = made.json()["projectId"]
    entries = call(
        "GET", f"{server.url}/admin/v1/projects/{project}/audit", headers=server.admin_headers
    ).json()["entries"]
    address: str = entries[0]["address"]
    return address


def test_a_forwarded_address_is_believed_from_a_trusted_proxy_only(tmp_path: Path) -> None:
    with running_server(tmp_path / "plain") as server:
        assert "127.0.0.1" == _address_of_last_change(server)
    with running_server(
        tmp_path / "behind", BONGSU_SERVER_TRUSTED_PROXIES="127.0.0.0/8,2001:db8::/32"
    ) as server:
        told = [_address_of_last_change(server, text) for text in FORWARDED]

    assert list(FORWARDED.values()) == told


FORWARDED = {
    "203.0.113.9": "203.0.113.9",
    # Who is left of the last one that is not trusted was written by a stranger.
    "10.1.1.1, 203.0.113.9": "203.0.113.9",
    "127.0.0.1, 203.0.113.9": "203.0.113.9",
    "203.0.113.9, 127.0.0.2, 2001:DB8:0::7": "203.0.113.9",
    "[2001:470::9]:4711": "2001:470::9",
    "::ffff:203.0.113.9": "203.0.113.9",
    "203.0.113.9:4711": "203.0.113.9",
    "10.1.1.1, nobody": "unknown",
    "x" * 1000: "unknown",
    "": "127.0.0.1",
}
"""What the header says, and who that is to a server that trusts the connection."""
