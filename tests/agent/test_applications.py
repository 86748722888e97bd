"""Real applications under `bongsu agent run` on real servers: the numbers are the arithmetic of their schedules."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.support.apm_api import ApmApi
from tests.support.free_port import free_port
from tests.support.observed import APPS, BIN, Kind, Observed, observed
from tests.support.observed import kind as kind_of
from tests.support.schedule import DEADLINE_S, in_one_tick, numbers_when, sealed_tick, wait_for

from bongsu.apm.settings import ApmSettings
from bongsu.runtime.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process


@pytest.fixture(params=["flask", "fastapi", "django"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return kind_of(str(request.param))


def make_api(*, silence_ms: int = 15_000) -> ApmApi:
    # The agents send every second; the rest of the grace is for a busy machine.
    return ApmApi(clock=SystemClock(), settings=ApmSettings(grace_ms=4_000, agent_silence_ms=silence_ms))


def test_transactions_users_and_errors_are_the_schedules_arithmetic(
    kind: Kind, database: str, tmp_path: Path
) -> None:
    api = make_api()
    with (
        api.served() as base,
        observed(kind, tmp_path, url=base, key=api.key["alpha"], database=database) as app,
    ):
        numbers_when(api, lambda n: n.act_agent == kind.agents, "all agents")
        sent: list[tuple[str, dict[str, str]]] = [
            *(("/work?ms=100", {"x_user": f"user-{i % 7}"}) for i in range(20)),
            *(("/fail", {"x_user": f"user-{i}"}) for i in range(3)),
            *(("/work", {"cookie": f"theme=dark; sid=session-{i % 2}"}) for i in range(6)),
            *(("/work", {"x_forwarded_for": f"203.0.113.{i % 4}, 10.0.0.1"}) for i in range(8)),
            ("/work", {}),
        ]

        def run() -> None:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                answers = pool.map(lambda one: app.get(one[0], **one[1]), sent)
                assert 3 == list(answers).count(500)

        tick = sealed_tick(api, in_one_tick(run))
        numbers = tick.numbers
        assert len(sent) == numbers.txcount
        assert len(sent) / 5 == numbers.tps
        assert 3 == tick.transactions.errors
        # Seven by header (the failing ones are among them), two by cookie, four by forwarded address, the peer, the first request's.
        assert 7 + 2 + 4 + 1 + 1 == numbers.user
        assert 20 * 100 / len(sent) <= numbers.rtime <= 5_000
        assert (kind.agents, 0, 1) == (numbers.act_agent, numbers.inact_agent, numbers.host)
        assert os.cpu_count() == numbers.cpucore
        assert 0 < numbers.cpu <= 100
        assert (0, 0) == (tick.late_spans, tick.repeated_spans)
        assert numbers.txcount == sum(agent.transactions.count for agent in tick.agents)
        assert 0 == api.engine.newest("beta").numbers.act_agent


def test_requests_in_flight_threads_and_connections_are_what_is_held(
    kind: Kind, database: str, tmp_path: Path
) -> None:
    api = make_api()
    with (
        api.served() as base,
        observed(kind, tmp_path, url=base, key=api.key["alpha"], database=database) as app,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        own = "&django=1" if kind.name == "django" else ""
        held = [pool.submit(app.get, f"/hold?alchemy=2{own}"), pool.submit(app.get, "/hold?psycopg=1")]
        held += [pool.submit(app.get, "/hold")]
        used = 4 if own else 3
        busy = numbers_when(
            api,
            lambda n: (n.actx, n.threadpool_active, n.dbc_active) == (3, 3, used),
            "three requests in flight on three threads with their connections",
        )
        assert (3, 0, 0) == (busy.act_method, busy.act_sql, busy.act_dbc)
        assert busy.dbc_count == busy.dbc_active + busy.dbc_idle
        app.release()
        assert [200] * 3 == [future.result(DEADLINE_S) for future in held]
        free = numbers_when(
            api, lambda n: (n.actx, n.threadpool_active, n.dbc_active) == (0, 0, 0), "an idle application"
        )
        assert used <= free.dbc_idle == free.dbc_count


def test_waiting_for_a_query_and_for_a_connection_are_told_apart(database: str, tmp_path: Path) -> None:
    api = make_api()
    with (
        api.served() as base,
        observed(kind_of("fastapi"), tmp_path, url=base, key=api.key["alpha"], database=database) as app,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        # The pool has four connections: three run a query, one is held by code, and two more requests wait.
        requests = [pool.submit(app.get, "/hold?alchemy=1")]
        requests += [pool.submit(app.get, "/sql?seconds=20") for _ in range(3)]
        numbers_when(api, lambda n: (n.act_method, n.act_sql) == (1, 3), "three queries")
        requests += [pool.submit(app.get, "/sql?seconds=0.1") for _ in range(2)]
        waiting = numbers_when(api, lambda n: n.act_dbc == 2, "two requests that wait for a connection")
        assert waiting.actx == waiting.act_method + waiting.act_sql + waiting.act_dbc
        assert waiting.dbc_active == 4
        app.release()
        assert [200] * 6 == [request.result(DEADLINE_S) for request in requests]


def test_work_that_waits_for_a_thread_is_the_queue(database: str, tmp_path: Path) -> None:
    api = make_api()
    with (
        api.served() as base,
        observed(kind_of("django"), tmp_path, url=base, key=api.key["alpha"], database=database) as app,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        held = [pool.submit(app.get, "/hold") for _ in range(7)]
        numbers_when(
            api,
            lambda n: (n.actx, n.threadpool_active, n.threadpool_queue) == (4, 4, 3),
            "four busy threads and three waiting requests",
        )
        app.release()
        assert [200] * 7 == [future.result(DEADLINE_S) for future in held]


def test_a_killed_worker_comes_back_as_the_same_agent_and_a_renamed_application_as_another(
    database: str, tmp_path: Path
) -> None:
    api = make_api(silence_ms=8_000)
    flask = kind_of("flask")
    with api.served() as base:
        with observed(flask, tmp_path, url=base, key=api.key["alpha"], database=database) as app:
            numbers_when(api, lambda n: n.act_agent == 2, "two workers")
            before = workers_of(app)
            os.kill(before[0], signal.SIGKILL)
            wait_for(lambda: len(workers_of(app)) == 2 and before != workers_of(app), "a new worker")

            def run() -> None:
                for _ in range(10):
                    assert 200 == app.get("/work", x_user="ann")

            tick = sealed_tick(api, in_one_tick(run))
            assert (10, 2, 0) == (tick.numbers.txcount, tick.numbers.act_agent, tick.numbers.inact_agent)
            names = {agent.identity.agent.instance for agent in tick.agents}
        with observed(
            flask, tmp_path, url=base, key=api.key["alpha"], database=database, name="renamed"
        ) as app:
            numbers_when(api, lambda n: (n.act_agent, n.inact_agent) == (2, 2), "the old name's silence")
            assert 4 == len({agent.identity.agent for agent in api.engine.newest("alpha").agents})
        assert 2 == len(names)


def test_an_application_runs_without_its_server_and_reports_when_it_is_there(
    database: str, tmp_path: Path
) -> None:
    api, port = make_api(), free_port()
    with observed(
        kind_of("flask"), tmp_path, url=f"http://127.0.0.1:{port}", key=api.key["alpha"], database=database
    ) as app:
        started = time.monotonic()
        assert [200] * 50 == [app.get("/work") for _ in range(50)]
        assert time.monotonic() - started < 10, "requests must not wait for the server"
        with api.served(port):
            numbers_when(api, lambda n: n.act_agent == 2, "the agents")
        # Away again, for longer than a report's repetitions last.
        assert [200] * 50 == [app.get("/work") for _ in range(50)]
        with api.served(port):

            def run() -> None:
                assert [200] * 20 == [app.get("/work") for _ in range(20)]

            def counted() -> bool:
                return sealed_tick(api, in_one_tick(run)).numbers.txcount == 20

            wait_for(counted, "a tick that has all its transactions after the outage")


@pytest.mark.parametrize(
    ("command", "agents"),
    [
        (("uvicorn", "--workers", "2", "--port", "{port}", "--factory", f"{APPS}:fastapi_app"), 2),
        (("flask", "--app", f"{APPS}:flask_app()", "run", "--debug", "--port", "{port}"), 1),
    ],
)
def test_what_only_starts_the_processes_that_serve_is_no_agent(
    command: tuple[str, ...], agents: int, database: str, tmp_path: Path
) -> None:
    api = make_api()
    kind = Kind(command[0], (str(BIN / command[0]), *command[1:]), agents=agents, threads=0)
    with (
        api.served() as base,
        observed(kind, tmp_path, url=base, key=api.key["alpha"], database=database) as app,
    ):
        numbers_when(api, lambda n: n.act_agent == agents, "the agents")

        def run() -> None:
            assert [200] * 8 == [app.get("/work") for _ in range(8)]

        tick = sealed_tick(api, in_one_tick(run))
        assert (8, agents, 0) == (tick.numbers.txcount, tick.numbers.act_agent, tick.numbers.inact_agent)
        expected = {f"shop-{socket.gethostname()}-{number}" for number in range(agents)}
        assert expected == {agent.identity.agent.instance for agent in tick.agents}


def test_two_projects_see_their_own_application_only(database: str, tmp_path: Path) -> None:
    api, fastapi = make_api(), kind_of("fastapi")
    with (
        api.served() as base,
        observed(fastapi, tmp_path, url=base, key=api.key["alpha"], database=database) as one,
        observed(fastapi, tmp_path, url=base, key=api.key["beta"], database=database, name="bar") as other,
    ):

        def run() -> None:
            for app, count in ((one, 3), (other, 5)):
                assert [200] * count == [app.get("/work", x_user="ann") for _ in range(count)]

        end_ms = in_one_tick(run)
        assert (3, 5) == tuple(sealed_tick(api, end_ms, p).numbers.txcount for p in ("alpha", "beta"))
        assert (1, 1) == tuple(sealed_tick(api, end_ms, p).numbers.act_agent for p in ("alpha", "beta"))


def test_sampled_traces_are_counted_by_their_histograms_and_seen_in_flight(
    database: str, tmp_path: Path
) -> None:
    api = make_api()
    sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
    with (
        api.served() as base,
        observed(
            kind_of("fastapi"),
            tmp_path,
            url=base,
            key=api.key["alpha"],
            database=database,
            environment=sampler,
        ) as app,
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        numbers_when(api, lambda n: n.act_agent == 1, "the agent")
        # What a histogram held before the server knew the agent is not counted: the schedule begins after that, in an idle tick.
        wait_for(
            lambda: app.get("/work") == 200 and api.engine.newest("alpha").since_start.count,
            "a transaction by its histogram",
        )
        numbers_when(api, lambda n: n.txcount == 0, "an idle tick")
        before = api.engine.newest("alpha").since_start.count

        def run() -> None:
            answers = pool.map(app.get, ["/work"] * 190 + ["/fail"] * 10)
            assert 10 == list(answers).count(500)

        run()
        held = [pool.submit(app.get, "/hold") for _ in range(3)]
        busy = numbers_when(api, lambda n: n.actx == 3, "three requests in flight, sampled or not")
        assert 3 == busy.act_method
        app.release()
        assert [200] * 3 == [future.result(DEADLINE_S) for future in held]
        counted = wait_for(
            lambda: next(
                (t for t in [api.engine.newest("alpha")] if t.since_start.count - before >= 203), None
            ),
            "all transactions",
        )
        assert (203, 10) == (counted.since_start.count - before, counted.since_start.errors)
        assert [True] == [agent.is_sampled for agent in counted.agents]


FORKING = """
import multiprocessing, os, sys, threading
from opentelemetry import trace

def serve(count):
    tracer = trace.get_tracer("test")
    def one():
        with tracer.start_as_current_span("GET /", kind=trace.SpanKind.SERVER):
            pass
    threads = [threading.Thread(target=one) for _ in range(count)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

def child(count, told, go_on):
    go_on.wait(60)
    serve(count)
    told.set()
    go_on.wait(60) and told.wait(60) and threading.Event().wait(60)

multiprocessing.set_start_method("fork")
serve(1)
go_on = multiprocessing.Event()
children = [(count, multiprocessing.Event()) for count in (2, 4)]
processes = [multiprocessing.Process(target=child, args=(*one, go_on), daemon=True) for one in children]
[process.start() for process in processes]
idle = os.fork()
if not idle:
    sys.stdin.read()
    os._exit(0)
go_on.set()
serve(8)
[told.wait(60) for _, told in children]
print("served", flush=True)
sys.stdin.read()
"""


def test_forked_processes_are_agents_of_their_own_and_lose_and_repeat_nothing(tmp_path: Path) -> None:
    api = make_api()
    environment = {
        **os.environ,
        "BONGSU_AGENT_PERIOD": "1000",
        "BONGSU_AGENT_FOLDER": str(tmp_path / "slots"),
    }
    with api.served() as base:
        command = [
            BIN / "bongsu",
            "agent",
            "run",
            "--url",
            base,
            "--key",
            api.key["alpha"],
            "--name",
            "forks",
        ]
        with subprocess.Popen(
            [*map(str, command), "--", str(BIN / "python"), "-c", FORKING],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert "served\n" == process.stdout.readline()
                numbers_when(api, lambda n: n.act_agent == 3, "the parent and two children that served")
                tick = wait_for(
                    lambda: next(
                        (t for t in [api.engine.newest("alpha")] if t.since_start.count >= 15), None
                    ),
                    "all transactions",
                )
                assert (15, 0) == (tick.since_start.count, tick.repeated_spans)
                by_agent = sorted(agent.since_start.count for agent in tick.agents)
                assert [2, 4, 9] == by_agent, "the child that served nothing is no agent"
            finally:
                process.kill()


def workers_of(app: Observed) -> list[int]:
    """Return the processes that the server has forked."""
    found = subprocess.run(
        ["pgrep", "-P", str(app.process.pid)], check=False, capture_output=True, text=True
    ).stdout
    return sorted(int(line) for line in found.split())
