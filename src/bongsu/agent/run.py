"""`bongsu agent run -- CMD`: starts a command so that every Python process below it reports itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOOTSTRAP = Path(__file__).parent / "bootstrap"
"""Folder whose sitecustomize starts the agent."""

_DEFAULTS: Mapping[str, str] = {
    # Current names of attributes and metrics; the older ones cost the same and say less.
    "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",
    # Seconds for one request with its repetitions: the next report comes after five.
    "OTEL_EXPORTER_OTLP_TIMEOUT": "10",
}


def environment_for(
    base: Mapping[str, str],
    *,
    url: str | None,
    key: str | None,
    name: str | None,
    command: Sequence[str],
) -> dict[str, str]:
    """
    Return the environment of an observed command; what the operator has set already stays.

    Parameters
    ----------
    url
        Address of the server; None takes OpenTelemetry's own variables.
    key
        Key with the scope ``write``.
    name
        Service name; default: OpenTelemetry's variables, else the command's name.

    Raises
    ------
    InvalidInput
        If neither a server nor a key is known.
    """
    environment = {**_DEFAULTS, **base}
    if url:
        _require_http(url)
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"{url.rstrip('/')}/otlp"
    if key:
        others = [h for h in base.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",") if h.strip()]
        kept = [h for h in others if not h.strip().lower().startswith("x-tc-app-key=")]
        environment["OTEL_EXPORTER_OTLP_HEADERS"] = ",".join([*kept, f"x-tc-app-key={key}"])
    if not environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        raise InvalidInput(
            "no server: give --url or BONGSU_URL, such as http://127.0.0.1:9595", id="agent-no-server"
        )
    if not environment.get("OTEL_EXPORTER_OTLP_HEADERS"):
        raise InvalidInput(
            "no key: give --key or BONGSU_KEY, a key of the project with the scope 'write'", id="agent-no-key"
        )
    if name or not _names_service(environment):
        environment["OTEL_SERVICE_NAME"] = name or Path(command[0]).name
    paths = [str(BOOTSTRAP), *(p for p in base.get("PYTHONPATH", "").split(os.pathsep) if p)]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    environment.pop("BONGSU_AGENT_STARTED", None)
    return environment


def run(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """
    Become the command.

    Raises
    ------
    InvalidInput
        If there is no such program, or it may not be run.
    """
    try:
        os.execvpe(command[0], list(command), dict(environment))  # noqa: S606 - what the operator asked for
    except OSError as error:
        raise InvalidInput(
            f"cannot run {command[0]!r}: {error.strerror}; check the name and the PATH", id="cannot-run"
        ) from error


def _require_http(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"not an HTTP address: {url!r}; write http://HOST:PORT", id="agent-no-server")


def _names_service(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("OTEL_SERVICE_NAME")) or "service.name=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
