"""
The control database: SQLite in the data folder, or PostgreSQL by URL.

A writing transaction on SQLite takes the write lock at its start (``BEGIN IMMEDIATE``): one that starts as a reader and then
writes can be refused for a conflict at any statement, and no time-out helps against that.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from bongsu.control.prepared import Statements, Transaction
from bongsu.model.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import URL, Engine, Select
    from sqlalchemy.pool import PoolProxiedConnection

    from bongsu.control.prepared import Record

BUSY_TIMEOUT_S = 10.0
"""How long a statement waits for another process that holds SQLite's write lock; its transactions take milliseconds."""
_POOL = {"pool_size": 10, "max_overflow": 30, "pool_timeout": 10.0}
"""At most 40 connections: as many as there are worker threads that could ask for one."""
_BEGIN = "bongsu_begin"
_BEGIN_TO_WRITE = "BEGIN IMMEDIATE"
_POSTGRESQL_OPTIONS = "-c lock_timeout=10s -c statement_timeout=30s"
"""A statement here takes milliseconds; one that hangs must give its worker thread back."""
_POSTGRESQL_CONNECT = {"connect_timeout": 5, "tcp_user_timeout": 10_000}
"""Seconds, and milliseconds, after which a server that is gone without a word is given up."""


class DatabaseUnavailable(Unavailable):
    """The control database cannot be reached or is busy for too long; nothing of the call was done."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(
            f"the control database does not answer ({type(cause).__name__}); try again, and check the setting "
            "'server.database' and the disk",
            id="control-database-unavailable",
        )


def sqlite_url(file: Path) -> str:
    """Return the URL of an SQLite database file; its folder must exist."""
    return f"sqlite:///{file.absolute()}"


class Database:
    """
    Engine and sessions of one control database. Safe from any thread.

    Most services work in a session. What scripts and agents call all day runs statements that are compiled once (`rows`,
    `transaction`), at a tenth of its processor time.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST/NAME``.

    Raises
    ------
    InvalidInput
        If the URL is malformed or names another kind of database, or its driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self._url = _parse(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self._url) if self.is_sqlite else _postgresql_engine(self._url)
        self._readers = sessionmaker(self.engine, expire_on_commit=False)
        self._writers = sessionmaker(
            self.engine.execution_options(**{_BEGIN: _BEGIN_TO_WRITE}), expire_on_commit=False
        )
        # SQLite lets waiting writers poll; among threads of one process a lock hands over at once and in fair order.
        self._write_lock: contextlib.AbstractContextManager[Any] = (
            threading.Lock() if self.is_sqlite else contextlib.nullcontext()
        )
        self._statements = Statements(self.engine.dialect)
        driver: Any = self.engine.dialect.loaded_dbapi  # the module of sqlite3 or psycopg
        self._duplicate: type[Exception] = driver.IntegrityError
        self._lost: tuple[type[Exception], ...] = (
            *(OperationalError, InterfaceError, PoolTimeout),
            *(driver.OperationalError, driver.InterfaceError),
        )

    def __repr__(self) -> str:
        return f"Database({self._url.render_as_string(hide_password=True)!r})"

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one consistent state and changes nothing."""
        with self._translated(), self._readers() as session:
            yield session

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that commits at the end of the block, all or nothing."""
        with self._write_lock, self._translated(), self._writers.begin() as session:
            yield session

    def rows(self, statement: Select[*tuple[Any, ...]], **parameters: object) -> list[Record]:
        """Return what one statement finds, a constant of its module with a bound parameter for everything that differs."""
        with self._translated(), self._connection() as connection:
            return self._statements.prepared(statement, parameters).rows(connection.cursor(), parameters)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a transaction that commits at the end of the block, all or nothing, as `write` does."""
        with self._write_lock, self._translated(), self._connection() as connection:
            cursor = connection.cursor()
            if self.is_sqlite:
                cursor.execute(_BEGIN_TO_WRITE)
            yield Transaction(cursor, self._statements, self._duplicate)
            connection.commit()

    @contextlib.contextmanager
    def connect_to_migrate(self) -> Iterator[Connection]:
        """Give a connection in a transaction that no other migration can run beside."""
        engine = self.engine.execution_options(**{_BEGIN: _BEGIN_TO_WRITE})
        with self._translated(), engine.begin() as connection:
            if not self.is_sqlite:
                # A migration may take its time, and so may waiting for another process's.
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _connection(self) -> contextlib.closing[PoolProxiedConnection]:
        """Give a connection of the pool, which undoes what was not committed when it takes the connection back."""
        return contextlib.closing(self.engine.raw_connection())

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._lost as error:
            raise DatabaseUnavailable(error) from error


_MIGRATION_LOCK = 0x62_6F_6E_67_73_75
"""Number of the advisory lock in PostgreSQL: "bongsu" in ASCII, so that it meets nobody else's."""


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text may hold a password: it is not repeated.
        raise InvalidInput(
            "the control database's URL cannot be read; write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME",
            id="bad-database-url",
        ) from None
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return parsed.set(drivername="sqlite+pysqlite")
    raise InvalidInput(
        f"the control database is {parsed.render_as_string(hide_password=True)!r}; it must be a file, sqlite:///PATH, or "
        "postgresql://USER:PASSWORD@HOST/NAME",
        id="bad-database-url",
    )


def _sqlite_engine(url: URL) -> Engine:
    # Made with its mode before SQLite opens it, which gives its log the same; it tells who is monitored, and hashes of keys.
    with contextlib.suppress(FileExistsError, FileNotFoundError):
        os.close(os.open(str(url.database), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **_POOL)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # None: the driver begins nothing by itself, `_begin_sqlite` does.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",  # readers and the writer do not wait for each other
        # A key that was shown must be there after a power cut, and one that was revoked must not come back: every commit waits
        # for the disk, which is most of what a writing call takes.
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _postgresql_engine(url: URL) -> Engine:
    given = url.query.get("options", "")
    options = f"{given if isinstance(given, str) else ' '.join(given)} {_POSTGRESQL_OPTIONS}".strip()
    try:
        return create_engine(
            url.update_query_dict({"options": options}),
            connect_args=_POSTGRESQL_CONNECT,
            pool_pre_ping=True,
            **_POOL,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InvalidInput(
            "PostgreSQL needs its driver; install it with: pip install 'bongsu[postgresql]'",
            id="bad-database-url",
        ) from error
