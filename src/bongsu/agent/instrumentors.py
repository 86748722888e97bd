"""
OpenTelemetry's instrumentations, each switched on when its library is imported, with the options that the agent needs.

Libraries that the application never imports cost nothing. An instrumentation that is not in the table is switched on at once, as
OpenTelemetry's own start does.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import wrapt

from bongsu.agent.pools.watch import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from bongsu.agent.users import UserFinder

_log = logging.getLogger("bongsu.agent")

_GROUP = "opentelemetry_instrumentor"
_MODULES: Mapping[str, str] = {
    "aio-pika": "aio_pika",
    "aiohttp-client": "aiohttp",
    "aiohttp-server": "aiohttp",
    "aiokafka": "aiokafka",
    "aiopg": "aiopg",
    "asyncpg": "asyncpg",
    "boto": "boto",
    "botocore": "botocore",
    "cassandra": "cassandra",
    "celery": "celery",
    "confluent_kafka": "confluent_kafka",
    "elasticsearch": "elasticsearch",
    "falcon": "falcon",
    "fastapi": "fastapi",
    "flask": "flask",
    "grpc_client": "grpc",
    "grpc_server": "grpc",
    "httpx": "httpx",
    "jinja2": "jinja2",
    "kafka": "kafka",
    "mysql": "mysql.connector",
    "mysqlclient": "MySQLdb",
    "pika": "pika",
    "psycopg": "psycopg",
    "psycopg2": "psycopg2",
    "pymemcache": "pymemcache",
    "pymongo": "pymongo",
    "pymysql": "pymysql",
    "pyramid": "pyramid",
    "redis": "redis",
    "remoulade": "remoulade",
    "requests": "requests",
    "sqlalchemy": "sqlalchemy",
    "starlette": "starlette.applications",
    "tornado": "tornado",
    "urllib3": "urllib3",
}
"""The module whose import switches an instrumentation on, by the instrumentation's name."""

_LEFT_OUT = frozenset({"system_metrics"})
"""What the agent measures itself."""


def switch_on(users: UserFinder) -> None:
    """Switch all installed instrumentations on, now or when their libraries are imported."""
    options = _options(users)
    disabled = {
        name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")
    }
    for entry in entry_points(group=_GROUP):
        if entry.name in disabled or "*" in disabled or entry.name in _LEFT_OUT:
            continue
        given = options.get(entry.name, {})
        if entry.name == "django":
            _before_django_loads(entry, given)
        elif entry.name in _MODULES:
            when_imported(_MODULES[entry.name], _switch(entry, given))
        else:
            _switch(entry, given)(None)


def _options(users: UserFinder) -> dict[str, dict[str, Any]]:
    return {
        "flask": {"request_hook": users.from_wsgi},
        "django": {"request_hook": users.from_django},
        # Spans of single ASGI messages say nothing that the request's span does not, and double the cost.
        "fastapi": {"server_request_hook": users.from_asgi, "exclude_spans": ["receive", "send"]},
        "starlette": {"server_request_hook": users.from_asgi, "exclude_spans": ["receive", "send"]},
        "falcon": {"request_hook": lambda span, request: users.from_wsgi(span, request.env)},
        # It names SQLAlchemy 2.0 as its newest, and works with 2.1.
        "sqlalchemy": {"skip_dep_check": True},
    }


def _switch(entry: EntryPoint, options: Mapping[str, Any]) -> Callable[[Any], None]:
    def switch(_module: Any) -> None:
        if entry.name == "starlette" and "fastapi" in sys.modules:
            return  # FastAPI's applications are Starlette's: one of the two instrumentations is enough
        try:
            entry.load()().instrument(**options)
        except ImportError as error:
            # Its library is not installed.
            _log.debug("bongsu agent: no instrumentation of %s: %s", entry.name, error)
        except Exception as error:  # noqa: BLE001 - an instrumentation that fails must not stop the application
            _log.warning("bongsu agent: %s is not instrumented: %s", entry.name, error)

    return switch


def _before_django_loads(entry: EntryPoint, options: Mapping[str, Any]) -> None:
    """
    Instrument Django before its first handler reads the list of middlewares.

    Not earlier: the instrumentation reads Django's settings, which are often configured after Django is imported.
    """

    def patch(module: Any) -> None:
        def load(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
            instrumentor = importlib.import_module(
                "opentelemetry.instrumentation.django"
            ).DjangoInstrumentor()
            if not instrumentor.is_instrumented_by_opentelemetry:
                _switch(entry, options)(None)
            return wrapped(*args, **kwargs)

        wrapt.wrap_function_wrapper(module, "BaseHandler.load_middleware", load)

    when_imported("django.core.handlers.base", patch)
