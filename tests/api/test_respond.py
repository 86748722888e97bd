from __future__ import annotations

import math

from bongsu.api.respond import json_response, no_content, raw_json_response, text_response


def test_json_keeps_the_order_of_keys_and_writes_what_is_no_number_as_null() -> None:
    answer = json_response({"b": 1, "a": math.nan, "한": "국"}, status=201, headers={"X-A": "1"})

    assert (201, "application/json", "1", '{"b":1,"a":null,"한":"국"}'.encode()) == (
        answer.status_code,
        answer.headers["content-type"],
        answer.headers["x-a"],
        answer.body,
    )


def test_written_json_is_sent_as_it_is() -> None:
    answer = raw_json_response(b"[1]")

    assert (b"[1]", "application/json") == (answer.body, answer.headers["content-type"])


def test_text_says_its_encoding() -> None:
    answer = text_response("5", status=503)

    assert (503, b"5", "text/plain; charset=utf-8") == (
        answer.status_code,
        answer.body,
        answer.headers["content-type"],
    )


def test_no_content_is_empty() -> None:
    answer = no_content()

    assert (204, b"") == (answer.status_code, answer.body)
