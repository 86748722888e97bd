"""
The first start: project ``default`` with its keys, and the admin token; a second start finds them again.

The database is the truth and the file is a note of it. A crash between the two, or a lost file, costs nothing: the next start
mints keys for the project that is there.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bongsu.control.credentials import Credentials, read_credentials, write_credentials
from bongsu.control.errors import UnknownProject
from bongsu.control.projects import APP_KEY_NAME, TOKEN_NAME
from bongsu.control.values import ALL_SCOPES, Scope

if TYPE_CHECKING:
    from pathlib import Path

    from bongsu.control.plane import ControlPlane

DEFAULT_PROJECT = "default"
"""Id and name of the first project."""


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """
    What a start found or made.

    Attributes
    ----------
    credentials
        With the admin token that holds now, whether it is kept in the file or given from outside.
    made_project
        Whether this start made the first project: then its credentials are to be shown.
    """

    credentials: Credentials
    made_project: bool


def bootstrap(plane: ControlPlane, folder: Path, *, admin_token: str | None = None) -> Bootstrap:
    """
    Return the credentials of a data folder, making what is missing.

    Parameters
    ----------
    folder
        The data folder; it must exist.
    admin_token
        Given by the operator (``BONGSU_ADMIN_TOKEN``): it holds, and is not written. None: one is kept in the file.
    """
    held = read_credentials(folder) or Credentials()
    wanted, made_project = _with_keys(plane, held)
    if not admin_token and not wanted.admin_token:
        wanted = replace(wanted, admin_token=secrets.token_urlsafe(32))
    if wanted != held:
        write_credentials(folder, wanted)
    return Bootstrap(replace(wanted, admin_token=admin_token or wanted.admin_token), made_project)


def _with_keys(plane: ControlPlane, held: Credentials) -> tuple[Credentials, bool]:
    """Return the credentials with keys that are known, and whether the first project was made for it."""
    if held.appkey and plane.keys.find(held.appkey.partition(".")[0]) is not None:
        return held, False
    try:
        project = plane.projects.get(DEFAULT_PROJECT)
    except UnknownProject:
        if plane.projects.all():
            return held, False  # the operator has removed it: it does not come back
        made = plane.projects.create({"name": DEFAULT_PROJECT}, project_id=DEFAULT_PROJECT)
        project, appkey, token = made.project, made.appkey, made.token
        return _noted(held, project.project_id, project.pcode, appkey, token), True
    appkey = plane.keys.create(project.project_id, name=APP_KEY_NAME, scopes=ALL_SCOPES).text
    token = plane.keys.create(project.project_id, name=TOKEN_NAME, scopes=[Scope.READ]).text
    return _noted(held, project.project_id, project.pcode, appkey, token), False


def _noted(held: Credentials, project_id: str, pcode: int, appkey: str, token: str) -> Credentials:
    return replace(held, project_id=project_id, pcode=pcode, appkey=appkey, token=token)
