"""
Database connections: in use and idle in each pool, and marks on the transactions that wait for one.

SQLAlchemy's queue pools, psycopg_pool, asyncpg, redis, and Django's connections, which each thread keeps for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from bongsu.agent.pools.watch import Watched, read_each, watch_constructor, wrap_when_imported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.agent.transactions import Transactions


class ConnectionUse(NamedTuple):
    """Connections of the pools of one kind."""

    pool: str
    used: int
    idle: int


class ConnectionPools:
    """
    The connection pools of this process; safe from any thread.

    Parameters
    ----------
    transactions
        Told while one of them waits for a connection.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._sqlalchemy = Watched()
        self._psycopg = Watched()
        self._asyncpg = Watched(is_over=lambda pool: pool.is_closing())
        self._redis = Watched()
        self._django = Watched()

    def watch(self) -> None:
        """Wrap the libraries, now or when they are imported."""
        watch_constructor("sqlalchemy.pool.impl", "QueuePool", self._sqlalchemy)
        self._mark("sqlalchemy.pool.base", "Pool.connect")
        watch_constructor("psycopg_pool.base", "BasePool", self._psycopg)
        self._mark("psycopg_pool.pool", "ConnectionPool.getconn")
        self._mark_async("psycopg_pool.pool_async", "AsyncConnectionPool.getconn")
        watch_constructor("asyncpg.pool", "Pool", self._asyncpg)
        self._mark_async("asyncpg.pool", "Pool._acquire")
        for module in ("redis.connection", "redis.asyncio.connection"):
            watch_constructor(module, "ConnectionPool", self._redis)
        watch_constructor("django.db.backends.base.base", "BaseDatabaseWrapper", self._django)
        _follow_django("django.db.backends.base.base")

    def uses(self) -> Iterator[ConnectionUse]:
        """Yield the use of every kind of pool that there is."""
        for name, pools, read in (
            ("sqlalchemy", self._sqlalchemy, _sqlalchemy),
            ("psycopg_pool", self._psycopg, _psycopg),
            ("asyncpg", self._asyncpg, _asyncpg),
            ("redis", self._redis, _redis),
            ("django", self._django, _django),
        ):
            counts = list(read_each(pools, read))
            if counts:
                yield ConnectionUse(name, sum(used for used, _ in counts), sum(idle for _, idle in counts))

    def _mark(self, module: str, function: str) -> None:
        waiting = self._transactions.waiting

        def wait(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
            with waiting("dbc"):
                return wrapped(*args, **kwargs)

        wrap_when_imported(module, function, wait)

    def _mark_async(self, module: str, function: str) -> None:
        waiting = self._transactions.waiting

        async def wait(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
            with waiting("dbc"):
                return await wrapped(*args, **kwargs)

        wrap_when_imported(module, function, wait)


def _sqlalchemy(pool: Any) -> tuple[int, int]:
    return max(0, pool.checkedout()), pool.checkedin()


def _psycopg(pool: Any) -> tuple[int, int]:
    if pool.closed:
        return 0, 0
    stats = pool.get_stats()
    idle = stats["pool_available"]
    return max(0, stats["pool_size"] - idle), idle


def _asyncpg(pool: Any) -> tuple[int, int]:
    idle = pool.get_idle_size()
    return pool.get_size() - idle, idle


def _redis(pool: Any) -> tuple[int, int]:
    return len(pool._in_use_connections), len(pool._available_connections)  # noqa: SLF001 - there is no public reading


_IN_REQUEST = "_bongsu_in_request"


def _django(wrapper: Any) -> tuple[int, int]:
    # Django's own pool of psycopg connections is counted as that.
    if wrapper.connection is None or getattr(wrapper, "pool", None) is not None:
        return 0, 0
    return (1, 0) if getattr(wrapper, _IN_REQUEST, False) else (0, 1)


def _follow_django(module: str) -> None:
    """Mark a connection as used from its first query to the end of its request, when Django looks whether to keep it."""

    def used(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        setattr(instance, _IN_REQUEST, True)
        return wrapped(*args, **kwargs)

    def left(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        setattr(instance, _IN_REQUEST, False)
        return wrapped(*args, **kwargs)

    wrap_when_imported(module, "BaseDatabaseWrapper.cursor", used)
    wrap_when_imported(module, "BaseDatabaseWrapper.close_if_unusable_or_obsolete", left)
