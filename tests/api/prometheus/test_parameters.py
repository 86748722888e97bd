"""Query strings and forms are read as the standard library reads them."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.api.prometheus.parameters import whole_parameters
from bongsu.api.whole import WholeRequest, first_of_each
from bongsu.model.errors import InvalidInput

PIECES = st.sampled_from(
    ["a", "b", "=", "&", "%41", "%", "%zz", "+", "%2B", "%c3%a9", "\u00e9", "%ff", ";", "match[]=up"]
)


def _read(query: bytes) -> dict[str, list[str]]:
    parameters = whole_parameters(WholeRequest("GET", "/query", query, {}, b""))
    assert parameters is not None
    return parameters._values


@given(st.lists(PIECES, max_size=12).map("".join))
def test_fields_are_those_of_the_standard_library(text: str) -> None:
    expected: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(text, keep_blank_values=True, errors="strict"):
            expected.setdefault(name, []).append(value)
    except UnicodeDecodeError:
        with pytest.raises(InvalidInput, match="not valid UTF-8"):
            _read(text.encode())
        return

    for _ in range(2):  # what was read before is read alike
        assert expected == _read(text.encode())


def test_too_many_fields_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 10000 fields"):
        _read(b"&".join([b"a=1"] * 10_001))


def test_a_compressed_body_is_left_to_the_general_way() -> None:
    headers = {"content-length": "3", "content-encoding": "gzip"}

    assert whole_parameters(WholeRequest("POST", "/query", b"", headers, b"a=1")) is None


def test_of_several_headers_by_one_name_the_first_counts() -> None:
    raw = [(b"x-tc-app-key", b"one"), (b"accept", b"\xe9"), (b"x-tc-app-key", b"two")]

    assert {"x-tc-app-key": "one", "accept": "\u00e9"} == first_of_each(raw)
