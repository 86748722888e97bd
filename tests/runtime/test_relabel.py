"""Relabelling means what the documentation of Prometheus' ``relabel_config`` says, and what Go's templates say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.errors import InvalidInput
from bongsu.runtime.regex import compile_anchored
from bongsu.runtime.regex_template import Template
from bongsu.runtime.relabel import Action, Relabeller, relabel_rule, relabel_rules


def relabelled(labels: dict[str, str], *rules: dict[str, Any]) -> dict[str, str] | None:
    return Relabeller(relabel_rules("rules", list(rules))).apply(labels)


A = {"a": "foo", "b": "bar", "c": "baz"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"source_labels": ["a"], "target_label": "d"}, A | {"d": "foo"}),
        (
            {"source_labels": ["a"], "regex": "f(.*)", "target_label": "d", "replacement": "ch${1}-ch${1}"},
            A | {"d": "choo-choo"},
        ),
        (
            {
                "source_labels": ["a", "b"],
                "regex": "(f).*;(.*)r",
                "target_label": "$1",
                "replacement": "b$$$2",
            },
            A | {"f": "b$ba"},
        ),
        ({"source_labels": ["a"], "regex": "o+", "target_label": "a", "replacement": "x"}, A),
        ({"source_labels": ["a"], "target_label": "a", "replacement": ""}, {"b": "bar", "c": "baz"}),
        ({"source_labels": ["missing"], "regex": "(.+)", "target_label": "a"}, A),
        ({"target_label": "env", "replacement": "prod"}, A | {"env": "prod"}),
        ({"source_labels": ["a"], "regex": ".*o.*", "action": "keep"}, A),
        ({"source_labels": ["a"], "regex": "o", "action": "keep"}, None),
        ({"source_labels": ["a"], "regex": ".*o.*", "action": "drop"}, None),
        ({"source_labels": ["a", "b"], "separator": "_", "regex": "foo_bar", "action": "drop"}, None),
        ({"source_labels": ["missing"], "regex": "", "action": "drop"}, None),
        ({"source_labels": ["a"], "target_label": "b", "action": "keepequal"}, None),
        ({"source_labels": ["a"], "target_label": "b", "action": "dropequal"}, A),
        ({"source_labels": ["a"], "target_label": "a", "action": "dropequal"}, None),
        ({"source_labels": ["missing"], "target_label": "gone", "action": "keepequal"}, A),
        (
            {"source_labels": ["c"], "target_label": "d", "action": "hashmod", "modulus": 1000},
            A | {"d": "976"},
        ),
        (
            {"regex": "(b|c)", "replacement": "bar_${1}", "action": "labelmap"},
            A | {"bar_b": "bar", "bar_c": "baz"},
        ),
        ({"regex": "(b|c)", "action": "labeldrop"}, {"a": "foo"}),
        ({"regex": "(b|c)", "action": "labelkeep"}, {"b": "bar", "c": "baz"}),
        ({"source_labels": ["a"], "target_label": "a", "action": "uppercase"}, A | {"a": "FOO"}),
        ({"source_labels": ["a", "b"], "target_label": "B", "action": "UPPERCASE"}, A | {"B": "FOO;BAR"}),
        (
            {"source_labels": ["missing"], "target_label": "a", "action": "lowercase"},
            {"b": "bar", "c": "baz"},
        ),
    ],
)
def test_a_rule_makes(rule: dict[str, Any], expected: dict[str, str] | None) -> None:
    assert expected == relabelled(A, rule)


def test_rules_follow_each_other_until_one_drops() -> None:
    rules: list[dict[str, Any]] = [
        {"source_labels": ["a"], "target_label": "d", "regex": "f(o+)"},
        {"source_labels": ["d"], "regex": "oo", "action": "drop"},
        {"target_label": "never", "replacement": "seen"},
    ]
    assert relabelled(A, *rules) is None
    steps = Relabeller(relabel_rules("rules", rules)).trace(A)
    assert [({"d": "oo", **A}, True), ({"d": "oo", **A}, False)] == [
        (after, kept) for _, after, kept in steps
    ]


def test_the_dot_takes_line_ends_and_names_may_hold_anything() -> None:
    assert {"a": "x\ny", "b.ü": "y"} == relabelled(
        {"a": "x\ny"}, {"source_labels": ["a"], "regex": "x.(.*)", "target_label": "b.ü"}
    )


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [("Straße", "straße", "STRAßE"), ("ΣΑΣ", "σασ", "ΣΑΣ"), ("İ", "i", "İ"), ("ǆ", "ǆ", "Ǆ")],
)
def test_case_is_changed_character_by_character(text: str, lower: str, upper: str) -> None:
    for action, expected in (("lowercase", lower), ("uppercase", upper)):
        assert {"a": text, "b": expected} == relabelled(
            {"a": text}, {"source_labels": ["a"], "target_label": "b", "action": action}
        )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$1", "x"),
        ("$1$2", "xy"),
        ("${1}0", "x0"),
        ("$10", ""),
        ("$1_", ""),
        ("$name!", "y!"),
        ("${name}s", "ys"),
        ("$names", ""),
        ("$$1", "$1"),
        ("$", "$"),
        ("a$-b", "a$-b"),
        ("${1", "${1"),
        ("${}", "${}"),
        ("$0", "xy"),
        ("$01", ""),
        ("$3", ""),
        ("$999999999999", ""),
        ("plain", "plain"),
    ],
)
def test_a_template_is_read_as_in_go(template: str, expected: str) -> None:
    pattern = compile_anchored("(x)(?P<name>y)(z)?")
    assert expected == Template(template, pattern).expand(pattern.fullmatch("xy"))


@given(st.text(max_size=20))
def test_every_text_is_a_template_and_dollars_can_be_escaped(text: str) -> None:
    pattern = compile_anchored("(.*)")
    Template(text, pattern).expand(pattern.fullmatch("v"))
    assert text == Template(text.replace("$", "$$"), pattern).expand(pattern.fullmatch("v"))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("x", "rules[0] is 'x'; send an object such as {'action': 'drop', 'regex': '...'}"),
        ({"action": "explode"}, f"rules[0]: the action is 'explode'; choose one of {', '.join(Action)}"),
        ({"actoin": "drop"}, "unknown field 'actoin'"),
        ({"source_labels": ["a"]}, "rules[0]: the action replace needs a 'target_label'"),
        (
            {"action": "hashmod", "target_label": "x"},
            "rules[0]: the action hashmod needs a 'modulus' above 0",
        ),
        (
            {"action": "labeldrop", "source_labels": ["a"]},
            "the action labeldrop takes no 'source_labels'; leave it out",
        ),
        ({"action": "keepequal", "target_label": "x", "regex": "y"}, "the action keepequal takes no 'regex'"),
        ({"action": "lowercase", "target_label": "x", "replacement": "y"}, "takes no 'replacement'"),
        ({"action": "drop", "regex": "("}, "rules[0]: not a valid regular expression: '('"),
        ({"action": "drop", "regex": "(?=x)"}, "not a valid regular expression"),
        ({"action": "drop", "regex": "x" * 5000}, "the regex has 5000 characters, 4096 are allowed"),
        ({"target_label": "x", "separator": 1}, "rules[0]: 'separator' is 1; send a text"),
        ({"target_label": "x", "modulus": -1}, "'modulus' is -1; send a whole number above 0"),
        ({"target_label": "x", "source_labels": "a"}, "'source_labels' is 'a'; send a list of label names"),
        ({"target_label": "\ud800"}, "'target_label' is '\\ud800'; send a text"),
    ],
)
def test_a_wrong_rule_is_refused(rule: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        relabel_rules("rules", [rule])
    assert message in caught.value.message
    assert "bad-relabel-rule" == caught.value.id


def test_a_rule_is_written_without_its_defaults_and_read_again() -> None:
    written = {"source_labels": ["a"], "regex": "x", "action": "drop"}
    rule = relabel_rule("rule", written)
    assert written == rule.as_json()
    assert rule == relabel_rule("rule", rule.as_json())
