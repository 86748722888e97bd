"""`bongsu import` and `bongsu export`: samples and set-ups of other systems come in, samples go out."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bongsu.server.commands.connection import admin_option
from bongsu.server.commands.output import progress_bar, show_records
from bongsu.server.commands.project_calls import key_of, key_option, url_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bongsu.client.admin import AdminClient
    from bongsu.client.transfer.prometheus import MessageSink
    from bongsu.client.transfer.summary import Sink, Summary

_SHOWN_FAULTS = 20


@click.group("import")
def import_() -> None:
    """Bring in samples from files and from a running Prometheus, and the set-up of one."""


def _target(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where samples go."""
    options = (
        click.option(
            "--data",
            metavar="DIR",
            type=click.Path(path_type=Path, file_okay=False),
            help="Write straight into the data folder of a stopped server.",
        ),
        click.option(
            "--project", metavar="ID", help="With --data: the project; not needed when there is only one."
        ),
        click.option(
            "--cursor",
            "cursor_file",
            metavar="FILE",
            type=click.Path(path_type=Path, dir_okay=False),
            help="Keeps how far the import got, so that the same command goes on after an interruption.",
        ),
        key_option,
        url_option,
    )
    for option in options:
        command = option(command)
    return command


@import_.command()
@click.argument("source")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["auto", "json", "openmetrics", "prometheus"]),
    default="auto",
    show_default=True,
    help="openmetrics has timestamps in seconds, prometheus in milliseconds; json is one series a line.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace stored samples that have another value, instead of refusing."
)
@_target
def samples(
    source: str,
    format_: str,
    overwrite: bool,
    data: Path | None,
    project: str | None,
    cursor_file: Path | None,
    key: str | None,
    url: str,
) -> None:
    """
    Bring in SOURCE: a file, an HTTP address, or - for the standard input; gzip is undone.

    OpenMetrics and Prometheus text with timestamps, and the JSON lines of VictoriaMetrics and of bongsu export. A bad line is reported with its
    number and costs only itself. What is stored already is passed over, so a second run changes nothing. Exits with 2 when
    something was refused.
    """
    from bongsu.client.transfer.cursor import Cursor
    from bongsu.client.transfer.lines import detect_format, open_source, read_start, transfer_lines

    with open_source(source) as opened:
        start = read_start(opened)
        known = detect_format(opened, start) if format_ == "auto" and start else format_
        where = str(data.absolute()) if data is not None else url
        cursor = Cursor(cursor_file, f"{opened.identity} -> {where} {project or ''}".rstrip())
        with (
            _line_sink(data, project, url, key, known, overwrite=overwrite) as sink,
            progress_bar(f"importing {opened.name}", opened.size) as bar,
        ):
            total = transfer_lines(
                opened, start, sink, cursor, lambda read, so_far: bar(read, f"{so_far.written:,} samples")
            )
    _report(total)


@import_.command()
@click.argument("source", metavar="URL")
@click.option("--match", metavar="SELECTOR", help="Series to bring in; all without it.")
@click.option(
    "--start", metavar="TIME", help="First time, Unix seconds or RFC 3339; else the oldest sample's."
)
@click.option("--end", metavar="TIME", help="Last time; else now.")
@click.option(
    "--header",
    "headers",
    metavar="NAME:VALUE",
    multiple=True,
    help="Sent with every call to URL; may be repeated.",
)
@_target
def prometheus(
    source: str,
    match: str | None,
    start: str | None,
    end: str | None,
    headers: tuple[str, ...],
    data: Path | None,
    project: str | None,
    cursor_file: Path | None,
    key: str | None,
    url: str,
) -> None:
    """
    Bring in the samples of the running Prometheus at URL, window by window.

    They are read by remote read, stale markers and native histograms included; by the query API where there is no remote read.
    """
    from bongsu.api.prometheus.times import parse_time
    from bongsu.client.transfer.cursor import Cursor
    from bongsu.client.transfer.prometheus import PrometheusSource, Transfer

    if not source.startswith(("http://", "https://")):
        raise click.BadParameter(f"{source!r} is no HTTP address; write http://HOST:9090", param_hint="URL")
    server = PrometheusSource(source, dict(map(_header, headers)))
    now_ms = time.time_ns() // 1_000_000
    end_ms = now_ms if end is None else parse_time("--end", end)
    matchers = _matchers(match)
    where = str(data.absolute()) if data is not None else url
    cursor = Cursor(cursor_file, f"{source} {match or ''} -> {where} {project or ''}".rstrip())
    start_ms = (
        parse_time("--start", start) if start is not None else cursor.place or server.oldest_hour(now_ms)
    )
    with (
        _both_sinks(data, project, url, key) as (messages, lines),
        progress_bar("importing", max(1, end_ms - start_ms)) as bar,
    ):
        transfer = Transfer(
            server,
            matchers,
            messages,
            lines,
            lambda stop, so_far: bar(stop - start_ms, f"{so_far.written:,} samples"),
        )
        total = transfer.run(cursor, start_ms, end_ms)
    if transfer.histograms_left_out:
        click.echo(
            f"{transfer.histograms_left_out} native histograms were left out: {source} has no remote read, and its query API does not "
            "give them whole",
            err=True,
        )
    _report(total)


@import_.command()
@click.argument("project_id")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--dry-run", is_flag=True, help="Only tell what would be made, and what could not be carried over."
)
@click.option(
    "--keep-rules",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy the rule files there, for later: rules are not evaluated yet.",
)
@admin_option
def config(
    admin: AdminClient,
    project_id: str,
    file: Path,
    dry_run: bool,
    keep_rules: Path | None,
) -> None:
    """
    Take over FILE, a prometheus.yml: its scrape configurations become workspaces, servers and targets of a project.

    Static, file and HTTP service discovery are read once, now. Everything that could not be carried over is listed. What is there
    already is left, so the command may be repeated. Exits with 2 when the server refused something.
    """
    from bongsu.client.migration.apply import Migration
    from bongsu.client.migration.plan import read_plan

    plan = read_plan(file)
    if keep_rules is not None:
        keep_rules.mkdir(parents=True, exist_ok=True)
        for path in plan.rule_files:
            shutil.copy(path, keep_rules / path.name)
    planned = [
        {"workspace": job.name, "targets": len(job.targets), "options": ", ".join(sorted(job.options))}
        for job in plan.jobs
    ]
    show_records(planned, ("workspace", "targets", "options"))
    for note in plan.notes:
        click.echo(f"not carried over: {note}", err=True)
    if dry_run:
        return
    applied = Migration(admin, project_id).apply(plan.jobs)
    for refusal in applied.refused:
        click.echo(f"refused: {refusal}", err=True)
    click.echo(
        f"{applied.workspaces} workspaces, {applied.servers} servers and {applied.targets} targets made; "
        f"{len(plan.notes)} things not carried over, {len(applied.refused)} refused",
        err=True,
    )
    if applied.refused:
        sys.exit(2)


@click.command()
@click.option(
    "--match",
    "matches",
    metavar="SELECTOR",
    multiple=True,
    help="Series to export, all without it; may be repeated.",
)
@click.option("--start", metavar="TIME", help="First time: Unix seconds or RFC 3339.")
@click.option("--end", metavar="TIME", help="Last time.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "openmetrics", "prometheus"]),
    default="json",
    show_default=True,
    help="json carries everything; text has floats only.",
)
@click.option(
    "--output", metavar="FILE", default="-", show_default=True, help="Where to; - is the standard output."
)
@key_option
@url_option
def export(
    matches: tuple[str, ...],
    start: str | None,
    end: str | None,
    format_: str,
    output: str,
    key: str | None,
    url: str,
) -> None:
    """
    Write the samples of a project of a running server; the mirror of bongsu import.

    The folder of a stopped server is exported by bongsu tsdb export.
    """
    from bongsu.client.transfer.download import download_export
    from bongsu.server.commands.tsdb import opened_output

    parameters = [("match[]", text) for text in matches or ('{__name__!=""}',)] + [("format", format_)]
    parameters += [(name, text) for name, text in (("start", start), ("end", end)) if text is not None]
    with opened_output(output) as file, progress_bar("bytes written", None) as bar:
        left_out = download_export(url, key_of(key), urllib.parse.urlencode(parameters), file, bar)
    if left_out:
        click.echo(
            f"{left_out} native histograms were left out, which text has no place for; use --format json",
            err=True,
        )


@contextlib.contextmanager
def _line_sink(
    data: Path | None, project: str | None, url: str, key: str | None, format_: str, *, overwrite: bool
) -> Iterator[Sink]:
    if data is not None:
        from bongsu.server.offline import FolderLines, importing

        with importing(data, project) as (_, store):
            yield FolderLines(store, format_, overwrite=overwrite)
        return
    from bongsu.client.transfer.upload import LineUpload, Uploader

    yield LineUpload(Uploader(url, key_of(key), told=_tell), format_, overwrite=overwrite)


@contextlib.contextmanager
def _both_sinks(
    data: Path | None, project: str | None, url: str, key: str | None
) -> Iterator[tuple[MessageSink, Sink]]:
    if data is not None:
        from bongsu.server.offline import FolderLines, FolderMessages, importing

        with importing(data, project) as (_, store):
            yield FolderMessages(store), FolderLines(store, "json", overwrite=False)
        return
    from bongsu.client.transfer.upload import LineUpload, Uploader, WriteUpload

    uploader = Uploader(url, key_of(key), told=_tell)
    yield WriteUpload(uploader), LineUpload(uploader, "json", overwrite=False)


def _matchers(match: str | None) -> Any:
    from bongsu.model.matchers import Matcher, MatchOp
    from bongsu.server.commands.tsdb import parse_match

    return parse_match(match) if match is not None else (Matcher("__name__", MatchOp.REGEX, ".+"),)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"{text!r} is no header; write NAME:VALUE", param_hint="--header")
    return name.strip(), value.strip()


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)


def _report(total: Summary) -> None:
    """Say what came of an import; end with 2 when something was refused."""
    for fault in total.faults[:_SHOWN_FAULTS]:
        click.echo(f"line {fault.line}: {fault.message}" if fault.line else fault.message, err=True)
    if total.refused > _SHOWN_FAULTS:
        click.echo(f"and {total.refused - _SHOWN_FAULTS} more", err=True)
    click.echo(f"{total.written} samples stored, {total.refused} samples or lines refused", err=True)
    if total.refused:
        sys.exit(2)
