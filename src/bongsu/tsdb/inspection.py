"""
Looking into a store's folder without changing it: what is in each block, what fails its checksum, what was set aside.

Nobody else may have the folder meanwhile: take its lock first.
"""

from __future__ import annotations

import contextlib
import mmap
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bongsu.runtime.files import FolderLock
from bongsu.storage.errors import StoreDamaged, StoreLocked
from bongsu.tsdb.block import BLOCK_SUFFIX, TOMBSTONES_SUFFIX
from bongsu.tsdb.checkpoint import CHECKPOINT_NAME
from bongsu.tsdb.parts import KIND_SHIFT
from bongsu.tsdb.sections import SectionFile
from bongsu.tsdb.segments import (
    SEGMENT_HEAD,
    SegmentScan,
    has_good_head,
    list_segments,
    read_records,
    written_before,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_TIME_CODECS = ("raw", "step", "grid", "delta")
_VALUE_CODECS = ("raw", "constant", "numbers", "differences", "differences of differences", "exclusive or")
"""Codecs of times and values by their numbers in a chunk's shape; see ``docs/format/chunks.md``."""

_QUARANTINE = "quarantine"
_DAMAGED_CHECKPOINT = "head.damaged"
_DAMAGE = (StoreDamaged, KeyError, ValueError, TypeError, OSError)


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One file that is not as it should be.

    Attributes
    ----------
    path
        Relative to the store's folder.
    is_damage
        False for what a crash leaves behind by nature: an unfinished write at the end of the log, which the next start cuts off.
    """

    path: str
    what: str
    is_damage: bool = True


@dataclass(frozen=True, slots=True)
class CodecUse:
    """Chunks of one codec in one block."""

    chunks: int
    samples: int
    bytes: int


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What a block holds; times in Unix milliseconds."""

    project: str
    name: str
    level: int
    min_time: int
    max_time: int
    series: int
    samples: int
    chunks: int
    bytes: int
    deletions: int
    codecs: dict[str, CodecUse] = field(default_factory=dict)


@contextlib.contextmanager
def locked(folder: Path, hint: str) -> Iterator[None]:
    """
    Hold the lock of a store's folder.

    Parameters
    ----------
    hint
        What to do while a server has it; part of the error.

    Raises
    ------
    StoreLocked
        If another process has it.
    """
    try:
        lock = FolderLock(folder / "LOCK")
    except BlockingIOError as error:
        raise StoreLocked(
            f"a running server has the data folder {folder.parent}; stop it, or {hint}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def project_folders(folder: Path) -> dict[str, Path]:
    """Return the folder of each project by the project's id; those without a readable id are left out."""
    found = {}
    for path in sorted((folder / "projects").glob("*/project.json")):
        with contextlib.suppress(ValueError, KeyError, TypeError, OSError):
            found[str(orjson.loads(path.read_bytes())["id"])] = path.parent
    return found


def files_to_check(folder: Path) -> list[Path]:
    """Return every file that has checksums, those that were set aside left out."""
    projects = folder / "projects"
    found = [path for _, path in list_segments(folder / "log")]
    for pattern in (
        "project.json",
        CHECKPOINT_NAME,
        f"blocks/*{BLOCK_SUFFIX}",
        f"blocks/*{TOMBSTONES_SUFFIX}",
    ):
        found += sorted(projects.glob(f"*/{pattern}"))
    return found


def quarantined_files(folder: Path) -> list[Path]:
    """Return what earlier starts have set aside as damaged."""
    found = [*(folder / "log" / _QUARANTINE).glob("*"), *folder.glob(f"projects/*/{_DAMAGED_CHECKPOINT}")]
    return sorted([*found, *folder.glob(f"projects/*/blocks/{_QUARANTINE}/*")])


def check_file(folder: Path, path: Path) -> list[Finding]:
    """Check every checksum of one of the `files_to_check`."""
    name = str(path.relative_to(folder))
    try:
        if path.suffix == ".log":
            segments = list_segments(folder / "log")
            until = written_before(segments, path)
            return _check_segment(name, path, is_last=path == segments[-1][1], written_until=until)
        if path.suffix == ".json":
            said = orjson.loads(path.read_bytes())
            str(said["id"]), int(said["number"])
            return []
        file = SectionFile(path)
        file.check()
        if path.suffix == BLOCK_SUFFIX:
            _check_meta(file.json("meta"))
    except _DAMAGE as error:
        return [Finding(name, f"{type(error).__name__ if isinstance(error, KeyError) else ''}{error}")]
    return []


def block_reports(project: str, project_folder: Path) -> Iterator[BlockReport]:
    """Yield what each readable block of a project holds, oldest first."""
    reports = []
    for path in (project_folder / "blocks").glob(f"*{BLOCK_SUFFIX}"):
        with contextlib.suppress(*_DAMAGE):
            reports.append(_block_report(project, path))
    yield from sorted(reports, key=lambda report: (report.min_time, report.name))


@contextlib.contextmanager
def working_copy(folder: Path) -> Iterator[Path]:
    """
    Give a folder that a store can be opened on, with all data of another, which stays as it is.

    Blocks and checkpoints are symbolic links, since a store never writes into them; the log is copied.
    """
    with tempfile.TemporaryDirectory(prefix="bongsu-inspect-") as name:
        copy = Path(name) / "store"
        (copy / "log").mkdir(parents=True)
        (copy / "projects").mkdir()
        for _, path in list_segments(folder / "log"):
            shutil.copyfile(path, copy / "log" / path.name)
        for project in (folder / "projects").iterdir():
            if (project / "project.json").exists():
                _link_project(project, copy / "projects" / project.name)
        yield copy


def count_codecs(
    shapes: NDArray[np.int32], samples: NDArray[np.int32], offsets: NDArray[np.int64]
) -> dict[str, CodecUse]:
    """Return how many chunks, samples and bytes each codec has; native histograms count as a codec of their own."""
    sizes = np.diff(offsets)
    kinds = np.where((shapes >> KIND_SHIFT) & 1 == 1, -1, shapes & 0xFF)
    used = {}
    for kind in np.unique(kinds).tolist():
        mine = kinds == kind
        name = "histograms" if kind < 0 else _codec_name(kind)
        used[name] = CodecUse(int(mine.sum()), int(samples[mine].sum()), int(sizes[mine].sum()))
    return used


def _codec_name(codec: int) -> str:
    times, values = codec >> 4, codec & 0xF
    if times >= len(_TIME_CODECS) or values >= len(_VALUE_CODECS):
        return f"codec {codec}"
    return f"{_TIME_CODECS[times]} times, {_VALUE_CODECS[values]}"


def check_all(folder: Path, told: Callable[[Path], None]) -> Iterator[Finding]:
    """Check every file of a store, calling `told` with each before it is read."""
    for path in files_to_check(folder):
        told(path)
        yield from check_file(folder, path)


def _block_report(project: str, path: Path) -> BlockReport:
    file = SectionFile(path)
    meta: dict[str, Any] = file.json("meta")
    tombstones = path.with_suffix(TOMBSTONES_SUFFIX)
    deletions = len(SectionFile(tombstones).array("tombstones", "i8")) // 3 if tombstones.exists() else 0
    return BlockReport(
        project=project,
        name=path.name,
        level=meta["level"],
        min_time=meta["min_time"],
        max_time=meta["max_time"],
        series=meta["series"],
        samples=meta["samples"],
        chunks=meta["chunks"],
        bytes=file.size,
        deletions=deletions,
        codecs=count_codecs(
            file.array("shapes", "i4"), file.array("samples", "i4"), file.array("offsets", "i8")
        ),
    )


def _check_meta(meta: dict[str, Any]) -> None:
    for name in (
        "number",
        "level",
        "rank",
        "min_time",
        "max_time",
        "sequence",
        "series",
        "samples",
        "chunks",
    ):
        int(meta[name])


def _check_segment(name: str, path: Path, *, is_last: bool, written_until: int) -> list[Finding]:
    size = path.stat().st_size
    if not size:
        return []
    scan = SegmentScan()
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping,
        memoryview(mapping) as data,
    ):
        if not has_good_head(data):
            # Of the last segment it may be a file that the process died over while making it.
            unfinished = is_last and size < SEGMENT_HEAD.size
            return [Finding(name, "the header of the segment is damaged", is_damage=not unfinished)]
        for record in read_records(data, scan, is_last=is_last, written_until=written_until):
            record.payload.release()
    findings = [Finding(name, f"bytes {start} to {stop} are damaged") for start, stop in scan.damaged]
    if scan.torn:
        what = f"the last {scan.torn} bytes are an unfinished write; the next start cuts them off"
        findings.append(Finding(name, what, is_damage=False))
    return findings


def _link_project(project: Path, copy: Path) -> None:
    (copy / "blocks").mkdir(parents=True)
    for path in (project / "project.json", project / CHECKPOINT_NAME):
        if path.exists():
            (copy / path.name).symlink_to(path.absolute())
    for suffix in (BLOCK_SUFFIX, TOMBSTONES_SUFFIX):
        for path in (project / "blocks").glob(f"*{suffix}"):
            (copy / "blocks" / path.name).symlink_to(path.absolute())


def codec_totals(reports: list[BlockReport]) -> dict[str, CodecUse]:
    """Return the sums of several blocks by codec."""
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for report in reports:
        for name, use in report.codecs.items():
            totals[name] = [
                a + b for a, b in zip(totals[name], (use.chunks, use.samples, use.bytes), strict=True)
            ]
    return {name: CodecUse(*numbers) for name, numbers in sorted(totals.items())}
