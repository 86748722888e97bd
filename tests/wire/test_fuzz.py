"""
Every parser of bytes from outside, fed with good messages that were damaged: it gives a value or a declared error, in bounded time.

The seed is fixed; ``BONGSU_FUZZ_ROUNDS`` makes the run longer than the brief one of every day, ``BONGSU_FUZZ_SEED`` another one.
"""

from __future__ import annotations

import gzip
import os
import random
import time
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.naive.remote_read import BOTH, request
from tests.support.apm import gauge, metrics, span, spans
from tests.support.metric_families import COUNTER, HISTOGRAM, exemplar, family, metric, native, plain
from tests.support.otlp import metrics_json, metrics_protobuf, spans_json, spans_protobuf
from tests.support.remote_write import encode_v1, encode_v2, series

from bongsu.model.errors import BongsuError
from bongsu.model.histograms import Histogram
from bongsu.runtime.compress import compress_snappy, decompress, decompress_snappy
from bongsu.wire.exposition.negotiation import Format, parse_exposition
from bongsu.wire.otlp import json_reader, protobuf
from bongsu.wire.remote_read import read_request
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = int(os.environ.get("BONGSU_FUZZ_ROUNDS", "150"))
SEED = int(os.environ.get("BONGSU_FUZZ_SEED", "1"))
MAX_SECONDS = 5.0
"""Far more than any of these small messages takes on a busy machine, far less than a hang."""

T = 1_700_000_000_000
NATIVE = Histogram(3, 0.001, 1.0, 6.0, 2.5, ((-2, 1), (1, 1)), (2.0, 1.0), ((0, 2),), (1.0, 1.0))
TEXT = b'# HELP a Help.\n# TYPE a histogram\na_bucket{le="1",x="\\"y\\\\"} 1 1700000000000\na_count 2\n{"q.z","l"="v"} +Inf\n'
OPENMETRICS = (
    b'# TYPE a counter\n# UNIT b_s s\na_total{x="y"} 1 1.5 # {trace_id="1"} 0.5 2\na_created 1\n# EOF\n'
)
FAMILIES = family(
    "c_total",
    COUNTER,
    metric(COUNTER, plain(1.0, exemplar_content=exemplar({"a": "b"}, 1.0, T), created_ms=T), {"x": "y"}, T),
    help_text="Help.",
) + family("h", HISTOGRAM, metric(HISTOGRAM, native(NATIVE)))
SERIES = [series("a", (T, 1.0), (T + 1, float("nan")), x="y"), series("b", (T, 2.0), z="ü")]


def read_write(data: bytes, version: Version) -> None:
    """Read all of a remote write request."""
    message = WireRequest(data, version)
    message.hashes(np.array([1, 2], dtype=np.uint64))
    for row in range(len(message)):
        message.labels(row)
    list(message.histograms())
    list(message.exemplars())
    list(message.metadata())


PARSERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "text": (TEXT, lambda data: parse_exposition(data, Format.TEXT)),
    "openmetrics": (OPENMETRICS, lambda data: parse_exposition(data, Format.OPENMETRICS)),
    "families": (FAMILIES, lambda data: parse_exposition(data, Format.PROTOBUF, classic_histograms=True)),
    "write-1": (encode_v1(SERIES), lambda data: read_write(data, Version.V1)),
    "write-2": (encode_v2(SERIES), lambda data: read_write(data, Version.V2)),
    "read": (request((0, T, [(0, "a", "b"), (2, "c", ".*")]), types=BOTH), read_request),
    "otlp-spans": (spans_protobuf(spans(span(T))), protobuf.read_spans),
    "otlp-spans-json": (spans_json(spans(span(T))), json_reader.read_spans),
    "otlp-metrics": (
        metrics_protobuf(metrics(gauge("g", ({"a": "b"}, 1.0), at_ms=T))),
        protobuf.read_metrics,
    ),
    "otlp-metrics-json": (
        metrics_json(metrics(gauge("g", ({"a": "b"}, 1.0), at_ms=T))),
        json_reader.read_metrics,
    ),
    "snappy": (compress_snappy(b"abc" * 100), lambda data: decompress_snappy(data, 1 << 20)),
    "gzip": (gzip.compress(b"abc" * 100), lambda data: decompress(data, "gzip", 1 << 20)),
    "deflate": (zlib.compress(b"abc" * 100), lambda data: decompress(data, "deflate", 1 << 20)),
}
"""A good message for each parser, and the parser."""

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


@pytest.mark.parametrize("name", PARSERS)
def test_a_good_message_is_read(name: str) -> None:
    message, parse = PARSERS[name]
    parse(message)


@pytest.mark.parametrize("name", PARSERS)
def test_a_damaged_message_gives_a_value_or_a_declared_error(name: str) -> None:
    message, parse = PARSERS[name]
    source = random.Random(f"{SEED} {name}")
    for round_ in range(ROUNDS):
        bad = damaged(message, source)
        begun = time.perf_counter()
        try:
            parse(bad)
        except BongsuError:
            pass
        except Exception as error:
            raise AssertionError(f"round {round_} of seed {SEED}: {error!r} for {bad!r}") from error
        assert time.perf_counter() - begun < MAX_SECONDS, bad
