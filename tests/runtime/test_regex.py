"""Regular expressions with RE2's syntax and promises."""

from __future__ import annotations

import pytest

from bongsu.model.errors import InvalidInput
from bongsu.runtime.regex import check_pattern, compile_anchored, full_matcher


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a|b", "b", True),
        ("a|b", "ab", False),
        ("", "", True),
        ("", "a", False),
        (".*", "two\nlines", True),
        ("(?i)GET", "get", True),
        (r"\d+", "123", True),
        ("é.", "éü", True),
    ],
)
def test_patterns_are_anchored_and_dots_match_newlines(pattern: str, text: str, matches: bool) -> None:
    assert matches is full_matcher(pattern)(text)


@pytest.mark.parametrize("pattern", ["(", "a**", "(?=x)", r"\1", "[z-a]", r"a\C"])
def test_what_re2_has_not_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="not a valid regular expression"):
        compile_anchored(pattern)


@pytest.mark.parametrize(("pattern", "text"), [(r"\Qa\C\E", r"a\C"), (r"a\\C", r"a\C")])
def test_what_only_looks_like_a_single_byte_is_taken(pattern: str, text: str) -> None:
    assert full_matcher(pattern)(text)


def test_a_pattern_that_needs_the_anchors_parentheses_is_none_by_itself() -> None:
    compile_anchored("a)(b")

    with pytest.raises(InvalidInput, match="not a valid regular expression"):
        check_pattern("a)(b")


def test_groups_serve_rewriting() -> None:
    match = compile_anchored(r"(?P<host>.+):(\d+)").fullmatch("db:5432")

    assert ("db", "5432") == (match.group("host"), match.group(2))


def test_a_hostile_pattern_does_not_hang() -> None:
    assert not full_matcher("(a*)*b")("a" * 100_000)
