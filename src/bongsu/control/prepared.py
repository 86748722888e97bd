"""
Statements that are compiled once for a database, and run on its driver's own cursor.

A session that builds, caches and maps a statement costs a millisecond of the processor beside the twenty microseconds that the
database takes for it; the calls that scripts make all day are worth the difference, and the others are not.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Select

from bongsu.control.errors import AlreadyExists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Dialect, Executable
    from sqlalchemy.engine.interfaces import DBAPICursor

Record = tuple[Any, ...]
"""A row in the order of the statement's columns; of any types, as the tables have them."""


class Reading(Protocol):
    """Where rows are read: a database, where each statement sees the newest state, or a transaction."""

    def rows(self, statement: Select[*tuple[Any, ...]], **parameters: object) -> list[Record]:
        """Return what a statement finds."""
        ...


class Prepared:
    """
    A statement as its driver takes it.

    Parameters
    ----------
    names
        The parameters that every run gives: columns of an insertion or update, and bound parameters of conditions.
    """

    def __init__(self, statement: Executable, dialect: Dialect, names: Sequence[str]) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names))  # type: ignore[attr-defined]
        self._text = str(compiled)
        self._constants: dict[str, object] = compiled.params
        # Drivers take parameters by place or by name.
        self._order: Sequence[str] | None = compiled.positiontup
        self._binders = _processors(
            {name: bind.type for name, bind in compiled.binds.items()}, "bind", dialect
        )
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        self._readers = _processors({i: column.type for i, column in enumerate(columns)}, "result", dialect)

    def run(self, cursor: DBAPICursor, parameters: Mapping[str, object]) -> None:
        """Run the statement."""
        values = {**self._constants, **parameters}
        for name, bound in self._binders:
            values[name] = bound(values[name])
        cursor.execute(
            self._text, values if self._order is None else tuple(values[name] for name in self._order)
        )

    def rows(self, cursor: DBAPICursor, parameters: Mapping[str, object]) -> list[Record]:
        """Run the statement and return what it finds."""
        self.run(cursor, parameters)
        found: list[Record] = list(cursor.fetchall())
        return [self._read(row) for row in found] if self._readers else found

    def _read(self, row: Record) -> Record:
        values = list(row)
        for place, read in self._readers:
            values[place] = read(values[place])
        return tuple(values)


class Statements:
    """The statements of one kind of database, each compiled when it is run first. Safe from any thread."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # By the statement itself: those that are given here live as long as the program.
        self._prepared: dict[Executable, Prepared] = {}

    def prepared(self, statement: Executable, parameters: Mapping[str, object]) -> Prepared:
        """Return a statement as its driver takes it; two threads may compile it, and either result is good."""
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = Prepared(statement, self._dialect, [*parameters])
        return found


class Transaction:
    """
    A writing transaction on the driver's own cursor; belongs to one thread.

    Statements are constants of modules, with a bound parameter for everything that differs.
    """

    def __init__(self, cursor: DBAPICursor, statements: Statements, duplicate: type[Exception]) -> None:
        self._cursor = cursor
        self._statements = statements
        self._duplicate = duplicate

    def rows(self, statement: Select[*tuple[Any, ...]], **parameters: object) -> list[Record]:
        """Return what a statement finds."""
        return self._statements.prepared(statement, parameters).rows(self._cursor, parameters)

    def run(self, statement: Executable, **parameters: object) -> None:
        """Run a statement that finds nothing. An insertion gives a value for every column that has no default of the database."""
        self._statements.prepared(statement, parameters).run(self._cursor, parameters)

    @contextlib.contextmanager
    def refusing_duplicates(self, message: str) -> Iterator[None]:
        """Raise AlreadyExists when the database finds a value taken that a statement of the block writes."""
        try:
            yield
        except self._duplicate as error:
            raise AlreadyExists(message) from error


def _processors(
    types: Mapping[Any, Any], kind: str, dialect: Dialect
) -> list[tuple[Any, Callable[[Any], Any]]]:
    """Return what turns values of the tables' types into the driver's, or back; most are the same."""
    found = []
    for key, declared in types.items():
        own = declared.dialect_impl(dialect)
        change = own.bind_processor(dialect) if kind == "bind" else own.result_processor(dialect, None)
        if change is not None:
            found.append((key, change))
    return found
