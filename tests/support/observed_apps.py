"""
Applications without a word of telemetry in them, for `bongsu agent run`: Flask, FastAPI and Django over the same work.

``/work?ms=N`` sleeps, ``/fail`` answers 500, ``/hold`` stays in flight until the file ``HOLD_FILE`` is there, with connections of
each pool in its hands (``alchemy=N``, ``psycopg=N``) or a query of Django's own connection behind it (``django=1``); ``/sql`` runs a
query that lasts as long. ``DATABASE_URL`` names a PostgreSQL.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HELD_SECONDS = 60.0
POOL_SIZE = 4


_making = threading.Lock()
_pools: dict[str, Any] = {}


def once(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that makes its result once in a process, whatever threads ask first."""

    def get() -> Any:
        with _making:
            if make.__name__ not in _pools:
                _pools[make.__name__] = make()
            return _pools[make.__name__]

    return get


@once
def alchemy() -> Any:
    """Return the SQLAlchemy engine of this process."""
    from sqlalchemy import create_engine

    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    return create_engine(url, pool_size=POOL_SIZE, max_overflow=0)


@once
def psycopg() -> Any:
    """Return the psycopg pool of this process."""
    from psycopg_pool import ConnectionPool

    return ConnectionPool(os.environ["DATABASE_URL"], min_size=1, max_size=POOL_SIZE, open=True)


def is_released() -> bool:
    """Tell whether held requests may go."""
    return Path(os.environ["HOLD_FILE"]).exists()


def hold(asked: Mapping[str, str]) -> None:
    """Stay until released, with what was asked for."""
    with contextlib.ExitStack() as stack:
        for _ in range(int(asked.get("alchemy", "0"))):
            stack.enter_context(alchemy().connect())
        for _ in range(int(asked.get("psycopg", "0"))):
            stack.enter_context(psycopg().connection())
        if asked.get("django"):
            from django.db import connection

            connection.cursor().execute("select 1")
        deadline = time.monotonic() + HELD_SECONDS
        while not is_released() and time.monotonic() < deadline:
            time.sleep(0.02)


def run_sql(seconds: float) -> None:
    """Run one query that lasts."""
    from sqlalchemy import text

    with alchemy().connect() as connection:
        connection.execute(text("select pg_sleep(:seconds)"), {"seconds": seconds})


def flask_app() -> Any:
    """Return the Flask application."""
    from flask import Flask, request

    app = Flask("observed")

    @app.get("/work")
    def work() -> str:
        time.sleep(int(request.args.get("ms", "0")) / 1000)
        return "done"

    @app.get("/fail")
    def fail() -> Any:
        return "failed", 500

    @app.get("/hold")
    def held() -> str:
        hold(request.args)
        return "held"

    @app.get("/sql")
    def sql() -> str:
        run_sql(float(request.args["seconds"]))
        return "done"

    return app


def fastapi_app() -> Any:
    """Return the FastAPI application; its plain functions run on threads."""
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    @app.get("/work")
    def work(ms: int = 0) -> str:
        time.sleep(ms / 1000)
        return "done"

    @app.get("/fail")
    def fail() -> Response:
        return Response("failed", 500)

    def held(request: Request) -> str:
        hold(request.query_params)
        return "held"

    # By hand: FastAPI would look for the names of the annotations in the module.
    held.__annotations__["request"] = Request
    app.get("/hold")(held)

    @app.get("/sql")
    def sql(seconds: float) -> str:
        run_sql(seconds)
        return "done"

    return app


def django_app() -> Any:
    """Return the Django application: settings, addresses and all in one function."""
    from urllib.parse import urlsplit

    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    database = urlsplit(os.environ["DATABASE_URL"])
    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="a secret of the tests",
        ROOT_URLCONF=(
            path(
                "work",
                lambda request: _django_call(
                    HttpResponse, lambda: time.sleep(int(request.GET.get("ms", "0")) / 1000)
                ),
            ),
            path("fail", lambda _request: HttpResponse("failed", status=500)),
            path("hold", lambda request: _django_call(HttpResponse, lambda: hold(request.GET))),
            path(
                "sql",
                lambda request: _django_call(HttpResponse, lambda: run_sql(float(request.GET["seconds"]))),
            ),
        ),
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "HOST": database.hostname,
                "PORT": database.port,
                "USER": database.username,
                "NAME": database.path.strip("/"),
                "CONN_MAX_AGE": 600,
            }
        },
    )
    django.setup()
    return get_wsgi_application()


def _django_call(response: Any, work: Callable[[], None]) -> Any:
    work()
    return response("done")
