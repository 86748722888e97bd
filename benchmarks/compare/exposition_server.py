"""
Serves expositions of 500 series that are made beforehand: ``python -m benchmarks.compare.exposition_server PORT``.

Each connection is one target; its answers go through a row of bodies with the same lines and other values, so that counters grow.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from benchmarks.compare.dataset import Shape, make_hosts

SERIES = 500
VERSIONS = 32


def make_bodies() -> list[bytes]:
    """Return the answers, the same lines in each."""
    hosts = list(make_hosts(Shape(3, VERSIONS, 1_700_000_000_000, churn_per_hour=0)))
    rows = [
        (_series(labels, host.slot), host.values[row])
        for host in hosts
        for row, labels in enumerate(host.labels)
        if labels["__name__"] != "up"
    ][:SERIES]
    rows.sort(key=lambda row: row[0])
    bodies = []
    for version in range(VERSIONS):
        lines, name = [], ""
        for text, values in rows:
            family = text.partition("{")[0]
            if family != name:
                kind = "counter" if family.endswith(("_total", "_bucket", "_count")) else "gauge"
                lines += [f"# HELP {family} Metric of a benchmark.", f"# TYPE {family} {kind}"]
                name = family
            lines.append(f"{text} {values[version]:.10g}")
        bodies.append(("\n".join(lines) + "\n").encode())
    return bodies


def _series(labels: dict[str, str], slot: int) -> str:
    """Return a series as a line begins; the scraper adds instance and job."""
    own = {name: value for name, value in labels.items() if name not in {"__name__", "instance", "job"}}
    pairs = ",".join(f'{name}="{value}"' for name, value in {**own, "part": str(slot)}.items())
    return f"{labels['__name__']}{{{pairs}}}"


class _Target(asyncio.Protocol):
    """One connection; requests have no bodies, so that an empty line ends them."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        self._next = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if data.endswith(b"\r\n\r\n") and self._transport is not None:
            self._transport.write(self._answers[self._next % len(self._answers)])
            self._next += 1


async def _serve(port: int) -> None:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\r\n"
    answers = [head.format(len(body)).encode() + body for body in make_bodies()]
    server = await asyncio.get_running_loop().create_server(
        lambda: _Target(answers), "127.0.0.1", port, backlog=2048
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
