"""`bongsu config`: what the settings are, and what is wrong with them, without starting anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from bongsu.server.config import Settings


@click.group()
def config() -> None:
    """Check the configuration."""


@config.command()
@click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="TOML file of settings."
)
def check(file: Path | None) -> None:
    """
    Explain every mistake in FILE and the environment; exit with 1 if there is one.

    Variables that look like settings but are none are mistakes here, while the server only passes them over.
    """
    mistakes = _mistakes(file)
    for mistake in mistakes:
        click.echo(mistake, err=True)
    if mistakes:
        sys.exit(1)
    click.echo("the configuration is good")


def _mistakes(file: Path | None) -> list[str]:
    from bongsu.server.config import load_settings, stray_variables

    try:
        _try_out(load_settings(file))
    except InvalidInput as error:
        return [*error.message.splitlines(), *stray_variables()]
    return stray_variables()


def _try_out(settings: Settings) -> None:
    """Use what only its use shows to be wrong."""
    from bongsu.server.certificate import load_certificate
    from bongsu.server.options import time_zone
    from bongsu.server.people import first_roles, provider_settings, role_rules

    time_zone(settings)
    if settings.openid.issuer:
        provider_settings(settings.openid)
        role_rules(settings.openid)
        first_roles(settings.openid)
    if settings.server.tls_certificate:
        load_certificate(*settings.server.tls_files)
