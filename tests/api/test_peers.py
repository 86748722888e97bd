"""Only addresses are taken as where a request comes from, each in one spelling."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from bongsu.api.peers import UNKNOWN, peer_address


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("", UNKNOWN),
        ("unknown", UNKNOWN),
        ("203.0.113.9, 10.0.0.1", UNKNOWN),
        ("203.0.113.009", UNKNOWN),
        ("<script>alert(1)</script>", UNKNOWN),
        ("x" * 10_000, UNKNOWN),
    ],
)
def test_an_address_has_one_spelling_and_other_text_is_none(host: str, expected: str) -> None:
    assert expected == peer_address(Request({"type": "http", "client": (host, 1)}))


def test_without_a_socket_there_is_no_address() -> None:
    assert None is peer_address(Request({"type": "http", "client": None}))
