"""The commands that run beside the monitored thing: `bongsu agent` and `bongsu autoscale`."""

from __future__ import annotations

import os

import click

_SERVER = click.option("--url", envvar="BONGSU_URL", help="Address of the server (BONGSU_URL).")
_KEY = click.option(
    "--key", envvar="BONGSU_KEY", help="Key of the project with the scope 'write' (BONGSU_KEY)."
)


@click.group()
def agent() -> None:
    """Report an application or a machine to a server."""


@agent.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_SERVER
@_KEY
@click.option("--name", help="Service name; default: OTEL_SERVICE_NAME, else the command's name.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def agent_run(url: str | None, key: str | None, name: str | None, command: tuple[str, ...]) -> None:
    """Start a Python application so that it reports itself: bongsu agent run -- gunicorn shop:app"""
    from bongsu.agent.run import environment_for, run

    run(command, environment_for(os.environ, url=url, key=key, name=name, command=command))
