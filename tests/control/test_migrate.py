from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import bongsu.control
from bongsu.control.audit import AuditTrail
from bongsu.control.database import Database
from bongsu.control.migrate import migrate, newest_revision
from bongsu.control.tables import Base
from bongsu.control.values import Actor, AuditEntry
from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import ManualClock


def test_migrations_from_empty_give_what_the_tables_say(control_database: Database) -> None:
    with control_database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert [] == compare_metadata(context, Base.metadata)


def test_the_newest_revision_is_the_one_that_the_scripts_lead_to() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(bongsu.control.__file__).parent / "migrations"))

    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()


def test_a_second_run_changes_nothing(control_database: Database) -> None:
    migrate(control_database)

    with control_database.read() as session:
        assert [newest_revision()] == list(session.scalars(text("SELECT version_num FROM alembic_version")))


def test_a_database_of_every_older_version_is_brought_forward_with_its_data(control_url: str) -> None:
    with contextlib.closing(Database(control_url)) as database:
        migrate(database, to="0001")
        with database.write() as session:
            session.execute(
                text(
                    "INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (1, 'admin', 'x', 'y', '{}')"
                )
            )
        migrate(database)
        (entry,) = AuditTrail(database, ManualClock()).newest()

    assert AuditEntry(1, Actor("admin"), "x", "y", None, {}) == entry


KILLED = """
import os, signal, sys
from sqlalchemy import event
from bongsu.control.database import Database
from bongsu.control.migrate import migrate

database, left = Database(sys.argv[1]), int(sys.argv[2])

@event.listens_for(database.engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global left
    left -= statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE"))
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

migrate(database)
"""


@pytest.mark.parametrize("changes", [1, 7, 15])
def test_a_migration_that_is_killed_leaves_the_database_as_it_was(control_url: str, changes: int) -> None:
    with contextlib.closing(Database(control_url)) as database:
        migrate(database, to="0001")
        with database.write() as session:
            session.execute(
                text(
                    "INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (1, 'a', 'x', 'y', '{}')"
                )
            )
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, control_url, str(changes)], stderr=subprocess.PIPE, check=False
    )
    assert -signal.SIGKILL == killed.returncode, killed.stderr.decode()

    with contextlib.closing(Database(control_url)) as database:
        with database.read() as session:
            assert ["0001"] == list(session.scalars(text("SELECT version_num FROM alembic_version")))
        migrate(database)
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert [] == compare_metadata(context, Base.metadata)
        assert 1 == len(AuditTrail(database, ManualClock()).newest())


def test_a_database_of_a_newer_version_is_left_alone(control_database: Database) -> None:
    with control_database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(InvalidInput, match="schema '9999', newer than this program knows"):
        migrate(control_database)


def test_starts_at_the_same_time_migrate_once(control_url: str) -> None:
    databases = [Database(control_url) for _ in range(4)]
    failures: list[BaseException] = []

    def start(database: Database) -> None:
        try:
            migrate(database)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=start, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.close()

    assert [] == failures
