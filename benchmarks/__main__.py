"""
Compares Bongsu with Prometheus and VictoriaMetrics and writes the page about it.

``python -m benchmarks`` takes a quarter of an hour and writes `docs/performance.md`; ``--quick`` shows within two minutes or so that
everything works, and prints the page.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.compare.bench import Bench
from benchmarks.compare.decoding import measure_decoding
from benchmarks.compare.embedded import measure_embedded
from benchmarks.compare.facts import gather_facts
from benchmarks.compare.growth import measure_growth
from benchmarks.compare.ingest import measure_ingest
from benchmarks.compare.programs import ROOT
from benchmarks.compare.queries import measure_dashboards, measure_heavy, measure_small
from benchmarks.compare.report import Section, render
from benchmarks.compare.scraping import measure_scraping
from benchmarks.compare.sizes import FULL, QUICK
from benchmarks.compare.store import fill, measure_idle, measure_memory, measure_store
from benchmarks.peers import fetch_peers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.compare.sizes import Sizes

PEERS = Path(tempfile.gettempdir()) / "peers"
PAGE = ROOT / "docs" / "performance.md"
BOUNDS = Path(__file__).parent / "compare" / "bounds.md"


def main() -> int:
    """Run the parts that were asked for, and write the page."""
    options = _parse()
    sizes = _sizes(options)
    print("getting the peers")
    options.peers.mkdir(parents=True, exist_ok=True)
    peers = fetch_peers(options.peers)
    facts = gather_facts(peers, sizes, "python -m benchmarks " + " ".join(sys.argv[1:]))
    if options.quick:
        facts.append("**Quick sizes**: they show that everything works; the numbers say little")
    print(*facts, sep="\n")
    print("compiling kernels that are not in the cache")
    subprocess.run([str(Path(sys.executable).parent / "bongsu"), "warm"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="bongsu-compare-", dir=options.folder))
    sections: list[Section] = []
    failed = False
    # Whoever ends the run must not leave servers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        bench = Bench(folder, sizes, peers)
        for part in options.parts:
            try:
                sections += PARTS[part](bench)
            except Exception:  # noqa: BLE001 - one part must not cost the numbers of the others; the page says what is missing
                failed = True
                bench.say(f"FAILED: {part}\n{traceback.format_exc()}")
                sections.append(
                    Section(
                        part, f"**Not measured**: this part failed.\n\n```\n{traceback.format_exc()}\n```"
                    )
                )
            _write(options.output, render(sections, facts, BOUNDS.read_text()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(options.output.read_text())
    return int(failed)


def _with_data(bench: Bench) -> Iterator[Section]:
    """Measure all that needs the data set: disk, start, queries."""
    programs = [bench.program(recipe, "data") for recipe in bench.recipes()]
    try:
        section = Section("Disk, memory at rest, start", measures=measure_idle(bench, programs))
        asked, loaded = fill(bench, programs)
        section.text = f"{loaded.samples:,} samples of {loaded.series:,} series, after upkeep and the forced merge of VictoriaMetrics."
        section.measures += measure_store(bench, asked, loaded)
        yield section
        yield measure_heavy(bench, asked)
        yield measure_small(bench, asked)
        yield measure_dashboards(bench, asked)
    finally:
        for program in programs:
            program.remove()


def _memory(bench: Bench) -> Iterator[Section]:
    yield measure_memory(bench, [bench.program(recipe, "memory") for recipe in bench.recipes()])


def _ingest(bench: Bench) -> Iterator[Section]:
    yield measure_ingest(bench)


def _scraping(bench: Bench) -> Iterator[Section]:
    yield measure_scraping(bench)


def _store(bench: Bench) -> Iterator[Section]:
    yield measure_embedded(bench)
    yield measure_decoding(bench)


def _growth(bench: Bench) -> Iterator[Section]:
    yield measure_growth(bench)


def _console(bench: Bench) -> Iterator[Section]:
    # Only here: whoever has no browser can measure the rest.
    from benchmarks.compare.console import measure_console

    yield measure_console(bench)


PARTS: dict[str, Callable[[Bench], Iterator[Section]]] = {
    "data": _with_data,
    "ingest": _ingest,
    "scraping": _scraping,
    "memory": _memory,
    "store": _store,
    "growth": _growth,
    "console": _console,
}


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; the page is printed, not written")
    parser.add_argument("--output", type=Path, help="file of the page")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder of the peers' packages")
    parser.add_argument("--folder", type=Path, help="where the data goes, on the disk to be measured")
    parser.add_argument(
        "--parts", type=lambda text: text.split(","), default=list(PARTS), help=f"some of {','.join(PARTS)}"
    )
    for field in dataclasses.fields(FULL):
        if isinstance(getattr(FULL, field.name), int | float):
            kind = type(getattr(FULL, field.name))
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, dest=field.name)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown parts {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    if options.output is None:
        temporary = Path(tempfile.gettempdir()) / "bongsu-performance.md"
        options.output = temporary if options.quick or options.parts != list(PARTS) else PAGE
    return options


def _sizes(options: argparse.Namespace) -> Sizes:
    given = {
        field.name: value
        for field in dataclasses.fields(FULL)
        if (value := getattr(options, field.name, None)) is not None
    }
    return dataclasses.replace(QUICK if options.quick else FULL, **given)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
