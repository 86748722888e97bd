"""
Real applications with the stock OpenTelemetry SDK, driven by a known schedule: the numbers are its arithmetic.

Each schedule runs inside one tick of the wall clock; a machine so busy that it does not fit makes the driver try the next one.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.support.apm_api import ApmApi
from tests.support.samples import stored
from tests.support.schedule import DEADLINE_S, in_one_tick, sealed_tick, wait_for

from bongsu.apm.settings import ApmSettings
from bongsu.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.process

SETTINGS = ApmSettings(grace_ms=4_000)
"""The applications send every half second; the rest is for a busy machine."""

ROOT = Path(__file__).parents[2]


@dataclass
class Application:
    port: int

    def get(self, path: str, *, user: str | None = None, source: str = "127.0.0.1") -> int:
        """Send one request over a connection of its own, from an address of this machine; return the status."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=DEADLINE_S, source_address=(source, 0)
        )
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"x-user": user} if user else {})
            answer = connection.getresponse()
            answer.read()
            return answer.status


@contextlib.contextmanager
def application(kind: str, endpoint: str, key: str, instance: str) -> Iterator[Application]:
    command = [sys.executable, "-m", "tests.support.apm_apps", kind, f"{endpoint}/otlp", key, instance]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("PORT "), f"the application did not start: {line!r}"
            yield Application(int(line.split()[1]))
        finally:
            process.kill()


@pytest.fixture(params=["fastapi", "flask"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_transactions_users_and_errors_are_the_schedules_arithmetic(kind: str) -> None:
    api = ApmApi(clock=SystemClock(), settings=SETTINGS)
    with api.served() as base, application(kind, base, api.key["alpha"], "app-1") as app:
        assert 200 == app.get("/work")  # the first request imports and compiles
        sent: list[tuple[str, str | None, str]] = [
            *(("/work?ms=100", f"user-{i % 7}", "127.0.0.1") for i in range(20)),
            *(("/fail", f"user-{i}", "127.0.0.1") for i in range(3)),
            *(("/work?ms=0", None, f"127.0.0.{2 + i % 4}") for i in range(8)),
        ]

        def run() -> None:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                answers = pool.map(lambda one: app.get(one[0], user=one[1], source=one[2]), sent)
                assert 3 == list(answers).count(500)

        tick = sealed_tick(api, in_one_tick(run))
        numbers = tick.numbers
        assert len(sent) == numbers.txcount
        assert len(sent) / 5 == numbers.tps
        assert 3 == tick.transactions.errors
        # Seven by name (the failing ones are among them), four by address, one for the first request.
        assert 7 + 4 + 1 == numbers.user
        assert 20 * 100 / len(sent) <= numbers.rtime <= 5_000
        assert (1, 0, 1) == (numbers.act_agent, numbers.inact_agent, numbers.host)
        assert (0, 0) == (tick.late_spans, tick.repeated_spans)

        async_free = httpx.get(f"{base}/open/api/user", headers=api.reader())
        assert "12" == async_free.text
        wait_for(lambda: stored(api.stores["alpha"], __name__="bongsu_apm_txcount"), "the tick in the store")
        series = stored(api.stores["alpha"], __name__="bongsu_apm_txcount")
        wait_for(lambda: tick.end_ms in series["bongsu_apm_txcount"], "the tick's sample")
        assert float(len(sent)) == series["bongsu_apm_txcount"][tick.end_ms]
        assert "0" == httpx.get(f"{base}/open/api/act_agent", headers=api.reader("beta")).text


def test_requests_in_flight_and_pool_connections_are_what_is_held(kind: str) -> None:
    api = ApmApi(clock=SystemClock(), settings=SETTINGS)
    with api.served() as base, application(kind, base, api.key["alpha"], "app-1") as app:
        assert 200 == app.get("/work")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            held = [pool.submit(app.get, f"/hold?connections={count}") for count in (2, 1, 0, 0)]
            busy = wait_for(
                lambda: next(
                    (n for n in [api.engine.newest("alpha").numbers] if n.actx == 4 and n.dbc_count), None
                ),
                "four requests in flight",
            )
            assert (4, 4, 0) == (busy.actx, busy.act_method, busy.act_sql)
            assert (3, 3, 0) == (busy.dbc_count, busy.dbc_active, busy.dbc_idle)
            app.get("/release")
            assert [200] * 4 == [future.result(DEADLINE_S) for future in held]
        free = wait_for(
            lambda: next((n for n in [api.engine.newest("alpha").numbers] if n.actx == 0), None),
            "an idle application",
        )
        assert (3, 0, 3) == (free.dbc_count, free.dbc_active, free.dbc_idle)


def test_two_agents_of_two_projects_are_counted_apart_and_a_killed_one_falls_silent() -> None:
    settings = ApmSettings(grace_ms=4_000, agent_silence_ms=6_000)
    api = ApmApi(clock=SystemClock(), settings=settings)
    with api.served() as base:
        with (
            application("fastapi", base, api.key["alpha"], "app-1") as one,
            application("flask", base, api.key["alpha"], "app-2") as two,
            application("flask", base, api.key["beta"], "app-1") as other,
        ):
            apps = (one, two, other)
            for app in apps:
                assert 200 == app.get("/work")

            def run() -> None:
                for app, count in zip(apps, (3, 4, 5), strict=True):
                    for _ in range(count):
                        app.get("/work", user="ann")

            end_ms = in_one_tick(run)
            alpha, beta = sealed_tick(api, end_ms), sealed_tick(api, end_ms, "beta")
            assert (7, 5) == (alpha.numbers.txcount, beta.numbers.txcount)
            assert [3, 4] == [agent.transactions.count for agent in alpha.agents]
            assert (2, 1) == (alpha.numbers.act_agent, beta.numbers.act_agent)
            assert (2, 2) == (
                alpha.numbers.user,
                beta.numbers.user,
            )  # ann, and the address of the first request
        silent = wait_for(
            lambda: next((n for n in [api.engine.newest("alpha").numbers] if n.inact_agent == 2), None),
            "silence",
        )
        assert (0, 0, 0) == (silent.act_agent, silent.actx, silent.host)
        with application("flask", base, api.key["alpha"], "app-2") as again:
            assert 200 == again.get("/work")
            back = wait_for(
                lambda: next((n for n in [api.engine.newest("alpha").numbers] if n.act_agent == 1), None),
                "a restart",
            )
            assert 1 == back.inact_agent, "the restarted agent is the one before, not a third"
