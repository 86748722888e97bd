"""Disk, memory and start of programs that hold the data set."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import orjson

from benchmarks.compare.dataset import STEP_MS, Shape, host_labels, make_hosts
from benchmarks.compare.loading import load
from benchmarks.compare.programs import tree_bytes
from benchmarks.compare.queries import Asked
from benchmarks.compare.questions import HEAVY
from benchmarks.compare.report import OURS, Measure, Section, Target
from bongsu.tsdb.block import Block

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.compare.bench import Bench
    from benchmarks.compare.loading import Loaded
    from benchmarks.compare.programs import Program

IDLE_SECONDS = 3.0


def measure_idle(bench: Bench, programs: Sequence[Program]) -> list[Measure]:
    """Start the programs on nothing; return their memory at rest."""
    memory: dict[str, float] = {}
    for program in programs:
        seconds = program.start()
        time.sleep(IDLE_SECONDS)
        memory[program.name] = program.process.resident() / 1e6
        bench.say(f"{program.name} started in {seconds:.2f} s, idle at {memory[program.name]:.0f} MB")
    return [Measure("memory, idle and empty", "MB", memory, target=(Target(250),))]


def fill(bench: Bench, programs: Sequence[Program]) -> tuple[Asked, Loaded]:
    """Write the data set into the programs, and let them finish with it."""
    shape = Shape(
        bench.sizes.hosts, int(bench.sizes.hours * 3_600_000 // STEP_MS), end_ms=bench.data_end_ms()
    )
    bench.say(f"writing {shape.hosts * 200:,} series, {bench.sizes.hours:g} h")
    loaded = load(shape, programs, bench.say)
    bench.say(f"written: {loaded.samples:,} samples of {loaded.series:,} series; waiting for upkeep")
    with ThreadPoolExecutor(len(programs)) as pool:
        list(pool.map(lambda program: program.settle(bench.sizes.upkeep_s), programs))
    instances = _living_instances(shape)
    return Asked(programs, start_ms=shape.start_ms, end_ms=shape.end_ms, instances=instances), loaded


def measure_store(bench: Bench, asked: Asked, loaded: Loaded) -> list[Measure]:
    """Return sizes on disk, how long the programs take to start again, and what a heavy query costs right then."""
    blocks: dict[str, float] = {}
    whole: dict[str, float] = {}
    ordered: dict[str, float] = {}
    killed: dict[str, float] = {}
    first: dict[str, float] = {}
    for program in asked.programs:
        size, samples = block_bytes(program, loaded.samples)
        blocks[program.name] = size / samples
        whole[program.name] = program.disk_bytes() / loaded.samples
        program.stop()
        ordered[program.name] = _start(program)
        program.kill()
        killed[program.name] = _start(program)
        first[program.name] = _ask_heavy(asked, program)
        bench.say(
            f"{program.name}: {blocks[program.name]:.2f} bytes a sample, {whole[program.name]:.2f} log and all, starts in "
            f"{ordered[program.name]:.2f} s, {killed[program.name]:.2f} s after kill -9, first heavy query {1000 * first[program.name]:.0f} ms"
        )
    return [
        Measure("bytes a sample in blocks", "bytes", blocks, target=(Target(1.0, "VictoriaMetrics"),)),
        Measure("bytes a sample, log and all", "bytes", whole, target=(Target(2.0, "VictoriaMetrics"),)),
        Measure("start until the first answer, stopped in order", "s", ordered, target=(Target(4.0),)),
        Measure("start until the first answer, after `kill -9`", "s", killed),
        Measure(
            f"{HEAVY[0].name}, the next question after that",
            "ms",
            {name: 1000 * seconds for name, seconds in first.items()},
        ),
    ]


def measure_memory(bench: Bench, programs: Sequence[Program]) -> Section:
    """Hold many series in memory, one program after the other."""
    sizes = bench.sizes
    shape = Shape(sizes.memory_hosts, sizes.memory_steps, bench.data_end_ms(), churn_per_hour=0)
    series = shape.hosts * 200
    memory: dict[str, float] = {}
    beyond: dict[str, float] = {}
    for program in programs:
        bench.say(f"memory: writing {series:,} series into {program.name}")
        program.start()
        try:
            time.sleep(IDLE_SECONDS)
            empty = program.process.resident()
            load(shape, [program], lambda _: None)
            program.process.wait_until_calm()
            memory[program.name] = program.process.resident() / series
            beyond[program.name] = memory[program.name] - empty / series
        finally:
            program.remove()
        bench.say(
            f"memory, {program.name}: {memory[program.name]:,.0f} bytes a series, {beyond[program.name]:,.0f} of them beyond what it takes empty"
        )
    return Section(
        "Memory",
        f"Resident memory of the whole process over the number of active series: {series:,} of them, {sizes.memory_steps} samples each. The fewer the "
        "series, the more the empty process counts; the second row is without it.",
        [
            Measure("memory a series", "bytes", memory, target=(Target(1.0, "Prometheus"), Target(2_500))),
            Measure("memory a series, beyond the empty process", "bytes", beyond),
        ],
    )


def block_bytes(program: Program, samples: int) -> tuple[int, int]:
    """Return the bytes of the files that are final, and the samples in them."""
    data = program.folder / "data"
    if program.name == OURS:
        paths = sorted(program.folder.glob("store/projects/*/blocks/*.block"))
        return sum(path.stat().st_size for path in paths), sum(
            Block(path).meta.samples for path in paths
        ) or 1
    if program.name == "Prometheus":
        folders = [file.parent for file in data.glob("*/meta.json")]
        return sum(map(tree_bytes, folders)), sum(map(_prometheus_samples, folders)) or 1
    # All of it is in parts after the forced merge.
    return tree_bytes(data), samples


def _prometheus_samples(folder: Path) -> int:
    said = orjson.loads((folder / "meta.json").read_bytes())
    return int(said["stats"]["numSamples"])


def _start(program: Program) -> float:
    """Return the seconds until a question about the data is answered."""
    began = time.perf_counter()
    program.start()
    now_ms = time.time_ns() // 1_000_000
    while not program.count("count(last_over_time(up[1h]))", now_ms):
        if time.perf_counter() - began > 120:
            raise AssertionError(f"{program.name} has lost its data")
        time.sleep(0.02)
    return time.perf_counter() - began


def _ask_heavy(asked: Asked, program: Program) -> float:
    """Return the seconds that the first of the heavy queries takes."""
    with contextlib.closing(program.connect()) as connection:
        return connection.get(asked.heavy_path(program, HEAVY[0], HEAVY[0].step_s), keep=False).seconds


def _living_instances(shape: Shape) -> list[str]:
    """Return hosts that live at the end of the data, for questions about one."""
    last = {host.slot: host.generation for host in make_hosts(shape)}
    return [
        host_labels(slot, generation, shape.groups)[0]["instance"]
        for slot, generation in list(last.items())[:16]
    ]
