"""Bringing a control database to the newest schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

    from bongsu.control.database import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database, *, to: str = "head") -> None:
    """
    Bring the database to the newest schema, from empty or any older one, in one transaction.

    Parameters
    ----------
    to
        An older revision to stop at, for tests of what follows.

    Raises
    ------
    InvalidInput
        If a newer version of this program has changed the database.
    """
    with database.connect_to_migrate() as connection:
        found = _revision_of(connection)
    if found != newest_revision():
        _upgrade(database, to)


def newest_revision() -> str:
    """Return the newest schema that this program knows, by the names of the scripts: they begin with their revision."""
    return max(script.name for script in (_SCRIPTS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _revision_of(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(database: Database, to: str) -> None:
    # Imported here: it takes a tenth of a start, and most starts have nothing to bring forward. Not while the database is
    # locked, so that starts at the same time don't wait for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    with database.connect_to_migrate() as connection:
        _refuse_newer(_revision_of(connection), ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def _refuse_newer(found: str | None, script: ScriptDirectory) -> None:
    if found is not None and found not in {revision.revision for revision in script.walk_revisions()}:
        raise InvalidInput(
            f"the control database has schema {found!r}, newer than this program knows "
            f"({script.get_current_head()!r}); start the version that wrote it, or restore an older backup",
            id="control-database-newer",
        )
