"""`bongsu workspace`: the workspaces of a project, their targets, and how these are scraped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

import click

from bongsu.model.errors import NotFound
from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.output import show_records

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient

_WORKSPACES = ("jobId", "jobName", "region", "metricsPath", "scrape")
_TARGETS = ("targetId", "hostNm", "svrIp", "port", "health", "reason", "scrape")

_TRIAL = ("health", "httpStatus", "samples", "durationMs", "reason", "url")

_job = click.argument("workspace", metavar="WORKSPACE")


@click.group()
def workspace() -> None:
    """List workspaces and their targets; show and change how they are scraped. WORKSPACE is a jobId or a name."""


@workspace.command("list")
@click.argument("project_id")
@admin_option
def list_workspaces(admin: AdminClient, project_id: str) -> None:
    """List the workspaces of a project with their scrape options."""
    show_records(admin.workspaces(project_id), _WORKSPACES)


@workspace.command("targets")
@click.argument("project_id")
@_job
@admin_option
def list_targets(admin: AdminClient, project_id: str, workspace: str) -> None:
    """List the targets of a workspace with their state and their own scrape options."""
    show_records(admin.workspace_targets(project_id, _job_id(admin, project_id, workspace)), _TARGETS)


@workspace.command("test")
@click.argument("project_id")
@_job
@click.argument("server")
@click.argument("port", type=click.IntRange(1, 65_535))
@click.pass_context
@admin_option
def test_target(
    ctx: click.Context, admin: AdminClient, project_id: str, workspace: str, server: str, port: int
) -> None:
    """
    Scrape a port of a SERVER (hostId or name) once with the workspace's options, and tell how it went.

    Nothing is stored. The exit status is 0 when the target answers well, and 1 when it does not.
    """
    hosts = [s["hostId"] for s in admin.servers(project_id) if server in {s["hostId"], s["hostNm"]}]
    if len(hosts) != 1:
        raise click.UsageError(
            f"{len(hosts)} servers are named {server!r}; 'bongsu server list {project_id}' shows their hostIds"
        )
    trial = admin.test_target(project_id, _job_id(admin, project_id, workspace), hosts[0], port)
    show_records([trial], _TRIAL)
    ctx.exit(0 if trial["health"] == "up" else 1)


@workspace.command()
@click.argument("project_id")
@_job
@click.option(
    "--target",
    "target_id",
    metavar="TARGETID",
    help="Options of this target alone, instead of the workspace's.",
)
@click.option(
    "--set",
    "change",
    metavar="JSON",
    help="Change single options, as in '{\"honor_labels\": true}'; null removes one.",
)
@click.option(
    "--file",
    "file",
    type=click.File(),
    help="Replace all options by those of a JSON file; - is the standard input.",
)
@click.option("--remove", is_flag=True, help="Remove all options.")
@admin_option
def scrape(
    admin: AdminClient,
    project_id: str,
    workspace: str,
    target_id: str | None,
    change: str | None,
    file: TextIO | None,
    remove: bool,
) -> None:
    """
    Show the scrape options of a workspace or of one target, or change them.

    The options are those of a Prometheus scrape_config. Secrets are shown as <secret>; sent back so, they stay as they are.
    """
    if (change is not None) + (file is not None) + remove > 1:
        raise click.UsageError("--set, --file and --remove exclude each other")
    place = (project_id, _job_id(admin, project_id, workspace), target_id)
    if remove:
        admin.remove_scrape_options(*place)
        return
    if change is not None:
        shown = admin.merge_scrape_options(*place, _object(change, "--set"))
    elif file is not None:
        shown = admin.replace_scrape_options(*place, _object(file.read(), "--file"))
    else:
        shown = admin.scrape_options(*place)
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


def _job_id(admin: AdminClient, project_id: str, workspace: str) -> str:
    """Return the jobId of a workspace that is named by it or by its name."""
    found = [w["jobId"] for w in admin.workspaces(project_id) if workspace in {w["jobId"], w["jobName"]}]
    if len(found) > 1:
        raise click.UsageError(
            f"{len(found)} regions have a workspace {workspace!r}; name it by its jobId: {', '.join(found)}"
        )
    if not found:
        raise NotFound(
            f"the project has no workspace {workspace!r}; 'bongsu workspace list {project_id}' shows them"
        )
    job_id: str = found[0]
    return job_id


def _object(text: str, option: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint=option) from error
    if not isinstance(value, dict):
        raise click.BadParameter("send a JSON object", param_hint=option)
    return value
