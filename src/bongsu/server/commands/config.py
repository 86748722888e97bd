"""`bongsu config`: what the settings are, and what is wrong with them, without starting anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.server.settings import Settings


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
        settings = load_settings(file)
    except InvalidInput as error:
        return [*error.message.splitlines(), *stray_variables()]
    return [*_tried_out(settings), *stray_variables()]


def _tried_out(settings: Settings) -> list[str]:
    """Return what only their use shows to be wrong with settings: every mistake, not the first one alone."""
    mistakes = []
    for use in _uses(settings):
        try:
            use()
        except InvalidInput as error:
            mistakes.append(error.message)
    return mistakes


def _uses(settings: Settings) -> Iterator[Callable[[], object]]:
    from bongsu.control.database import Database
    from bongsu.server.certificate import load_certificate
    from bongsu.server.options import time_zone
    from bongsu.server.people import first_roles, provider_settings, role_rules

    yield lambda: time_zone(settings)
    if settings.server.database:
        # Nothing is connected to: the database may run where this command does not reach it.
        yield lambda: Database(settings.server.database).close()
    if settings.openid.issuer:
        yield lambda: provider_settings(settings.openid)
        yield lambda: role_rules(settings.openid)
        yield lambda: first_roles(settings.openid)
    if settings.server.tls_certificate:
        yield lambda: load_certificate(*settings.server.tls_files)
