from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.control import checks
from bongsu.control.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.integers()),
)


@pytest.mark.parametrize("good", ["a", "node-exporter", "A_1", "x" * 100])
def test_job_names_of_letters_digits_hyphen_and_underscore_pass(good: str) -> None:
    assert good == checks.check_job_name(good)


@pytest.mark.parametrize("bad", [None, "", " ", "a b", "@Linux", "일", "a/b", "x" * 101, 5, ["a"], "a\n"])
def test_other_job_names_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match="'jobName' is"):
        checks.check_job_name(bad)


@pytest.mark.parametrize("good", ["/", "/metrics", "/probe?target=a%20b&x[]=1", "/a/../b"])
def test_paths_pass(good: str) -> None:
    assert good == checks.check_path(good)


@pytest.mark.parametrize(
    "bad", [None, "", "metrics", "http://x/metrics", "/a b", "/a#b", "/é", "/a\r\nX: y", "/" + "x" * 1024, 7]
)
def test_other_paths_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match="'metricsPath' is"):
        checks.check_path(bad)


@pytest.mark.parametrize(
    ("sent", "port"), [(9100, 9100), ("9100", 9100), (1, 1), (65535, 65535), (" 80 ", 80)]
)
def test_ports_are_taken_as_numbers_and_as_texts(sent: object, port: int) -> None:
    assert port == checks.check_port(sent)


@pytest.mark.parametrize(
    "bad",
    [None, 0, -1, 65536, "0", "", "http", "post number", 9100.0, True, "²", "9" * 5000, [9100], 10**400],
)
def test_other_ports_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match="'port' is"):
        checks.check_port(bad)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("192.168.0.5", "192.168.0.5"),
        ("::1", "::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("localhost", "localhost"),
        ("db_1.internal.example.", "db_1.internal.example."),
        (" 10.0.0.1 ", "10.0.0.1"),
    ],
)
def test_addresses_and_host_names_pass(sent: str, kept: str) -> None:
    assert kept == checks.check_address(sent)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "10.0.0",
        "10.0.0.256",
        "http://x",
        "a:9100",
        "a/b",
        "-a",
        "a..b",
        "x" * 64,
        "a b",
        "a@b",
        "::1%eth 0",
        5,
    ],
)
def test_other_addresses_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match="'svrIp' is"):
        checks.check_address(bad)


@pytest.mark.parametrize(("sent", "ms"), [("15d", 1_296_000_000), ("0", 0), (0, 0), ("1y", 31_536_000_000)])
def test_retention_is_a_duration_or_zero(sent: object, ms: int) -> None:
    assert ms == checks.check_retention(sent)


@pytest.mark.parametrize("bad", [None, "", "-1d", "15 days", 15, True, [], "1d1y"])
def test_other_retentions_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match=r"'retention' is .*'0' for ever"):
        checks.check_retention(bad)


@pytest.mark.parametrize(
    "bad", [None, "", [], ["root"], ["read", "root"], "read", {"read": 1}, [["read"]], 1]
)
def test_wrong_scopes_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match="at least one of manage, read, write"):
        checks.check_scopes(bad)


@pytest.mark.parametrize("bad", [None, "", "  ", "a\x00b", "\ud800", 5, "x" * 256])
def test_wrong_texts_are_refused(bad: object) -> None:
    with pytest.raises(BadValue, match="'hostNm'"):
        checks.check_text("hostNm", bad)


@pytest.mark.parametrize(
    "bad", [None, [], {"max_sevrers": 1}, {"max_servers": -1}, {"max_servers": True}, {"max_servers": 2**53}]
)
def test_wrong_limits_are_refused(bad: object) -> None:
    with pytest.raises(BadValue):
        checks.check_limits(bad, ["max_servers"])


def test_an_unknown_field_is_named_with_those_that_there_are() -> None:
    with pytest.raises(BadValue, match="unknown field 'nam'; this call takes name, region"):
        checks.check_known({"nam": 1}, ("region", "name"))


@pytest.mark.parametrize(
    "check",
    [
        checks.check_job_name,
        checks.check_path,
        checks.check_port,
        checks.check_address,
        checks.check_retention,
        checks.check_scopes,
        lambda value: checks.check_text("x", value),
        lambda value: checks.check_region(value, ("kr",)),
        lambda value: checks.check_limits(value, ("a",)),
    ],
)
@given(value=ANYTHING)
def test_any_value_passes_or_is_refused_with_a_short_text(
    check: Callable[[object], object], value: object
) -> None:
    try:
        check(value)
    except BadValue as refused:
        assert len(refused.message) < 500  # noqa: PT017 - passing is as good as this refusal
