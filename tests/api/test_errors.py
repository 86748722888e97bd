from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs
from tests.support.access import make_request

from bongsu.api import errors as edge
from bongsu.api.respond import json_response
from bongsu.control.errors import AlreadyExists, UnknownTarget
from bongsu.model import errors as model
from bongsu.storage.errors import StoreReadOnly

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (edge.Unauthorized("x"), 401),
        (edge.Forbidden("x"), 403),
        (edge.MethodNotAllowed("x", allowed=("GET",)), 405),
        (edge.BodyTimeout("x"), 408),
        (edge.BodyTooLarge("x"), 413),
        (edge.UnsupportedMedia("x"), 415),
        (AlreadyExists("x"), 409),
        (model.InvalidInput("x"), 400),
        (model.NotFound("x"), 404),
        (UnknownTarget("x"), 404),
        (model.LimitExceeded("x", retry_after_s=2.0), 429),
        (model.LimitExceeded("x"), 422),
        (model.Unavailable("x"), 503),
        (StoreReadOnly("x"), 503),
        (model.BongsuError("x"), 500),
        (ValueError("x"), 500),
    ],
)
def test_every_kind_has_its_status(error: Exception, status: int) -> None:
    assert status == edge.failure_of(error).status


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (edge.Unauthorized("x"), {"WWW-Authenticate": 'Bearer realm="bongsu"'}),
        (edge.MethodNotAllowed("x", allowed=("GET", "POST")), {"Allow": "GET, POST"}),
        (model.LimitExceeded("x", retry_after_s=0.2), {"Retry-After": "1"}),
        (model.Unavailable("x"), {"Retry-After": "5"}),
        (model.NotFound("x"), {}),
    ],
)
def test_headers_say_what_to_do_next(error: Exception, headers: dict[str, str]) -> None:
    assert headers == edge.failure_of(error).headers


def test_an_unexpected_error_is_told_without_its_text() -> None:
    failure = edge.failure_of(ValueError("password=hunter2"))

    assert ("internal", False) == (failure.id, "hunter2" in failure.message)


def render(failure: edge.Failure) -> Response:
    return json_response({"id": failure.id}, status=failure.status, headers=failure.headers)


async def test_the_guard_renders_errors_and_logs_only_the_servers_own() -> None:
    async def fails(request: Request) -> Response:
        raise {"client": model.InvalidInput("bad"), "server": RuntimeError("worse")}[request.headers["who"]]

    with capture_logs() as logs:
        guarded = edge.guard(fails, render=render, log=structlog.get_logger(who="server"))
        answers = [await guarded(make_request({"who": who})) for who in ("client", "server")]

    assert [(answer.status_code, answer.body) for answer in answers] == [
        (400, b'{"id":"invalid-input"}'),
        (500, b'{"id":"internal"}'),
    ]
    assert ["server"] == [entry["who"] for entry in logs]
