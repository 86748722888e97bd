"""A real OpenID Connect provider as a process of its own, reached over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.free_port import free_port
from tests.support.process import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@contextlib.contextmanager
def running_provider(
    people: Sequence[Mapping[str, Any]], *, port: int | None = None, arguments: Sequence[str] = ()
) -> Iterator[str]:
    """
    Give the issuer of a provider that knows some people; it makes a new signing key at every start.

    Parameters
    ----------
    port
        Given to start it again where it was.
    """
    chosen = port or free_port()
    issuer = f"http://127.0.0.1:{chosen}"
    claims = [part for person in people for part in ("--user-claims", json.dumps(person))]
    process = subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "oidc_provider_mock",
            "--port",
            str(chosen),
            "-n",
            "true",
            *claims,
            *arguments,
        ],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _answers(issuer), what="the provider's discovery document")
        yield issuer
    finally:
        process.terminate()
        process.wait(20)


def _answers(issuer: str) -> bool:
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
