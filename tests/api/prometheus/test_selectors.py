from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.api.prometheus.selectors import label_name_of_path, unescape_name


def escaped(name: str) -> str:
    """Escape every character but letters and digits, as Prometheus' clients do."""
    return "U__" + "".join(
        c if c.isascii() and c.isalnum() else "__" if c == "_" else f"_{ord(c):x}_" for c in name
    )


@given(st.text(min_size=1, alphabet=st.characters(codec="utf-8")))
def test_an_escaped_name_is_unescaped(name: str) -> None:
    assert name == unescape_name(escaped(name))


@pytest.mark.parametrize(
    "name", ["job", "a_b", "U_", "U__a_", "U__a_zz_", "U__a_d800_", "U__a_110000_", "U__a_1234567_", "u__a"]
)
def test_a_name_that_is_not_escaped_stands_for_itself(name: str) -> None:
    assert name == unescape_name(name)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/prometheus/api/v1/label/job/values", "job"),
        (b"/prometheus/api/v1/label/a%2Fb/values", "a/b"),
        (b"/prometheus/api/v1/label/label/values", "label"),
        (b"/prometheus/api/v1/label/%ED%95%9C/values", "한"),
        (b"/prometheus/api/v1/label/values/values", "values"),
    ],
)
def test_the_name_is_taken_from_the_path_as_it_was_sent(path: bytes, name: str) -> None:
    assert name == label_name_of_path(path)
