"""What an operator reads when the server is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu import __version__
from bongsu.control.credentials import credentials_file

if TYPE_CHECKING:
    from bongsu.control.bootstrap import Bootstrap
    from bongsu.server.settings import Settings


def ready_lines(settings: Settings, url: str, start: Bootstrap, console_link: str) -> list[str]:
    """Return the lines that say where everything is; keys are shown by the start that made them, and only by it."""
    held = start.credentials
    rows = [
        ("console", console_link),
        ("Prometheus API", f"{url}/prometheus   (header X-TC-APP-KEY)"),
        ("OTLP", f"{url}/otlp   (header X-TC-APP-KEY)"),
        ("workspace API", f"{url}/v1.0"),
        ("real-time numbers", f"{url}/open/api   (headers x-whatap-token, x-whatap-pcode)"),
        ("credentials", str(credentials_file(settings.data_folder))),
    ]
    if start.made_project:
        rows += [
            ("first account", "made in the console's Settings, or by: bongsu user add NAME --administrator"),
            ("project", f"{held.project_id}   pcode {held.pcode}"),
            ("appkey", f"{held.appkey}   (read, write, manage)"),
            ("token", f"{held.token}   (read)"),
        ]
    return [
        "",
        f"Bongsu {__version__} is ready on {url}",
        "",
        *(f"  {name:<18}{value}" for name, value in rows),
        "",
    ]
