"""The listener's certificate: taken from files, and taken again when they are renewed."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import structlog
import trustme

from bongsu.model.errors import InvalidInput
from bongsu.server.certificate import Certificate

if TYPE_CHECKING:
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

LOG: FilteringBoundLogger = structlog.get_logger()


def write_files(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    issued = authority.issue_cert("127.0.0.1")
    files = folder / "server.pem", folder / "server.key"
    issued.cert_chain_pems[0].write_to_path(files[0])
    issued.private_key_pem.write_to_path(files[1])
    return files


def handshake(context: ssl.SSLContext, authority: trustme.CA) -> None:
    """Connect as a client that trusts only `authority`."""
    ours, theirs = socket.socketpair()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server = threading.Thread(target=_greet, args=(context, theirs))
    server.start()
    try:
        with trusting.wrap_socket(ours, server_hostname="127.0.0.1"):
            pass
    finally:
        ours.close()
        server.join()


def _greet(context: ssl.SSLContext, end: socket.socket) -> None:
    try:
        context.wrap_socket(end, server_side=True).close()
    except OSError:
        end.close()  # the client did not trust it, which is the client's to tell


def test_a_renewed_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    certificate = Certificate(*write_files(tmp_path, old), LOG)
    handshake(certificate.context, old)
    write_files(tmp_path, new)

    assert certificate.take_renewed()
    handshake(certificate.context, new)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(certificate.context, old)
    assert not certificate.take_renewed()


def test_a_half_renewed_certificate_is_not_taken(tmp_path: Path) -> None:
    old = trustme.CA()
    file, key = write_files(tmp_path, old)
    certificate = Certificate(file, key, LOG)
    good = key.read_bytes()
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(key)

    assert not certificate.take_renewed()
    handshake(certificate.context, old)
    key.write_bytes(good)
    assert certificate.take_renewed()


def test_a_renewal_that_is_gone_when_it_is_read_leaves_the_old_one(tmp_path: Path) -> None:
    old = trustme.CA()
    file, key = write_files(tmp_path, old)
    certificate = Certificate(file, key, LOG)
    for content in (b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        file.write_bytes(content)
        assert not certificate.take_renewed()
        handshake(certificate.context, old)
    file.unlink()
    assert not certificate.take_renewed()
    handshake(certificate.context, old)
    write_files(tmp_path, new := trustme.CA())
    assert certificate.take_renewed()
    handshake(certificate.context, new)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_was_made_readable_later_is_taken(tmp_path: Path) -> None:
    certificate = Certificate(*write_files(tmp_path, trustme.CA()), LOG)
    _, key = write_files(tmp_path, new := trustme.CA())
    key.chmod(0)
    assert not certificate.take_renewed()
    key.chmod(0o600)

    assert certificate.take_renewed()
    handshake(certificate.context, new)


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----"])
def test_files_that_are_no_certificate_are_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "server.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(InvalidInput, match=r"cannot use the certificate .*server\.pem"):
        Certificate(file, file, LOG)
