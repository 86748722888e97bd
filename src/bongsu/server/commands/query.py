"""`bongsu query`: an expression's value as a table, or drawn as a chart, or as JSON for scripts."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from bongsu.client.results import Result, Series

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_white", "bright_black")
_MOST_LINES = 8
"""Series that are drawn: as many as there are colours. All are in the table and in JSON."""

_MOST_ROWS = 1_000
"""Rows of a table for people; --json has all."""

_CHART_HEIGHT = 18


@click.command()
@click.argument("expression")
@click.option("--time", "moment", help="Moment of the value: Unix seconds, RFC 3339, -1h.  [default: now]")
@click.option("--start", help="Begin of a range, as --time; the values are drawn.")
@click.option("--end", help="End of the range.  [default: now]")
@click.option("--step", help="Time between two values, as in 15s.  [default: a 250th of the range]")
@click.option(
    "--url",
    default="http://127.0.0.1:9595",
    envvar="BONGSU_URL",
    show_default=True,
    help="Address of the server (BONGSU_URL).",
)
@click.option(
    "--key",
    envvar="BONGSU_KEY",
    help="Key of the project (BONGSU_KEY); left out, that of the first project is read from the data folder's credentials.",
)
@click.option("--project", default="", help="ProjectId that the key must be of.")
@click.option("--json", "as_json", is_flag=True, help="Print series as JSON lines, for scripts.")
@click.option("--explain", is_flag=True, help="Evaluate, and print the plan with what each step cost.")
@click.option("--table/--chart", "as_table", default=None, help="How a range is shown.  [default: chart]")
def query(
    expression: str,
    moment: str | None,
    start: str | None,
    end: str | None,
    step: str | None,
    url: str,
    key: str | None,
    project: str,
    as_json: bool,
    explain: bool,
    as_table: bool | None,
) -> None:
    """
    Show the value of the PromQL EXPRESSION: now, at --time, or over a range from --start on.

    In a pipe, and with --json, every series is a line of JSON.
    """
    from bongsu.client.client import Client

    ranged = any(option is not None for option in (start, end, step))
    if ranged and moment is not None:
        raise click.UsageError(
            "--time is one moment, --start, --end and --step are a range; give one or the other"
        )
    with Client(url, key or _first_key(), project=project) as client:
        if explain:
            begin = (start or "-1h") if ranged else None
            for line in client.explain(expression, time=moment, start=begin, end=end or "now", step=step):
                click.echo(line)
            return
        result = (
            client.query_range(expression, start=start or "-1h", end=end or "now", step=step)
            if ranged
            else client.query(expression, time=moment)
        )
    for note in (*result.warnings, *result.infos):
        click.echo(note, err=True)
    _show(result, as_json=as_json or not sys.stdout.isatty(), as_table=bool(as_table))


def _first_key() -> str:
    """Return the key of the first project, which the server keeps beside its data."""
    from bongsu.control.credentials import read_credentials

    folder = Path(os.environ.get("BONGSU_SERVER_DATA", "bongsu-data"))
    credentials = read_credentials(folder)
    if credentials is None:
        raise click.UsageError(
            f"no key: --key and BONGSU_KEY are not given, and {folder}/credentials.json is not there; give a key of the project, "
            "or set BONGSU_SERVER_DATA to the server's data folder"
        )
    return credentials.appkey


def _show(result: Result, *, as_json: bool, as_table: bool) -> None:
    if as_json:
        for record in _records(result):
            click.echo(json.dumps(record, ensure_ascii=False))
        return
    console = Console()
    if result.kind == "string":
        console.print(result.text, markup=False)
    elif not result.series:
        console.print("no series: nothing matches the expression at this time")
    elif result.kind == "matrix" and not as_table:
        _print_chart(console, result.series)
    else:
        _print_table(console, result)


def _records(result: Result) -> list[dict[str, Any]]:
    """Return a record for each series, with values as texts: JSON has no NaN and no infinity."""
    if result.kind == "string":
        return [{"value": result.text}]
    records: list[dict[str, Any]] = []
    for one in result.series:
        record: dict[str, Any] = {"metric": dict(one.labels)}
        if len(one.values):
            record["values"] = [
                [at / 1000, _text(value)]
                for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True)
            ]
        if one.histograms:
            record["histograms"] = [[at / 1000, value] for at, value in one.histograms]
        records.append(record)
    return records


def _print_table(console: Console, result: Result) -> None:
    table = Table("series", "time", "value", box=None)
    table.columns[2].justify = "right"
    rows = [(one.name, at, value) for one in result.series for at, value in _points(one)]
    for name, at, value in rows[:_MOST_ROWS]:
        moment = datetime.fromtimestamp(at / 1000, UTC)
        table.add_row(Text(name), f"{moment:%Y-%m-%d %H:%M:%S}", value)
    console.print(table)
    if len(rows) > _MOST_ROWS:
        console.print(f"and {len(rows) - _MOST_ROWS:,} rows more; --json has them all")


def _points(one: Series) -> list[tuple[int, str]]:
    floats = [(at, _text(value)) for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True)]
    histograms = [
        (at, f"histogram: count {value.get('count')}, sum {value.get('sum')}") for at, value in one.histograms
    ]
    return sorted([*floats, *histograms])


def _print_chart(console: Console, series: tuple[Series, ...]) -> None:
    from bongsu.client.chart import draw_chart

    # The largest at the end are what a reader looks for; they also lie on top.
    shown = sorted(series, key=_last_value)[-_MOST_LINES:]
    lines = draw_chart(shown, width=console.width, height=min(_CHART_HEIGHT, console.height - _MOST_LINES))
    if not lines:
        console.print("the series have no finite values; --table shows them")
        return
    for line in lines:
        text = Text(no_wrap=True, overflow="crop")
        for cell in line:
            text.append(cell.text, style=_colour(cell.series) if cell.series is not None else "dim")
        console.print(text)
    for number, one in reversed(list(enumerate(shown))):
        last = _text(float(one.values[-1])) if len(one.values) else ""
        console.print(
            Text.assemble(("━━ ", _colour(number)), one.name, ("  " + last, "bold")), soft_wrap=True
        )
    if len(series) > len(shown):
        console.print(
            f"and {len(series) - len(shown):,} series more, with smaller last values; --table shows them"
        )


def _last_value(one: Series) -> float:
    value = float(one.values[-1]) if len(one.values) else float("-inf")
    return value if value == value else float("-inf")


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _text(value: float) -> str:
    """Return a value as the API writes it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")
