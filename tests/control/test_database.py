from __future__ import annotations

import contextlib
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from tests.support.free_port import free_port

from bongsu.control import database as module
from bongsu.control.database import Database, DatabaseUnavailable, sqlite_url
from bongsu.control.migrate import newest_revision
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://u:secret@h/x", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused_without_repeating_a_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:///PATH") as caught:
        Database(url)

    assert ("bad-database-url", False) == (caught.value.id, "secret" in caught.value.message)


def test_the_password_is_not_in_the_representation() -> None:
    with contextlib.closing(Database("postgresql://bongsu:secret@127.0.0.1/bongsu")) as database:
        assert "Database('postgresql+psycopg://bongsu:***@127.0.0.1/bongsu')" == repr(database)


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    url = f"postgresql://bongsu:secret@127.0.0.1:{free_port()}/bongsu"
    with contextlib.closing(Database(url)) as database:
        with pytest.raises(DatabaseUnavailable) as caught, database.read() as session:
            session.execute(text("SELECT 1"))

        assert ("control-database-unavailable", False) == (caught.value.id, "secret" in caught.value.message)


def test_a_write_lock_held_for_too_long_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.01)
    file = tmp_path / "control.db"
    with (
        contextlib.closing(Database(sqlite_url(file))) as database,
        contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable), database.write() as session:
            session.execute(text("SELECT 1"))


def test_a_failed_block_changes_nothing(control_database: Database) -> None:
    with pytest.raises(ZeroDivisionError), control_database.write() as session:
        _delete_and_fail(session)

    with control_database.read() as session:
        assert [newest_revision()] == list(session.scalars(text("SELECT version_num FROM alembic_version")))


def _delete_and_fail(session: Session) -> None:
    session.execute(text("DELETE FROM alembic_version"))
    raise ZeroDivisionError


def test_sqlite_enforces_foreign_keys_and_writes_ahead(tmp_path: Path) -> None:
    with (
        contextlib.closing(Database(sqlite_url(tmp_path / "control.db"))) as database,
        database.read() as session,
    ):
        pragmas = [
            session.scalar(text(f"PRAGMA {name}")) for name in ("foreign_keys", "journal_mode", "synchronous")
        ]

    assert [1, "wal", 2] == pragmas


def test_the_files_of_sqlite_are_for_their_owner_only(tmp_path: Path) -> None:
    with (
        contextlib.closing(Database(sqlite_url(tmp_path / "control.db"))) as database,
        database.write() as session,
    ):
        session.execute(text("CREATE TABLE t (x INTEGER)"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}

    assert {"control.db": 0o600, "control.db-wal": 0o600, "control.db-shm": 0o600} == modes
