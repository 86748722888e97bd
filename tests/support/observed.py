"""`bongsu agent run` around a real server with one of the observed applications."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.free_port import free_port
from tests.support.schedule import DEADLINE_S, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
APPS = "tests.support.observed_apps"


@dataclass(frozen=True)
class Kind:
    """A server with a framework: the command, and what its pool of threads is called."""

    name: str
    command: tuple[str, ...]
    agents: int
    threads: int


def kind(name: str) -> Kind:
    """Return one of the three servers; ``{port}`` stands for the port."""
    return {
        "flask": Kind(
            "flask",
            (
                str(BIN / "gunicorn"),
                "-w",
                "2",
                "--threads",
                "4",
                "-b",
                "127.0.0.1:{port}",
                f"{APPS}:flask_app()",
            ),
            agents=2,
            threads=8,
        ),
        "fastapi": Kind(
            "fastapi",
            (
                str(BIN / "uvicorn"),
                "--port",
                "{port}",
                "--log-level",
                "warning",
                "--factory",
                f"{APPS}:fastapi_app",
            ),
            agents=1,
            threads=40,
        ),
        "django": Kind(
            "django",
            (
                str(BIN / "waitress-serve"),
                "--threads=4",
                # Else waitress removes X-Forwarded-For before the application sees it.
                "--no-clear-untrusted-proxy-headers",
                "--listen=127.0.0.1:{port}",
                "--call",
                f"{APPS}:django_app",
            ),
            agents=1,
            threads=4,
        ),
    }[name]


@dataclass
class Observed:
    """A running application."""

    port: int
    process: subprocess.Popen[bytes]
    hold_file: Path

    def get(self, path: str, **headers: str) -> int:
        """Send one request over a connection of its own; return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def release(self) -> None:
        """Let held requests go."""
        self.hold_file.touch()


@contextlib.contextmanager
def observed(
    kind: Kind,
    folder: Path,
    *,
    url: str,
    key: str,
    database: str,
    name: str = "shop",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Observed]:
    """Run an application under the agent for the length of a block; its output is in the folder."""
    port = free_port()
    hold_file = folder / f"release-{port}"
    given = {
        **os.environ,
        "DATABASE_URL": database,
        "HOLD_FILE": str(hold_file),
        "BONGSU_AGENT_PERIOD": "1000",
        "BONGSU_AGENT_FOLDER": str(folder / "slots"),
        "BONGSU_AGENT_USER_HEADER": "x-user",
        "BONGSU_AGENT_USER_COOKIE": "sid",
        **(environment or {}),
    }
    command = [part.replace("{port}", str(port)) for part in kind.command]
    agent = [str(BIN / "bongsu"), "agent", "run", "--url", url, "--key", key, "--name", name, "--"]
    log = folder / f"{kind.name}-{port}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*agent, *command], cwd=ROOT, env=given, stdout=output, stderr=output, start_new_session=True
        ) as process,
    ):
        app = Observed(port, process, hold_file)
        try:
            wait_for(lambda: process.poll() is not None or _answers(app), "the application's first answer")
            assert process.poll() is None, log.read_text()
            yield app
        finally:
            app.release()
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(app: Observed) -> bool:
    """Tell whether the application listens; a path that it has not is asked for, by a user of its own."""
    try:
        return app.get("/work", x_user="first") == 200
    except OSError:
        return False
