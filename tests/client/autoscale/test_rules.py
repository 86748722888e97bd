"""When rules act: by schedule, and by properties over any course of readings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.client.autoscale.config import make_rule, read_rules
from bongsu.client.autoscale.rules import Decider, Direction, Rule
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

RULE = Rule(
    name="shop",
    number="actx",
    up_above=80,
    down_below=20,
    up_for=10,
    down_for=30,
    up_cooldown=60,
    down_cooldown=120,
    up=("up",),
    down=("down",),
)


def decisions(
    readings: Sequence[float | None], rule: Rule = RULE, every: float = 5
) -> list[tuple[float, Direction]]:
    """Return when a rule acts, in seconds from the first reading."""
    decider, acts = Decider(rule), []
    for number, value in enumerate(readings):
        direction = decider.observe(value, number * every)
        if direction is not None:
            acts.append((number * every, direction))
            decider.acted(number * every)
    return acts


def test_a_value_must_stay_beyond_its_threshold_for_its_time() -> None:
    assert [] == decisions([81, 81])
    assert [(10, Direction.UP)] == decisions([81, 90, 81])
    assert [] == decisions([81, 80, 81, 81]), "on the threshold is not beyond it"
    assert [(30, Direction.DOWN)] == decisions([19] * 7)


def test_nothing_happens_between_the_thresholds() -> None:
    assert [] == decisions([50, 21, 79, 20, 80] * 20)


def test_a_failed_reading_never_acts_and_begins_the_time_anew() -> None:
    assert [] == decisions([None] * 100)
    assert [(25, Direction.UP)] == decisions([81, 81, None, 81, 81, 81])


def test_after_a_command_each_direction_waits_for_its_cooldown() -> None:
    assert [(10, Direction.UP), (70, Direction.UP), (130, Direction.UP)] == decisions([99] * 27)
    # Down comes 120 s after the way up at 10 s, though its 30 s are over long before.
    assert [(10, Direction.UP), (130, Direction.DOWN)] == decisions([99] * 3 + [1] * 25)


readings = st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=120)


@settings(max_examples=200, deadline=None)
@given(readings)
def test_every_act_has_its_reasons(values: list[float | None]) -> None:
    """Oracle: for each act, the definition is checked over the readings, without the decider's memory."""
    acts = decisions(values)
    before: float | None = None
    for at, direction in acts:
        hold, cooldown = (10, 60) if direction is Direction.UP else (30, 120)
        window = values[int((at - hold) / 5) : int(at / 5) + 1]
        assert at >= hold
        assert all(v is not None and RULE.beyond(v) is direction for v in window)
        assert before is None or at - before >= cooldown
        before = at


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "one of 'number' and 'promql'"),
        ({"number": "actx", "promql": "x", "up_above": 1, "up": "a"}, "one of 'number' and 'promql'"),
        ({"number": "actx", "up": "a"}, "'up_above', 'down_below' or both"),
        ({"number": "actx", "up_above": 1}, "a threshold needs its command 'up'"),
        ({"number": "actx", "up_above": 1, "up": "a", "down": "b"}, "needs its command 'down'"),
        ({"number": "actx", "up_above": 20, "down_below": 20, "up": "a", "down": "b"}, "must be under"),
        ({"number": "actx", "up_above": "80", "up": "a"}, "write a number"),
        ({"number": "actx", "up_above": float("nan"), "up": "a"}, "write a number"),
        ({"number": "actx", "up_above": True, "up": "a"}, "write a number"),
        ({"number": "actx", "up_above": 1, "up": "a 'b"}, "quotes do not match"),
        ({"number": "actx", "up_above": 1, "up": []}, "write a command"),
        ({"number": "actx", "up_above": 1, "up": "a", "for": "soon"}, "write a duration"),
        ({"number": "actx", "up_above": 1, "up": "a", "up_for": 30}, "write a duration"),
        ({"number": "actx", "up_above": 1, "up": "a", "treshold": 3}, "there are name, number"),
        ({"number": 3, "up_above": 1, "up": "a"}, "write a text"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_to_change(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as caught:
        make_rule(fields, "number 1")
    assert "bad-rule" == caught.value.id


def test_rules_are_read_from_a_file(tmp_path: Any) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(
        """
        [[rule]]
        name = "shop"
        number = "actx"
        up_above = 80
        down_below = 20
        for = "30s"
        down_for = "10m"
        cooldown = "2m"
        up = "kubectl scale deploy/shop --replicas +1"
        down = ["sh", "-c", "echo down"]

        [[rule]]
        name = "queue"
        promql = "sum(bongsu_apm_threadpool_queue)"
        up_above = 0.5
        up = "true"
        """
    )
    shop, queue = read_rules(file)
    assert (30, 600, 120, 120) == (shop.up_for, shop.down_for, shop.up_cooldown, shop.down_cooldown)
    assert ("kubectl", "scale", "deploy/shop", "--replicas", "+1") == shop.up
    assert (("sh", "-c", "echo down"), ()) == (shop.down, queue.down)
    assert None is queue.down_below


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must hold tables"),
        ("[[rule", "not valid TOML"),
        ("rule = 3", "must hold tables"),
        ("[source]\nurl = 'x'\n[[rule]]", "found source"),
        ("[[rule]]\nnumber='tps'\nname='a'\nup_above=1\nup='x'\n" * 2, "two rules are called 'a'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Any, text: str, says: str) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=says):
        read_rules(file)
    with pytest.raises(InvalidInput, match="cannot read"):
        read_rules(tmp_path / "missing.toml")
