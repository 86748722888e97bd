"""`bongsu user`: who may sign in, with which roles, and from where they are signed in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from bongsu.client.people import PeopleClient
from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.output import show_records

if TYPE_CHECKING:
    from bongsu.client.admin import AdminClient, Record

_COLUMNS = ("name", "displayName", "everywhere", "roles", "enabled", "hasPassword", "openid", "signedInAt")
_SESSIONS = ("sessionId", "method", "since", "lastUsed", "address", "client")

_name = click.argument("name")
_role = click.option(
    "--role",
    "roles",
    metavar="PROJECT=ROLE",
    multiple=True,
    help="viewer, editor or owner of a project, as in shop=editor; * stands for all projects. May be repeated.",
)


@click.group()
def user() -> None:
    """Add, list, change and remove the people who sign in to the console. NAME is a user's name or userId."""


@user.command("add")
@_name
@_role
@click.option("--administrator", is_flag=True, help="May do everything on this server.")
@click.option("--display-name", help="What others see; default: the name.")
@click.option(
    "--password",
    "wants_password",
    is_flag=True,
    help="Ask for a password, or read it from the standard input.",
)
@admin_option
def add(
    admin: AdminClient,
    name: str,
    roles: tuple[str, ...],
    administrator: bool,
    display_name: str | None,
    wants_password: bool,
) -> None:
    """Make a user. Without --password a one-time link is shown, with which they choose one."""
    from bongsu.control.roles import EVERYWHERE

    given = _assignments((*roles, "administrator") if administrator else roles)
    fields: dict[str, object] = {"name": name, "everywhere": given.pop(EVERYWHERE, None), "roles": given}
    if display_name is not None:
        fields["displayName"] = display_name
    if wants_password:
        fields["password"] = _ask_password()
    made = PeopleClient(admin).create(**fields)
    link = made.get("link") or {}
    show_records(
        [made | {"link": link.get("url"), "linkExpiresAt": link.get("expiresAt")}],
        ("name", "everywhere", "roles", "link"),
    )


@user.command("list")
@admin_option
def list_users(admin: AdminClient) -> None:
    """List all users with their roles."""
    show_records(PeopleClient(admin).users(), _COLUMNS)


@user.command("remove")
@_name
@click.confirmation_option(prompt="This removes the user with all roles and sessions. Go on?")
@admin_option
def remove(admin: AdminClient, name: str) -> None:
    """Remove a user."""
    people = PeopleClient(admin)
    people.delete(people.find(name)["userId"])


@user.command("password")
@_name
@click.option(
    "--link",
    "wants_link",
    is_flag=True,
    help="Show a one-time link to choose it, instead of asking for it here.",
)
@admin_option
def password(admin: AdminClient, name: str, wants_link: bool) -> None:
    """Give a user a new password, asked for here or read from the standard input; all their sessions end."""
    people = PeopleClient(admin)
    user_id = people.find(name)["userId"]
    if wants_link:
        show_records([people.invite(user_id)], ("url", "expiresAt"))
        return
    people.set_password(user_id, _ask_password())


@user.command("role")
@_name
@click.argument("assignments", metavar="PROJECT=ROLE...", nargs=-1, required=True)
@admin_option
def role(admin: AdminClient, name: str, assignments: tuple[str, ...]) -> None:
    """Give roles, as in `shop=editor`, `*=viewer` for all projects, or `administrator`; `shop=` takes one away."""
    from bongsu.control.roles import EVERYWHERE

    people, given = PeopleClient(admin), _assignments(assignments)
    user_id = people.find(name)["userId"]
    for project_id, wanted in given.items():
        if project_id == EVERYWHERE:
            people.update(user_id, everywhere=wanted)
        elif wanted is None:
            people.take_role(project_id, user_id)
        else:
            people.give_role(project_id, user_id, wanted)
    show_records([people.find(user_id)], _COLUMNS)


@user.command("disable")
@_name
@admin_option
def disable(admin: AdminClient, name: str) -> None:
    """Sign a user out and let them in no more; roles stay."""
    _enable(admin, name, enabled=False)


@user.command("enable")
@_name
@admin_option
def enable(admin: AdminClient, name: str) -> None:
    """Let a user sign in again."""
    _enable(admin, name, enabled=True)


@user.command("sessions")
@_name
@click.option("--end", "session_id", metavar="SESSION_ID", help="Sign this browser out.")
@click.option("--end-all", is_flag=True, help="Sign all browsers out, and void one-time links.")
@admin_option
def sessions(admin: AdminClient, name: str, session_id: str | None, end_all: bool) -> None:
    """List the browsers that are signed in as a user, or end sessions."""
    people = PeopleClient(admin)
    user_id = people.find(name)["userId"]
    if session_id is not None or end_all:
        people.end_session(user_id, None if end_all else session_id)
        return
    show_records([_shown(one) for one in people.sessions(user_id)], _SESSIONS)


def _enable(admin: AdminClient, name: str, *, enabled: bool) -> None:
    people = PeopleClient(admin)
    people.update(people.find(name)["userId"], enabled=enabled)


def _assignments(texts: tuple[str, ...]) -> dict[str, Any]:
    from bongsu.control.roles import parse_assignment

    return dict(parse_assignment(text) for text in texts)


def _ask_password() -> str:
    """Return a password that is typed twice at a terminal, or is the first line of a pipe; never an argument, which others see."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _shown(session: Record) -> Record:
    return session | {"since": _time(session["createdMs"]), "lastUsed": _time(session["seenMs"])}


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
