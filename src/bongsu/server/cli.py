"""The `bongsu` command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from rich.console import Console
from rich.table import Table

from bongsu import __version__
from bongsu.model.errors import BongsuError
from bongsu.server.agent_cli import agent, autoscale
from bongsu.server.commands.audit import audit
from bongsu.server.commands.backup import backup, restore
from bongsu.server.commands.config import config
from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.query import query
from bongsu.server.commands.server import server
from bongsu.server.commands.transfer import export, import_
from bongsu.server.commands.tsdb import tsdb
from bongsu.server.commands.user import user
from bongsu.server.commands.workspace import workspace

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient, Record

# Parts that import numba, the database or the web framework are imported by the commands that need them: `bongsu --help`
# answers at once.


class _Commands(click.Group):
    """Commands whose domain errors end the process with their message alone."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BongsuError as error:
            raise click.ClickException(error.message) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bongsu")
def main() -> None:
    """Bongsu: monitoring that collects, stores, answers, draws and alerts, in one program."""


main.add_command(agent)
main.add_command(autoscale)
main.add_command(workspace)
main.add_command(user)
main.add_command(audit)
main.add_command(server)


main.add_command(config)
main.add_command(backup)
main.add_command(restore)
main.add_command(tsdb)
main.add_command(import_)
main.add_command(export)
main.add_command(query)


@main.command()
@click.option("--data", metavar="DIR", help="Folder of everything that is stored.")
@click.option("--listen", metavar="HOST:PORT", help="Address to listen on.  [default: 127.0.0.1:9595]")
@click.option(
    "--config", "file", metavar="FILE", type=click.Path(path_type=Path), help="TOML file of settings."
)
@click.option(
    "--enable-feature",
    "features",
    metavar="NAME,...",
    multiple=True,
    help="Switch on what is off by default.",
)
@click.option(
    "--otlp-grpc-listen",
    "grpc_listen",
    metavar="HOST:PORT",
    help="Address for OTLP over gRPC (usually port 4317); needs the extra grpc.",
)
def serve(
    data: str | None,
    listen: str | None,
    file: Path | None,
    features: tuple[str, ...],
    grpc_listen: str | None,
) -> None:
    """Start the server."""
    from bongsu.server.config import load_settings
    from bongsu.server.serve import run

    flags = {"server.data": data, "server.listen": listen, "otlp.grpc_listen": grpc_listen}
    names = frozenset(name.strip() for item in features for name in item.split(",") if name.strip())
    settings = load_settings(file, flags={k: v for k, v in flags.items() if v is not None}, features=names)
    sys.exit(run(settings))


@main.command()
def warm() -> None:
    """Compile the kernels now, so that the first start is quick; for images and packages."""
    from bongsu.server.kernels import load_kernels

    load_kernels(click.echo)


@main.command("settings")
def show_settings() -> None:
    """List every setting with its default."""
    from bongsu.server.config import setting_rows

    table = Table("setting", "environment", "default", "meaning", box=None)
    for row in setting_rows():
        table.add_row(*row)
    Console().print(table)


def _show(records: list[Record], columns: tuple[str, ...]) -> None:
    """Print records as a table on a terminal and as JSON lines elsewhere, for scripts."""
    if not sys.stdout.isatty():
        for record in records:
            click.echo(json.dumps(record))
        return
    table = Table(*columns, box=None)
    for record in records:
        table.add_row(*(str(record.get(column, "")) for column in columns))
    Console().print(table)


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in (None, (), {})}


def _limits(_ctx: object, _parameter: object, given: tuple[str, ...]) -> dict[str, int | None]:
    """Return limits by name from texts such as ``max_series=1000``; an empty number takes the project's own away."""
    limits: dict[str, int | None] = {}
    for text in given:
        name, equals, number = text.partition("=")
        if not equals or not (number == "" or number.isdecimal()):
            raise click.BadParameter(
                f"{text!r} is not a limit; write NAME=NUMBER, or NAME= for the server's default"
            )
        limits[name] = int(number) if number else None
    return limits


_limit = click.option(
    "--limit",
    "limits",
    metavar="NAME=NUMBER",
    multiple=True,
    callback=_limits,
    help="A limit of the project, 0 for none, as in max_series=50000 or retention_bytes=10000000000. May be repeated.",
)


@main.group()
def project() -> None:
    """Make, list, change and remove projects."""


_PROJECT_COLUMNS = ("projectId", "pcode", "name", "region", "retention")
_NEW_PROJECT_COLUMNS = ("projectId", "pcode", "name", "region", "appkey", "token")


@project.command("create")
@click.argument("name")
@click.option("--region", help="Region code.")
@click.option("--retention", help="How long samples are kept, as in 15d; 0: for ever.")
@_limit
@admin_option
def project_create(
    admin: AdminClient, name: str, region: str | None, retention: str | None, limits: dict[str, int | None]
) -> None:
    """Make a project and show its two keys, this once."""
    fields = _given(region=region, retention=retention, limits=limits)
    _show([admin.create_project(name=name, **fields)], _NEW_PROJECT_COLUMNS)


@project.command("list")
@admin_option
def project_list(admin: AdminClient) -> None:
    """List all projects."""
    _show(admin.projects(), _PROJECT_COLUMNS)


@project.command("update")
@click.argument("project_id")
@click.option("--name", help="New name.")
@click.option("--retention", help="How long samples are kept, as in 15d; 0: for ever.")
@_limit
@admin_option
def project_update(
    admin: AdminClient,
    project_id: str,
    name: str | None,
    retention: str | None,
    limits: dict[str, int | None],
) -> None:
    """Change a project."""
    fields = _given(name=name, retention=retention, limits=limits)
    _show([admin.update_project(project_id, **fields)], _PROJECT_COLUMNS)


@project.command("limits")
@click.argument("project_id")
@admin_option
def project_limits(admin: AdminClient, project_id: str) -> None:
    """List the limits of a project: what holds, what is used, and what they have refused since the server's start."""
    _show(admin.limits(project_id), ("name", "limit", "default", "own", "used", "refused"))


@project.command("export")
@click.argument("project_id")
@admin_option
def project_export(admin: AdminClient, project_id: str) -> None:
    """Print a project as a document for `bongsu project import`: all but its secrets and samples."""
    click.echo(json.dumps(admin.export_project(project_id), indent=1, ensure_ascii=False))


@project.command("import")
@click.argument("file", type=click.File())
@click.option("--name", help="Name of the new project; default: that of the old one.")
@click.option("--check", is_flag=True, help="Only tell how it would go.")
@admin_option
def project_import(admin: AdminClient, file: TextIO, name: str | None, *, check: bool) -> None:
    """Make a project from FILE, - for the standard input, as `bongsu project export` writes it; show its two keys, this once."""
    try:
        document = json.load(file)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="FILE") from error
    report = admin.import_project(document, name=name, check=check)
    for note in report["notes"]:
        click.echo(note, err=True)
    click.echo(", ".join(f"{number} {what}" for what, number in report["counts"].items()), err=True)
    if report["project"] is not None:
        _show([report["project"]], _NEW_PROJECT_COLUMNS)


@project.command("delete")
@click.argument("project_id")
@click.confirmation_option(prompt="This removes the project with all its samples. Go on?")
@admin_option
def project_delete(admin: AdminClient, project_id: str) -> None:
    """Remove a project with all its data."""
    admin.delete_project(project_id)


@main.group()
def key() -> None:
    """Make, list and revoke keys of a project."""


@key.command("create")
@click.argument("project_id")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "write", "manage"]),
    help="May be repeated.",
)
@click.option("--name", help="What the key is for.")
@click.option("--expires", "expires_in", help="Time until it expires, as in 90d; default: never.")
@admin_option
def key_create(
    admin: AdminClient, project_id: str, scopes: tuple[str, ...], name: str | None, expires_in: str | None
) -> None:
    """Make a key and show its secret, this once."""
    fields = _given(scopes=list(scopes) or ["read"], name=name, expiresIn=expires_in)
    _show([admin.create_key(project_id, **fields)], ("keyId", "key", "scopes", "expiresAt"))


@key.command("rotate")
@click.argument("project_id")
@click.argument("key_id")
@click.option("--overlap", default="0", show_default=True, help="How long the old key goes on, as in 1d.")
@admin_option
def key_rotate(admin: AdminClient, project_id: str, key_id: str, overlap: str) -> None:
    """Make a key's successor with the same scopes and show its secret, this once."""
    _show([admin.rotate_key(project_id, key_id, overlap=overlap)], ("keyId", "key", "scopes", "expiresAt"))


@key.command("list")
@click.argument("project_id")
@admin_option
def key_list(admin: AdminClient, project_id: str) -> None:
    """List the keys of a project; secrets are never shown again."""
    _show(admin.keys(project_id), ("keyId", "name", "scopes", "createdAt", "expiresAt"))


@key.command("revoke")
@click.argument("project_id")
@click.argument("key_id")
@admin_option
def key_revoke(admin: AdminClient, project_id: str, key_id: str) -> None:
    """Revoke a key, at once."""
    admin.delete_key(project_id, key_id)
