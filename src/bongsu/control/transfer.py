"""Copies a whole control database into an empty one of either kind: what backups and a move to PostgreSQL are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bongsu.control.layout_table import LayoutRow
from bongsu.control.migrate import migrate
from bongsu.control.people_tables import MembershipRow, SessionRow, UserRow
from bongsu.control.tables import Base
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from bongsu.control.database import Database

_ROWS_AT_ONCE = 1_000
_BESIDE = (LayoutRow, UserRow, MembershipRow, SessionRow)
"""Tables that stand in modules of their own: all of them are known before any is copied."""
_LEFT_OUT = frozenset({SessionRow.__tablename__})
"""People sign in again: a copy that is put in place later must not bring back what was ended since."""


def copy_database(source: Database, target: Database) -> int:
    """
    Copy every row of `source`, as of one moment, into `target`, which is brought to the newest schema, and return their number.

    Sessions and one-time links are left out.

    Numbers that were given out once are not given out again in the copy either.

    Raises
    ------
    InvalidInput
        If the target holds a project already.
    """
    migrate(target)
    with source.engine.connect() as reader, target.engine.begin() as writer:
        _see_one_moment(source, reader)
        _require_empty(writer)
        tables = [table for table in Base.metadata.sorted_tables if table.name not in _LEFT_OUT]
        copied = sum(_copy_table(reader, writer, table) for table in tables)
        for table in tables:
            column = table.autoincrement_column
            if column is not None:
                _continue_numbering(writer, column, _last_number(reader, column))
    return copied


def _see_one_moment(source: Database, reader: sa.Connection) -> None:
    """Begin a transaction whose statements all see the same state; SQLite's do so by themselves."""
    if not source.is_sqlite:
        reader.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def _require_empty(writer: sa.Connection) -> None:
    projects = Base.metadata.tables["projects"]
    if writer.execute(sa.select(sa.func.count()).select_from(projects)).scalar():
        raise InvalidInput(
            "the target database has projects already; name an empty one, nothing was changed",
            id="database-not-empty",
        )


def _copy_table(reader: sa.Connection, writer: sa.Connection, table: sa.Table) -> int:
    copied = 0
    rows = reader.execution_options(yield_per=_ROWS_AT_ONCE).execute(sa.select(table))
    for part in rows.mappings().partitions(_ROWS_AT_ONCE):
        writer.execute(sa.insert(table), [dict(row) for row in part])
        copied += len(part)
    return copied


def _last_number(reader: sa.Connection, column: sa.Column[int]) -> int:
    """Return the last number that a column gave out, also to a row that is gone; 0 for none."""
    table = column.table
    if reader.dialect.name == "sqlite":
        query = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=str(table))
    else:
        query = sa.text(
            "SELECT last_value FROM pg_sequences WHERE schemaname = current_schema() AND sequencename = :name"
        ).bindparams(name=f"{table}_{column.name}_seq")
    return reader.execute(query).scalar() or 0


def _continue_numbering(writer: sa.Connection, column: sa.Column[int], last: int) -> None:
    if last == 0:
        return
    table = str(column.table)
    if writer.dialect.name == "sqlite":
        writer.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
        statement = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
    else:
        statement = sa.text("SELECT setval(pg_get_serial_sequence(:name, :column), :last)").bindparams(
            column=column.name
        )
    writer.execute(statement, {"name": table, "last": last})
