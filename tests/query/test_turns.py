from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bongsu.query.turns import Turns


def drain(turns: Turns[tuple[str, int]]) -> list[tuple[str, int]]:
    taken = []
    while (item := turns.take()) is not None:
        taken.append(item)
    return taken


def test_owners_take_turns() -> None:
    turns: Turns[tuple[str, int]] = Turns()
    for owner, number in (("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("b", 2)):
        turns.put(owner, (owner, number))

    assert [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("a", 3)] == drain(turns)
    assert turns.take() is None


def test_who_was_served_comes_behind_who_was_not() -> None:
    turns: Turns[tuple[str, int]] = Turns()
    turns.put("a", ("a", 1))
    turns.put("a", ("a", 2))
    assert ("a", 1) == turns.take()
    turns.put("b", ("b", 1))
    turns.put("a", ("a", 3))

    assert [("a", 2), ("b", 1), ("a", 3)] == drain(turns)


@given(st.lists(st.sampled_from("abc")))
def test_nothing_is_lost_and_each_owner_keeps_its_order(owners: list[str]) -> None:
    turns: Turns[tuple[str, int]] = Turns()
    for number, owner in enumerate(owners):
        turns.put(owner, (owner, number))
    taken = drain(turns)

    for owner in "abc":
        assert [n for n, o in enumerate(owners) if o == owner] == [n for o, n in taken if o == owner]
