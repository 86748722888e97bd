"""`bongsu server`: the machines of a project, which may be scraped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.output import show_records

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient

_SERVER = ("hostId", "hostNm", "svrIp", "instanceId", "region", "os")
_LISTED = (*_SERVER, "health", "reason", "heardAt")


@click.group()
def server() -> None:
    """Register, list and remove the servers that may be scraped."""


@server.command("add")
@click.argument("project_id")
@click.argument("host_name")
@click.argument("address")
@click.option("--instance-id", help="Identifier of the machine where it came from.")
@click.option("--region", help="Region code; default: the project's own.")
@click.option(
    "--os", "system", type=click.Choice(["linux", "windows"]), help="Which reserved workspace it belongs to."
)
@admin_option
def add(admin: AdminClient, project_id: str, host_name: str, address: str, **given: str | None) -> None:
    """Register a server of a project by name and address; whatever address that is, its ports may then be scraped."""
    names = {"instance_id": "instanceId", "region": "region", "system": "os"}
    fields = {names[name]: value for name, value in given.items() if value is not None}
    show_records([admin.create_server(project_id, hostNm=host_name, svrIp=address, **fields)], _SERVER)


@server.command("list")
@click.argument("project_id")
@click.option("--deleted", is_flag=True, help="Show servers that were removed lately too.")
@admin_option
def list_servers(admin: AdminClient, project_id: str, *, deleted: bool) -> None:
    """List the servers of a project, and how they are."""
    records = admin.servers(project_id, deleted=deleted)
    show_records([record | record["state"] for record in records], _LISTED)


@server.command("remove")
@click.argument("project_id")
@click.argument("host_id")
@admin_option
def remove(admin: AdminClient, project_id: str, host_id: str) -> None:
    """Remove a server with its collection targets; samples stay."""
    admin.delete_server(project_id, host_id)
