"""What commands print: tables and progress bars on a terminal, JSON lines and nothing else in a pipe."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Record = dict[str, Any]


class Bar(Protocol):
    """A progress bar, or nothing that looks like one."""

    def __call__(self, done: float, words: str = "") -> None:
        """Show how much is done, and what is being done."""
        ...


def show_records(records: Sequence[Mapping[str, Any]], columns: Sequence[str], *, title: str = "") -> None:
    """Print records as a table on a terminal and as JSON lines elsewhere."""
    if not sys.stdout.isatty():
        for record in records:
            click.echo(json.dumps(record, ensure_ascii=False))
        return
    table = Table(box=None, title=title or None, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # a number that is cut off is none
    for record in records:
        table.add_row(*("" if record.get(column) is None else str(record[column]) for column in columns))
    Console().print(table)


@contextlib.contextmanager
def progress_bar(what: str, total: float | None) -> Iterator[Bar]:
    """Show progress on the standard error while it is a terminal; `total` None when it is not known."""
    if not sys.stderr.isatty():
        yield lambda done, words="": None  # noqa: ARG005 - the Protocol's names
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn() if total is not None else TextColumn("{task.completed:,.0f}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=total, words="")

        def show(done: float, words: str = "") -> None:
            bars.update(task, completed=done, words=words)

        yield show
