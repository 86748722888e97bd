"""Pools of the real libraries, read while the test knows what they hold."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]

SETUP = """
import sys
from bongsu.agent.pools.connections import ConnectionPools
from bongsu.agent.pools.threads import ThreadPools
from bongsu.agent.transactions import Transactions
transactions = Transactions()
connections, threads = ConnectionPools(transactions), ThreadPools()
connections.watch(); threads.watch()
url = sys.argv[1] if len(sys.argv) > 1 else ""
def pooled():
    return {use.pool: (use.used, use.idle) for use in connections.uses()}
def busy():
    return {use.pool: (use.active, use.queued) for use in threads.uses()}
def expect(expected, actual):
    assert expected == actual, f"expected {expected}, got {actual}"
"""


def run(script: str, *arguments: str) -> None:
    """Run a script in a process of its own: wrapping a library is for ever."""
    ended = subprocess.run(
        [sys.executable, "-c", SETUP + textwrap.dedent(script), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr


def test_executors_tell_running_and_waiting_work_also_when_it_piles_up() -> None:
    run(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        gate, started = threading.Event(), threading.Semaphore(0)
        def work():
            started.release()
            gate.wait(60)
        with ThreadPoolExecutor(3) as one, ThreadPoolExecutor(2) as other:
            expect({"ThreadPoolExecutor": (0, 0)}, busy())
            for _ in range(10): one.submit(work)
            other.submit(work)
            for _ in range(4): started.acquire()
            expect({"ThreadPoolExecutor": (4, 7)}, busy())
            gate.set()
        expect((0, 0), busy().get("ThreadPoolExecutor", (0, 0)))
        """
    )


def test_anyios_limiter_tells_borrowed_threads_and_waiting_tasks() -> None:
    run(
        """
        import anyio, threading
        gate = threading.Event()
        async def main():
            anyio.to_thread.current_default_thread_limiter().total_tokens = 2
            async with anyio.create_task_group() as group:
                for _ in range(5): group.start_soon(anyio.to_thread.run_sync, gate.wait)
                while busy().get("anyio") != (2, 3): await anyio.sleep(0.01)
                gate.set()
            expect((0, 0), busy()["anyio"])
        anyio.run(main)
        """
    )


def test_sqlalchemys_pools_sync_and_async(database: str) -> None:
    run(
        """
        import asyncio
        from sqlalchemy import create_engine, text
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_size=3)
        unpooled = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
        first, second = engine.connect(), engine.connect()
        third = unpooled.connect()
        expect({"sqlalchemy": (2, 0)}, pooled())
        first.close()
        expect({"sqlalchemy": (1, 1)}, pooled())
        async def main():
            engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
            async with engine.connect() as connection:
                await connection.execute(text("select 1"))
                expect({"sqlalchemy": (2, 1)}, pooled())
            await engine.dispose()
        asyncio.run(main())
        second.close(); engine.dispose()
        """,
        database,
    )


def test_psycopgs_pools_sync_and_async(database: str) -> None:
    run(
        """
        import asyncio
        from psycopg_pool import AsyncConnectionPool, ConnectionPool
        with ConnectionPool(url, min_size=2, max_size=4, open=True) as pool:
            pool.wait()
            expect({"psycopg_pool": (0, 2)}, pooled())
            with pool.connection(), pool.connection():
                expect({"psycopg_pool": (2, 0)}, pooled())
            expect({"psycopg_pool": (0, 2)}, pooled())
        async def main():
            async with AsyncConnectionPool(url, min_size=1, open=False) as pool:
                await pool.wait()
                async with pool.connection():
                    expect({"psycopg_pool": (1, 0)}, pooled())
        asyncio.run(main())
        expect({"psycopg_pool": (0, 0)}, {**{"psycopg_pool": (0, 0)}, **pooled()})
        """,
        database,
    )


def test_asyncpgs_pools(database: str) -> None:
    run(
        """
        import asyncio, asyncpg
        async def main():
            async with asyncpg.create_pool(url, min_size=2, max_size=12) as pool:
                expect({"asyncpg": (0, 2)}, pooled())
                async with pool.acquire():
                    expect({"asyncpg": (1, 1)}, pooled())
        asyncio.run(main())
        """,
        database,
    )


DJANGO = """
import django, os
from urllib.parse import urlsplit
from django.conf import settings
at = urlsplit(url)
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "HOST": at.hostname, "PORT": at.port,
    "USER": at.username, "NAME": at.path.strip("/"), "CONN_MAX_AGE": MAX_AGE, "OPTIONS": OPTIONS}})
django.setup()
from django.core.signals import request_finished
from django.db import connection
"""


def test_djangos_kept_connection_is_used_in_a_request_and_idle_between(database: str) -> None:
    run(
        f"MAX_AGE, OPTIONS = 600, {{}}\n{DJANGO}"
        + textwrap.dedent(
            """
            expect((0, 0), pooled().get("django", (0, 0)))
            connection.cursor().execute("select 1")
            expect({"django": (1, 0)}, pooled())
            request_finished.send(object)
            expect({"django": (0, 1)}, pooled())
            connection.cursor().execute("select 1")
            expect({"django": (1, 0)}, pooled())
            connection.close()
            expect({"django": (0, 0)}, pooled())
            """
        ),
        database,
    )


def test_djangos_own_pool_is_not_counted_twice(database: str) -> None:
    run(
        f"import time\nMAX_AGE, OPTIONS = 0, {{'pool': {{'min_size': 2}}}}\n{DJANGO}"
        + textwrap.dedent(
            """
            connection.cursor().execute("select 1")
            deadline = time.monotonic() + 30
            while pooled() != {"django": (0, 0), "psycopg_pool": (1, 1)}:
                assert time.monotonic() < deadline, pooled()
                time.sleep(0.05)
            """
        ),
        database,
    )


def test_redis_pools_count_what_is_taken_and_given_back() -> None:
    run(
        """
        import redis, socketserver, threading
        # Connections are all that is looked at: a listener that answers every command is enough of a server.
        class Answer(socketserver.StreamRequestHandler):
            def handle(self):
                while (line := self.rfile.readline()):
                    if line.startswith(b"*"):
                        for _ in range(int(line[1:])): self.rfile.readline(); self.rfile.readline()
                        self.wfile.write(b"+OK\\r\\n")
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            pool = redis.ConnectionPool(host="127.0.0.1", port=server.server_address[1], protocol=2)
            one, two = pool.get_connection(), pool.get_connection()
            expect({"redis": (2, 0)}, pooled())
            pool.release(one)
            expect({"redis": (1, 1)}, pooled())
            pool.release(two); pool.disconnect()
            server.shutdown()
        """
    )


def test_pools_that_are_gone_are_forgotten() -> None:
    run(
        """
        import gc
        from concurrent.futures import ThreadPoolExecutor
        pools = [ThreadPoolExecutor(1) for _ in range(100)]
        assert len(list(threads._executors)) >= 100
        for pool in pools: pool.shutdown()
        del pool, pools
        gc.collect()
        expect(0, len(list(threads._executors)))
        """
    )
