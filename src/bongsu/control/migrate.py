"""Bringing a control database to the newest schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
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
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with database.connect_to_migrate() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found == script.get_current_head():
            return
        if found is not None and found not in {revision.revision for revision in script.walk_revisions()}:
            raise InvalidInput(
                f"the control database has schema {found!r}, newer than this program knows "
                f"({script.get_current_head()!r}); start the version that wrote it, or restore an older backup",
                id="control-database-newer",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, to)
