"""Decides when a Python process is observed: the first one below `bongsu agent run` at once, its descendants when they serve."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

STARTED = "BONGSU_AGENT_STARTED"
"""Set for the descendants of the first Python process."""

TRIGGERS = (
    "aiohttp.web",
    "celery",
    "django",
    "falcon",
    "fastapi",
    "flask",
    "gunicorn",
    "hypercorn",
    "pyramid",
    "starlette",
    "tornado.web",
    "uvicorn",
    "waitress",
)
"""Modules whose import shows that a descendant serves; a helper script that imports none of them costs and reports nothing."""


def begin(environment: MutableMapping[str, str] = os.environ) -> None:
    """Start the agent now, or as soon as this process imports a server or a framework."""
    if STARTED not in environment:
        environment[STARTED] = "1"
        _start()
        return
    import wrapt

    once = threading.Lock()

    def start(_module: object) -> None:
        if once.acquire(blocking=False):
            _guarded_start()

    for name in TRIGGERS:
        wrapt.register_post_import_hook(start, name)


def _start() -> None:
    from bongsu.agent.application import ApplicationAgent
    from bongsu.agent.settings import read_settings

    ApplicationAgent(read_settings(os.environ), os.environ).start()


def _guarded_start() -> None:
    """Start inside an import of the application, which must not fail for it."""
    try:
        _start()
    except Exception as error:  # noqa: BLE001 - the application comes first
        print(f"bongsu agent: the application runs without it: {error}", file=sys.stderr)  # noqa: T201 - no logger yet
