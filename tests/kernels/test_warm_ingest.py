"""After warming, the first scrape and the first remote write compile nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from tests.support.remote_write import encode_v1, encode_v2, series

from bongsu.ingest.remote_writers import RemoteWriters
from bongsu.kernels import exposition, remote_write
from bongsu.runtime.clock import ManualClock
from bongsu.scrape.layout import Layout
from bongsu.storage.memory import MemoryProjectStore
from bongsu.wire.exposition.negotiation import Format, parse_exposition
from bongsu.wire.remote_write.request import Version, WireRequest

if TYPE_CHECKING:
    from types import ModuleType

T = 1_700_000_000_000


def variants(module: ModuleType) -> dict[str, int]:
    """Return how many compiled variants each public kernel has."""
    kernels: dict[str, Any] = {
        name: kernel for name, kernel in vars(module).items() if hasattr(kernel, "signatures")
    }
    return {name: len(kernel.signatures) for name, kernel in kernels.items() if not name.startswith("_")}


def test_scraping_runs_on_what_was_warmed() -> None:
    exposition.warm()
    before = variants(exposition)
    if not before:
        pytest.skip("numba is switched off")
    body = b"# HELP a b\na 1\nb NaN\n"
    parsed = parse_exposition(body, Format.TEXT)
    layout = Layout.of(body, parsed, np.arange(2), Format.TEXT)
    assert layout.read(body) is not None
    assert before == variants(exposition)


@pytest.mark.parametrize("version", [Version.V1, Version.V2])
def test_remote_writes_run_on_what_was_warmed(version: Version) -> None:
    remote_write.warm()
    before = variants(remote_write)
    if not before:
        pytest.skip("numba is switched off")
    writer = RemoteWriters(ManualClock(T), CollectorRegistry()).of("p", MemoryProjectStore())
    for i in range(2):
        sent = [series("a", (T + i, 1.0), x=str(n)) for n in range(600)]
        encode = encode_v1 if version is Version.V1 else encode_v2
        assert 600 == writer.write(WireRequest(encode(sent), version)).samples
    assert before == variants(remote_write)
