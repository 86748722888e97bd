"""`bongsu audit`: who changed what, when, and from where."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bongsu.client.people import PeopleClient
from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput
from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.output import show_records

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient

_COLUMNS = ("at", "actor", "address", "action", "subject", "projectId", "detail")


def _moment(_ctx: object, _parameter: object, text: str | None) -> str | None:
    """Return a time as the API takes it, from one with its zone or from a duration that it lies back."""
    if text is None:
        return None
    try:
        back = parse_duration(text)
    except InvalidInput:
        pass
    else:
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() - back / 1000, UTC).isoformat()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time; write 2026-11-23T10:00:00Z, or 1d for a day ago"
        ) from error
    return (moment if moment.tzinfo else moment.astimezone()).isoformat()


@click.command()
@click.option("--project", "project_id", metavar="PROJECT", help="Only of this project.")
@click.option("--actor", help="Only by user:NAME, key:ID, admin, system or nobody.")
@click.option(
    "--action",
    help="Only this action, as key.create; with a dot at its end all that begin so, as 'session.'.",
)
@click.option("--subject", help="Only about this: a name or an id.")
@click.option("--address", help="Only from this address.")
@click.option(
    "--since", callback=_moment, metavar="TIME", help="Not older: a time, or a duration such as 1d."
)
@click.option("--until", callback=_moment, metavar="TIME", help="Older: a time, or a duration.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Most entries.")
@admin_option
def audit(admin: AdminClient, project_id: str | None, limit: int, **wanted: str | None) -> None:
    """List who changed what, when and from where, the newest first: changes, sign-ins and refused ones."""
    entries = PeopleClient(admin).audit(most=limit, project_id=project_id, **wanted)
    show_records(
        [entry | {"detail": json.dumps(entry["detail"], ensure_ascii=False)} for entry in entries], _COLUMNS
    )
