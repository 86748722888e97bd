"""The options of commands that call a running server for one project: where it is, and with which key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

url_option: Callable[..., Any] = click.option(
    "--url",
    default="http://127.0.0.1:9595",
    envvar="BONGSU_URL",
    show_default=True,
    help="Address of the server (BONGSU_URL).",
)

key_option: Callable[..., Any] = click.option(
    "--key",
    envvar="BONGSU_KEY",
    help="A key of the project (BONGSU_KEY); the first project's is found in the data folder (BONGSU_SERVER_DATA).",
)


def key_of(key: str | None) -> str:
    """Return the key that was given, else the first project's as the data folder has it; raises UsageError without any."""
    from bongsu.control.credentials import read_credentials

    if key:
        return key
    folder = Path(os.environ.get("BONGSU_SERVER_DATA", "bongsu-data"))
    credentials = read_credentials(folder)
    if credentials is None:
        raise click.UsageError(
            f"no key: --key and BONGSU_KEY are not set, and {folder}/credentials.json is not there"
        )
    return credentials.appkey
