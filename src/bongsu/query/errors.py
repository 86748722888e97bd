"""Errors of running queries that the engine cannot know."""

from __future__ import annotations

from bongsu.model.errors import Unavailable
from bongsu.promql.errors import QueryTimeout


class QueueTimeout(QueryTimeout):
    """The query's time ended before another query had made room for it."""

    def __init__(self, timeout_s: float, max_concurrent: int) -> None:
        super().__init__(timeout_s)
        self.id = "query-queue-timeout"
        self.message = (
            f"query timed out in query queue: it waited {timeout_s:g} s, and {max_concurrent} run at once; "
            "send fewer at once, or raise its timeout parameter or query.max_concurrent"
        )
        self.args = (self.message,)


class QueriesClosed(Unavailable):
    """The server is stopping and starts no more queries."""

    def __init__(self) -> None:
        super().__init__("the server is stopping; ask again in a moment", id="queries-closed")
