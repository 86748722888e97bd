"""`bongsu backup` and `bongsu restore`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.output import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from bongsu.client.admin import AdminClient
    from bongsu.server.commands.output import Bar
    from bongsu.server.restore import BackupContent

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@_file
@admin_option
def backup(admin: AdminClient, file: Path) -> None:
    """Save everything that a running server stores in FILE, and check it."""
    with progress_bar("saving", None) as bar:
        admin.backup(file, _sum(bar))
    click.echo(f"{file} is good: {_described(_checked(file))}")


@click.command()
@_file
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="New data folder of the server.",
)
@click.option("--database", default="", metavar="URL", help="Empty PostgreSQL database for the control data.")
@click.option("--check", is_flag=True, help="Only check the backup.")
def restore(file: Path, data: Path | None, database: str, *, check: bool) -> None:
    """Make DIR, which must be new or empty, the data folder that the backup in FILE was made of."""
    if check:
        click.echo(f"{file} is good: {_described(_checked(file))}")
        return
    if data is None:
        raise click.UsageError("give --data DIR, the new data folder, or --check")
    from bongsu.server.restore import restore as restore_backup

    with _reading(file, "restoring") as bar:
        content = restore_backup(file, data.absolute(), database=database, progress=_sum(bar))
    click.echo(f"{data} is ready: {_described(content)}")


def _checked(file: Path) -> BackupContent:
    from bongsu.server.restore import check_backup

    with _reading(file, "checking") as bar:
        return check_backup(file, _sum(bar))


def _reading(file: Path, what: str) -> AbstractContextManager[Bar]:
    return progress_bar(what, file.stat().st_size if file.exists() else None)


def _sum(bar: Bar) -> Callable[[int], None]:
    """Return what adds up parts for a bar that shows the whole."""
    done = 0

    def add(part: int) -> None:
        nonlocal done
        done += part
        bar(done)

    return add


def _described(content: BackupContent) -> str:
    made = datetime.fromtimestamp(content.created_ms / 1000, UTC)
    return f"{content.files} files, {content.bytes:,} bytes, made {made:%Y-%m-%d %H:%M:%S} UTC by version {content.version}"
