"""The option of all commands that call a running server as its operator: where it is, and with which token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bongsu.client.admin import AdminClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _admin(ctx: click.Context, _parameter: object, url: str) -> AdminClient:
    """Make the admin client of a command from --url and the token that the environment or the data folder holds."""
    from bongsu.control.credentials import read_credentials

    token = os.environ.get("BONGSU_ADMIN_TOKEN")
    if not token:
        folder = Path(os.environ.get("BONGSU_SERVER_DATA", "bongsu-data"))
        credentials = read_credentials(folder)
        if credentials is None:
            ctx.fail(
                f"no admin token: BONGSU_ADMIN_TOKEN is not set and {folder}/credentials.json is not there; set the variable, "
                "or set BONGSU_SERVER_DATA to the server's data folder"
            )
        token = credentials.admin_token
    return AdminClient(url, token)


admin_option: Callable[..., Any] = click.option(
    "--url",
    "admin",
    default="http://127.0.0.1:9595",
    envvar="BONGSU_URL",
    show_default=True,
    callback=_admin,
    help="Address of the server (BONGSU_URL).",
)
"""Gives a command the parameter ``admin``, an `AdminClient`."""
