"""Flipped bytes in any file: the right data, or less of it with a report; never wrong data."""

from __future__ import annotations

import contextlib
import random
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.support.stores import KEEP_ALL, Found, Row, a_histogram, found, open_tsdb, write_rows

from bongsu.runtime.clock import ManualClock
from bongsu.storage.errors import StoreDamaged

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
UP = {"__name__": "up", "job": "a"}
LOAD = {"__name__": "load", "job": "b"}
FLIPS = 40


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    """A store with blocks, a checkpoint and a log, and what it holds."""
    folder = tmp_path_factory.mktemp("sound")
    with contextlib.closing(open_tsdb(folder, clock=ManualClock(BEGIN + 5 * HOUR))) as store:
        project = store.project("one", KEEP_ALL)
        write_rows(project, [Row(UP, BEGIN + 60_000 * i, i / 8) for i in range(300)])
        write_rows(project, [Row(LOAD, BEGIN + 60_000 * i, a_histogram(3 + i)) for i in range(10)])
        store.upkeep()
        for i in range(20):
            write_rows(
                project, [Row(UP, BEGIN + 5 * HOUR + 1 + i, float(i)), Row(LOAD, BEGIN + 1 + i, float(i))]
            )
        return folder, found(project)


@pytest.mark.parametrize("kind", ["*.log", "*.block", "*.checkpoint"])
def test_flipped_bytes_never_give_wrong_data(sound: tuple[Path, Found], tmp_path: Path, kind: str) -> None:
    folder, whole = sound
    chance = random.Random(kind)
    for number in range(FLIPS):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        path = max(copy.rglob(kind), key=lambda file: file.stat().st_size)
        data = bytearray(path.read_bytes())
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        with contextlib.closing(open_tsdb(copy, clock=ManualClock(BEGIN + 5 * HOUR))) as store:
            project = store.project("one", KEEP_ALL)
            damage = store.verify()
            left = found(project)
            for labels, samples in left.items():
                assert set(samples) <= set(whole[labels]), (at, path.name)
            told = bool(damage) or any((copy / "log" / "quarantine").glob("*"))
            assert told or left == whole, (at, path.name)
            write_rows(project, [Row(UP, BEGIN + 6 * HOUR, 1.0)])
        shutil.rmtree(copy)


def test_flipped_bytes_of_a_block_never_reach_a_reader(sound: tuple[Path, Found], tmp_path: Path) -> None:
    """Nobody has called `verify`: what is read is checked the first time, and upkeep sets the block aside."""
    folder, whole = sound
    chance = random.Random(7)
    told: list[bool] = []
    for number in range(FLIPS):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        path = chance.choice(sorted(copy.rglob("*.block")))
        data = bytearray(path.read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        with contextlib.closing(open_tsdb(copy, clock=ManualClock(BEGIN + 5 * HOUR))) as store:
            project = store.project("one", KEEP_ALL)
            try:
                left = found(project)
            except StoreDamaged as error:
                told.append(path.name in str(error))
                store.upkeep()
                assert path.with_name("quarantine").joinpath(path.name).exists()
                left = found(project)
            for labels, samples in left.items():
                assert set(samples) <= set(whole[labels])
            assert left == whole or store.status().damage
        shutil.rmtree(copy)
    assert told
    assert all(told)
