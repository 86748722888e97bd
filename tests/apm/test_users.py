"""Distinct users, against a table of everything that was ever seen."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.apm.hyperloglog import HyperLogLog
from bongsu.apm.users import UserHasher, UserWindow


def hashes(count: int, seed: str = "") -> list[int]:
    return [
        int.from_bytes(hashlib.blake2b(f"{seed}{i}".encode(), digest_size=8).digest(), "big")
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 10, 1_000, 16_384, 40_000, 100_000, 300_000])
def test_the_estimate_is_within_three_standard_errors(count: int) -> None:
    estimate = HyperLogLog.of(hashes(count)).estimate()
    assert abs(estimate - count) <= 3 * 0.0081 * count


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_adding_one_by_one_and_all_at_once_agree(values: list[int]) -> None:
    single = HyperLogLog(10)
    for value in values:
        single.add(value)
    assert (single.registers == HyperLogLog.of(values, 10).registers).all()


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 2**64 - 1), max_size=30), st.sets(st.integers(0, 2**64 - 1), max_size=30))
def test_merging_is_the_union(left: set[int], right: set[int]) -> None:
    merged = HyperLogLog.of(left).merge([HyperLogLog.of(right)])
    assert (merged.registers == HyperLogLog.of(left | right).registers).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, 30), max_size=6), max_size=30), st.integers(1, 8))
def test_the_window_counts_as_a_table_of_last_seen_times(ticks: list[set[int]], length: int) -> None:
    window = UserWindow(length, 100)
    for tick, seen in enumerate(ticks):
        window.advance(tick, seen)
        naive: set[int] = set().union(*ticks[max(0, tick - length + 1) : tick + 1])
        assert len(naive) == window.count()


def test_a_user_leaves_when_the_window_has_passed_also_without_traffic() -> None:
    window = UserWindow(60, 100)
    window.advance(1, {7})
    for tick in range(2, 61):
        window.advance(tick, set())
        assert 1 == window.count()
    window.advance(61, set())
    assert 0 == window.count()


def test_beyond_the_cap_the_count_is_an_estimate_and_later_exact_again() -> None:
    window = UserWindow(4, 1_000)
    many = hashes(5_000)
    window.advance(0, set(many[:3_000]))
    window.advance(1, set(many[2_000:]))
    assert abs(window.count() - 5_000) <= 3 * 0.0081 * 5_000
    few = set(hashes(20, "few"))
    for tick in range(2, 5):
        window.advance(tick, few)
    before = window.is_exact
    window.advance(5, few)
    assert (False, True) == (before, window.is_exact)
    assert 20 == window.count()


def test_an_overflowed_window_without_traffic_becomes_empty() -> None:
    window = UserWindow(2, 10)
    window.advance(0, set(hashes(50)))
    window.advance(1, set())
    window.advance(2, set())
    assert 0 == window.count()
    assert window.is_exact


def test_who_goes_before_where_and_both_are_kept_apart() -> None:
    hasher = UserHasher(b"secret")
    who = hasher.hash_of({"enduser.id": "ann", "client.address": "10.0.0.1"})
    assert who == hasher.hash_of({"user.id": "ann"})
    assert who != hasher.hash_of({"client.address": "ann"})
    assert hasher.hash_of({"net.peer.ip": "10.0.0.1"}) == hasher.hash_of({"client.address": "10.0.0.1"})
    assert hasher.hash_of({"http.client_ip": "10.0.0.9", "net.peer.ip": "10.0.0.1"}) == hasher.hash_of(
        {"client.address": "10.0.0.9"}
    )
    assert hasher.hash_of({"enduser.id": "", "http.route": "/"}) is None


def test_projects_hash_the_same_user_differently() -> None:
    user = {"enduser.id": "ann"}
    assert UserHasher(b"one").hash_of(user) != UserHasher(b"two").hash_of(user)


@pytest.mark.parametrize(
    "forwarded", [("203.0.113.9, 10.0.0.1",), "203.0.113.9,10.0.0.1", ("203.0.113.9", "10.0.0.1")]
)
@pytest.mark.parametrize(
    "key", ["http.request.header.x-forwarded-for", "http.request.header.x_forwarded_for"]
)
def test_captured_forwarding_header_tells_the_client_behind_the_proxy(key: str, forwarded: object) -> None:
    hasher = UserHasher(b"secret")
    expected = hasher.hash_of({"client.address": "203.0.113.9"})
    assert expected == hasher.hash_of({key: forwarded, "client.address": "10.0.0.1"})


def test_empty_forwarding_header_leaves_the_address_of_the_connection() -> None:
    hasher = UserHasher(b"secret")
    expected = hasher.hash_of({"client.address": "10.0.0.1"})
    for forwarded in ((), ("",), "", None, 7):
        assert expected == hasher.hash_of(
            {"http.request.header.x-forwarded-for": forwarded, "client.address": "10.0.0.1"}
        )
