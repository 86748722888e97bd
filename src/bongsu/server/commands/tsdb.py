"""`bongsu tsdb`: look into, check, copy and export the data folder of a stopped server."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from bongsu.model.errors import InvalidInput
from bongsu.server.commands.output import progress_bar, show_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.model.matchers import Matcher
    from bongsu.query.inventory import Inventory
    from bongsu.storage.contract import ProjectStore
    from bongsu.tsdb.inspection import BlockReport, CodecUse

_ALL_TIME_MS = 1 << 60

_data = click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default="bongsu-data",
    envvar="BONGSU_SERVER_DATA",
    show_default=True,
    help="Data folder of a stopped server (BONGSU_SERVER_DATA).",
)


@click.group()
def tsdb() -> None:
    """Look into, check, copy and export the data folder of a stopped server."""


@tsdb.command()
@_data
@click.option("--project", metavar="ID", help="Only this project.")
@click.option("--top", default=10, show_default=True, help="Labels and metrics that are listed.")
def inspect(data: Path, project: str | None, top: int) -> None:
    """Tell what the series are made of, and how many bytes each block and codec takes."""
    from bongsu.query.inventory import take_inventory
    from bongsu.server.offline import project_of, reading, store_folder
    from bongsu.tsdb.inspection import block_reports, codec_totals, project_folders

    with reading(data) as store:
        chosen = [project] if project is not None else sorted(store.project_ids())
        for project_id in chosen:
            view = project_of(store, project_id)
            with progress_bar(f"reading {project_id}", view.stats().series) as bar:
                found = take_inventory(
                    view, start_ms=-_ALL_TIME_MS, end_ms=_ALL_TIME_MS, told=lambda done, _: bar(done)
                )
            folder = store_folder(data)
            reports = list(block_reports(project_id, project_folders(folder)[project_id]))
            _show_inventory(project_id, found, top)
            _show_blocks(project_id, reports)
            _show_codecs(project_id, codec_totals(reports))


@tsdb.command()
@_data
def verify(data: Path) -> None:
    """Check every checksum; exit with 1 and the names of what is damaged. Nothing is changed."""
    from bongsu.server.offline import LIVE_HINT, store_folder
    from bongsu.tsdb.inspection import check_all, files_to_check, locked, quarantined_files

    folder = store_folder(data)
    with locked(folder, LIVE_HINT):
        total = len(files_to_check(folder))
        with progress_bar("checking", total) as bar:
            done = iter(range(total + 1))
            findings = list(check_all(folder, lambda path: bar(next(done, total), path.name)))
        aside = quarantined_files(folder)
    damaged = [finding for finding in findings if finding.is_damage]
    records = [
        {"kind": "damaged" if finding.is_damage else "note", "file": finding.path, "what": finding.what}
        for finding in findings
    ]
    records += [
        {
            "kind": "set aside",
            "file": str(path.relative_to(folder)),
            "what": "damaged; set aside by an earlier start",
        }
        for path in aside
    ]
    show_records(records, ("kind", "file", "what"))
    click.echo(f"{total} files checked, {len(damaged)} damaged, {len(aside)} set aside earlier", err=True)
    if damaged:
        sys.exit(1)


@tsdb.command()
@_data
@click.argument("target", type=click.Path(path_type=Path))
def snapshot(data: Path, target: Path) -> None:
    """
    Make TARGET a data folder with all samples of now, by hard links: it costs no room until something changes here.

    TARGET must not exist, and must be on the same file system. `bongsu tsdb` and `bongsu serve` work on it; the control database is
    not part of it.
    """
    from bongsu.server.offline import writing

    if target.exists():
        raise InvalidInput(
            f"{target} is there already; name a folder that is not", id="snapshot-target-exists"
        )
    with writing(data) as store:
        try:
            store.snapshot(target.absolute() / "store")
        except OSError as error:
            raise InvalidInput(
                f"no snapshot could be made in {target}: {error.strerror}; hard links need a folder on the file system of {data}",
                id="snapshot-failed",
            ) from error
    click.echo(f"snapshot made in {target}", err=True)


@tsdb.command()
@_data
@click.option("--project", metavar="ID", help="The project; not needed when there is only one.")
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
    type=click.Choice(["json", "openmetrics", "prometheus", "parquet"]),
    default="openmetrics",
    show_default=True,
    help="parquet needs the extra: pip install 'bongsu[parquet]'.",
)
@click.option(
    "--output", metavar="FILE", default="-", show_default=True, help="Where to; - is the standard output."
)
def export(
    data: Path,
    project: str | None,
    matches: tuple[str, ...],
    start: str | None,
    end: str | None,
    format_: str,
    output: str,
) -> None:
    """Write samples as OpenMetrics or Prometheus text, JSON lines, or Parquet."""
    from bongsu.query.archive import JSON_LINES, export_parts
    from bongsu.query.export import count_histograms
    from bongsu.server.offline import one_project, reading

    selectors = [parse_match(text) for text in matches] or [()]
    bounds = _time("--start", start, -_ALL_TIME_MS), _time("--end", end, _ALL_TIME_MS)
    with reading(data) as store:
        _, view = one_project(store, project)
        if format_ == "parquet":
            _export_parquet(view, selectors, bounds, output)
            return
        left_out = 0 if format_ == JSON_LINES else count_histograms(view, selectors, *bounds)
        with opened_output(output) as file, progress_bar("bytes written", None) as bar:
            written = 0
            for part in export_parts(view, selectors, *bounds, format=format_):
                file.write(part)
                written += len(part)
                bar(written)
    if left_out:
        click.echo(
            f"{left_out} native histograms were left out, which text has no place for; use --format json or parquet",
            err=True,
        )


def _export_parquet(
    view: ProjectStore, selectors: list[tuple[Matcher, ...]], bounds: tuple[int, int], output: str
) -> None:
    from bongsu.query.export import series_pieces
    from bongsu.server.parquet import write_parquet

    if output == "-":
        raise InvalidInput("Parquet is no stream; name a file with --output", id="output-missing")
    with progress_bar("samples written", None) as bar:
        write_parquet(Path(output), series_pieces(view, selectors, *bounds), bar)


@contextlib.contextmanager
def opened_output(output: str) -> Iterator[BinaryIO]:
    """Give the file of an export; ``-`` is the standard output."""
    if output == "-":
        yield sys.stdout.buffer
        return
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(Path(output).open("wb"))
        except OSError as error:
            raise InvalidInput(
                f"cannot write {output}: {error.strerror}", id="output-not-writable"
            ) from error
        yield file


def parse_match(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a selector that an option gave."""
    from bongsu.promql.errors import ParseError
    from bongsu.promql.parser import parse_selector

    try:
        return parse_selector(text).matchers
    except ParseError as error:
        raise click.BadParameter(f"{text!r} is no selector: {error.message}", param_hint="--match") from error


def _time(name: str, text: str | None, default: int) -> int:
    from bongsu.api.prometheus.times import parse_time

    return default if text is None else parse_time(name, text)


def _show_inventory(project_id: str, found: Inventory, top: int) -> None:
    summary = {
        "kind": "project",
        "project": project_id,
        "series": found.series,
        "samples": found.samples,
        "from": _shown(found.min_time),
        "to": _shown(found.max_time),
        "begun_last_day": found.begun_last_day,
        "ended": found.ended,
    }
    show_records([summary], tuple(summary)[1:], title=f"project {project_id}")
    labels = [{"kind": "label", "project": project_id, **asdict(use)} for use in found.labels[:top]]
    show_records(labels, ("name", "values", "series", "value_bytes"), title="labels with the most values")
    metrics = [{"kind": "metric", "project": project_id, **asdict(use)} for use in found.metrics[:top]]
    show_records(metrics, ("name", "samples", "series"), title="metrics with the most samples")


def _show_blocks(project_id: str, reports: list[BlockReport]) -> None:
    blocks = [
        {
            "kind": "block",
            "project": project_id,
            "block": report.name,
            "level": report.level,
            "from": _shown(report.min_time),
            "to": _shown(report.max_time),
            "series": report.series,
            "samples": report.samples,
            "chunks": report.chunks,
            "bytes": report.bytes,
            "bytes_per_sample": round(report.bytes / max(report.samples, 1), 2),
            "deletions": report.deletions,
        }
        for report in reports
    ]
    columns = (
        "block",
        "level",
        "from",
        "to",
        "series",
        "samples",
        "chunks",
        "bytes",
        "bytes_per_sample",
        "deletions",
    )
    show_records(blocks, columns, title="blocks")


def _show_codecs(project_id: str, totals: dict[str, CodecUse]) -> None:
    codecs = [
        {
            "kind": "codec",
            "project": project_id,
            "codec": name,
            **asdict(use),
            "bytes_per_sample": round(use.bytes / max(use.samples, 1), 2),
        }
        for name, use in totals.items()
    ]
    show_records(codecs, ("codec", "chunks", "samples", "bytes", "bytes_per_sample"), title="codecs")


def _shown(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return str(time_ms)
