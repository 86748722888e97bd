"""
The file that tells an operator the first project's keys and the admin token: ``credentials.json``, mode 0600.

Light enough for the command line: nothing here needs the database.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput
from bongsu.runtime.files import sync_folder

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    What the file holds; empty texts for what it does not.

    Attributes
    ----------
    appkey
        Key of the first project with all scopes.
    token
        Key of the first project that may read.
    admin_token
        Opens the admin API; empty in the file while the environment gives it.
    """

    project_id: str = ""
    pcode: int = 0
    appkey: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    admin_token: str = field(default="", repr=False)


def credentials_file(folder: Path) -> Path:
    """Return where a data folder keeps its credentials."""
    return folder / FILE_NAME


def read_credentials(folder: Path) -> Credentials | None:
    """
    Return the credentials of a data folder, None when there are none yet.

    Raises
    ------
    InvalidInput
        If the file is damaged.
    """
    file = credentials_file(folder)
    try:
        held = json.loads(file.read_bytes())
        return Credentials(
            str(held.get("projectId", "")),
            int(held.get("pcode", 0)),
            str(held.get("appkey", "")),
            str(held.get("token", "")),
            str(held.get("adminToken", "")),
        )
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, TypeError) as error:
        raise InvalidInput(
            f"{file} cannot be read as credentials ({type(error).__name__}); move it away: the next start makes new ones",
            id="bad-credentials-file",
        ) from error


def write_credentials(folder: Path, credentials: Credentials) -> None:
    """Write the file so that nobody else can read it at any moment, and a crash leaves the old or the new one."""
    file = credentials_file(folder)
    content = {
        "projectId": credentials.project_id,
        "pcode": credentials.pcode,
        "appkey": credentials.appkey,
        "token": credentials.token,
        "adminToken": credentials.admin_token,
    }
    temporary = file.with_name(f".{FILE_NAME}.{secrets.token_hex(4)}")
    # Made with its mode: a change afterwards would leave a moment in which others can open it.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            json.dump(content, stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(folder)
