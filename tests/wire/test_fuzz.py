"""
Every parser of bytes from outside, fed with the messages of its corpus and with damaged ones: it gives a value or a declared error, in bounded time.

The seed is fixed; ``BONGSU_FUZZ_ROUNDS`` makes the run longer than the brief one of every day, ``BONGSU_FUZZ_SEED`` another one.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bongsu.model.errors import BongsuError
from bongsu.runtime.compress import decompress, decompress_snappy, decompress_zstd
from bongsu.wire.archive.json_lines import read_json_lines
from bongsu.wire.archive.text import TextReader
from bongsu.wire.exposition.negotiation import Format, parse_exposition
from bongsu.wire.otlp import json_reader, protobuf
from bongsu.wire.otlp.limits import OtlpLimits
from bongsu.wire.otlp.points import PointReader
from bongsu.wire.remote_read import read_request
from bongsu.wire.remote_read_answer import write_messages
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = int(os.environ.get("BONGSU_FUZZ_ROUNDS", "150"))
SEED = int(os.environ.get("BONGSU_FUZZ_SEED", "1"))
MAX_SECONDS = 5.0
"""Of processor time: far more than any of these small messages takes, far less than a hang."""

CORPUS = Path(__file__).parent / "corpus"
"""A folder for each parser. Files whose names begin with ``good`` must be read; whatever has once found a fault is kept as one of the others."""

MOST_BYTES = 1 << 20
"""That compressed messages of the corpus may come to."""

SEEDS = np.array([1, 2], dtype=np.uint64)


def read_write(data: bytes, version: Version) -> None:
    """Read all of a remote write request."""
    message = WireRequest(data, version)
    message.hashes(np.array([1, 2], dtype=np.uint64))
    for row in range(len(message)):
        message.labels(row)
    list(message.histograms())
    list(message.exemplars())
    list(message.metadata())


def read_points(data: bytes) -> None:
    """Read the plain metrics of a request, and what stands beside them."""
    points = PointReader(OtlpLimits(), SEEDS, {"g"}).read(data)
    if points is not None:
        points.details()


def read_text(data: bytes, *, openmetrics: bool) -> None:
    TextReader(openmetrics=openmetrics, default_ms=0).read(data, 1)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "text": lambda data: parse_exposition(data, Format.TEXT),
    "openmetrics": lambda data: parse_exposition(data, Format.OPENMETRICS),
    "families": lambda data: parse_exposition(data, Format.PROTOBUF, classic_histograms=True),
    "write-1": lambda data: read_write(data, Version.V1),
    "write-2": lambda data: read_write(data, Version.V2),
    "read": read_request,
    "read-answer": lambda data: list(write_messages(data, 1 << 10)),
    "otlp-spans": protobuf.read_spans,
    "otlp-spans-json": json_reader.read_spans,
    "otlp-metrics": protobuf.read_metrics,
    "otlp-metrics-json": json_reader.read_metrics,
    "otlp-points": read_points,
    "archive-text": lambda data: read_text(data, openmetrics=False),
    "archive-openmetrics": lambda data: read_text(data, openmetrics=True),
    "json-lines": lambda data: read_json_lines(data, 1),
    "snappy": lambda data: decompress_snappy(data, MOST_BYTES),
    "zstd": lambda data: decompress_zstd(data, MOST_BYTES),
    "gzip": lambda data: decompress(data, "gzip", MOST_BYTES),
    "deflate": lambda data: decompress(data, "deflate", MOST_BYTES),
}

FILES = [(name, file) for name in PARSERS for file in sorted((CORPUS / name).iterdir())]

INTERESTING = (
    b"\x00",
    b"\xff" * 9 + b"\x01",
    b"\x80" * 12,
    b'"',
    b"{" * 50,
    b"\n",
    b"[" * 500,
    b"\xed\xa0\x80",
    b"1e999",
    b"\x7f",
)


def damaged(data: bytes, random_source: random.Random) -> bytes:
    """Return a message with one to four damages."""
    changed = bytearray(data)
    for _ in range(random_source.randint(1, 4)):
        at = random_source.randrange(len(changed) + 1)
        end = min(len(changed), at + random_source.randint(1, 8))
        kind = random_source.randrange(6)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << random_source.randrange(8)
        elif kind == 1:
            del changed[at:end]
        elif kind == 2:
            changed[at:at] = changed[at:end] * random_source.randint(1, 20)
        elif kind == 3:
            changed[at:at] = random_source.choice(INTERESTING)
        elif kind == 4:
            changed[at:end] = random_source.randbytes(end - at)
        else:
            del changed[at:]
    return bytes(changed)


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    """Load, or compile, what the parsers need before their time counts."""
    for name, file in FILES:
        if file.name.startswith("good"):
            PARSERS[name](file.read_bytes())


def judge(name: str, data: bytes, what: str) -> None:
    """Let a parser read a message that it may refuse, in its own words and in time."""
    begun = time.thread_time()
    try:
        PARSERS[name](data)
    except BongsuError:
        pass
    except Exception as error:
        raise AssertionError(f"{what}: {error!r} for {data!r}") from error
    assert time.thread_time() - begun < MAX_SECONDS, (what, data)


def test_each_parser_has_a_good_message_and_each_folder_a_parser() -> None:
    assert set(PARSERS) == {folder.name for folder in CORPUS.iterdir()}
    assert set(PARSERS) == {name for name, file in FILES if file.name.startswith("good")}


@pytest.mark.parametrize(("name", "file"), FILES, ids=lambda part: getattr(part, "name", part))
def test_a_message_of_the_corpus_gives_a_value_or_a_declared_error(name: str, file: Path) -> None:
    data = file.read_bytes()
    if file.name.startswith("good"):
        PARSERS[name](data)
    judge(name, data, file.name)


@pytest.mark.parametrize(("name", "file"), FILES, ids=lambda part: getattr(part, "name", part))
def test_a_damaged_message_gives_a_value_or_a_declared_error(name: str, file: Path) -> None:
    message, source = file.read_bytes(), random.Random(f"{SEED} {name} {file.name}")
    rounds = ROUNDS if file.name.startswith("good") else ROUNDS // 10
    for round_ in range(rounds):
        judge(name, damaged(message, source), f"round {round_} of seed {SEED}")
