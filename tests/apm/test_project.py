"""The numbers of one project, from spans and gauges under a clock that the test moves."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apm import LOCAL, NOW_MS, REMOTE, SETTINGS, resource, span, span_id, spans

from bongsu.apm.project import ProjectApm
from bongsu.apm.ticks import Numbers, SealedTick, fold
from bongsu.wire.otlp.values import Resource, Scope, Span, SpanBatch, SpanGroup, SpanKind

if TYPE_CHECKING:
    from bongsu.apm.settings import ApmSettings

T0 = NOW_MS
"""Start of the tick that most tests fill."""
IN_TICK = T0 + 2_000
SEAL = T0 + 5_000 + SETTINGS.grace_ms
"""When that tick is sealed."""


def project(settings: ApmSettings = SETTINGS) -> ProjectApm:
    return ProjectApm(settings, secret=b"secret", now_ms=T0)


def sealed(apm: ProjectApm, at_ms: int = SEAL) -> SealedTick:
    apm.tick(at_ms)
    return apm.newest()


def txcount_of(*batches: SpanBatch) -> int:
    apm = project()
    for batch in batches:
        apm.add_spans(batch, now_ms=T0 + 4_000)
    return sealed(apm).numbers.txcount


def test_an_idle_project_is_all_zeros() -> None:
    apm = project()
    assert Numbers() == sealed(apm).numbers
    assert all(0 == getattr(apm.newest().numbers, field.name) for field in fields(Numbers))


def test_transactions_are_counted_in_the_tick_of_their_end() -> None:
    apm = project()
    batch = spans(span(T0 - 1), span(T0), span(T0 + 4_999), span(T0 + 5_000))
    apm.add_spans(batch, now_ms=T0 + 6_000)
    ticks = {tick.end_ms: tick.numbers.txcount for tick in apm.tick(SEAL + 5_000)}
    assert {T0: 1, T0 + 5_000: 2, T0 + 10_000: 1} == {end: count for end, count in ticks.items() if count}


def test_the_numbers_of_transactions_are_the_arithmetic_of_their_spans() -> None:
    apm = project()
    elapsed = [10, 1_200, 1_201, 4_800, 4_801]
    items = [span(IN_TICK, elapsed_ms=ms) for ms in elapsed] + [span(IN_TICK, elapsed_ms=5, failed=True)]
    apm.add_spans(spans(*items), now_ms=T0 + 4_000)
    tick = sealed(apm)
    assert 6 == tick.numbers.txcount
    assert 1.2 == tick.numbers.tps
    assert (sum(elapsed) + 5) // 6 == tick.numbers.rtime
    assert 1 == tick.transactions.errors
    assert round((2 + 2 / 2) / 6, 4) == tick.numbers.apdex


def test_a_server_error_by_status_code_is_a_failed_transaction() -> None:
    apm = project()
    codes = [span(IN_TICK, attributes={"http.status_code": code}) for code in (200, 404, 500, 503)]
    apm.add_spans(spans(*codes), now_ms=T0 + 4_000)
    assert 2 == sealed(apm).transactions.errors


def test_a_sealed_tick_never_changes_and_later_spans_are_late() -> None:
    apm = project()
    apm.add_spans(spans(span(IN_TICK)), now_ms=T0 + 4_000)
    first = sealed(apm)
    apm.add_spans(spans(span(IN_TICK, user="late")), now_ms=SEAL)
    assert first is apm.newest()
    second = sealed(apm, SEAL + 5_000)
    assert (1, 0, 1) == (first.numbers.txcount, second.numbers.txcount, second.late_spans)
    assert 0 == second.numbers.user


def test_a_tick_stays_open_for_its_grace_time() -> None:
    apm = project()
    apm.add_spans(spans(span(IN_TICK)), now_ms=SEAL - 1)
    assert [] == [tick for tick in apm.tick(SEAL - 1) if tick.end_ms > T0]
    assert [T0 + 5_000] == [tick.end_ms for tick in apm.tick(SEAL)]
    assert 1 == apm.newest().numbers.txcount


def test_repeated_spans_count_once() -> None:
    apm = project()
    batch = spans(span(IN_TICK), span(IN_TICK))
    for _ in range(3):
        apm.add_spans(batch, now_ms=T0 + 4_000)
    tick = sealed(apm)
    assert (2, 4) == (tick.numbers.txcount, tick.repeated_spans)


def test_a_span_from_the_future_counts_when_it_came() -> None:
    apm = project()
    apm.add_spans(spans(span(T0 + 4_900), span(T0 + 40_000)), now_ms=T0 + 4_000)
    assert 2 == sealed(apm).numbers.txcount


def test_a_clock_far_ahead_is_corrected_by_the_time_of_arrival() -> None:
    apm = project()
    ahead = 3_600_000
    apm.add_spans(spans(span(T0 + ahead + 3_900), span(T0 + ahead - 1_500)), now_ms=T0 + 4_000)
    ticks = {tick.end_ms: tick.numbers.txcount for tick in apm.tick(SEAL)}
    assert (1, 1) == (ticks[T0], ticks[T0 + 5_000])


def test_a_clock_far_behind_is_corrected_once_it_is_seen_to_be_steady() -> None:
    apm = project()
    behind = 3_600_000
    for second in (1, 3):
        apm.add_spans(spans(span(T0 + second * 1_000 - behind)), now_ms=T0 + second * 1_000 + 100)
    tick = sealed(apm)
    assert (1, 1) == (tick.numbers.txcount, tick.late_spans)


def test_a_backlog_after_an_outage_is_late_and_makes_no_false_peak() -> None:
    apm = project()
    for second in range(1, 5):
        old = T0 - 600_000 + second * 60_000
        apm.add_spans(spans(span(old)), now_ms=T0 + second * 1_000)
    tick = sealed(apm)
    assert (0, 4) == (tick.numbers.txcount, tick.late_spans)


@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CONSUMER])
@pytest.mark.parametrize(
    ("parent", "flags", "expected"),
    [(b"", LOCAL, 1), (b"p" * 8, REMOTE, 1), (b"p" * 8, LOCAL, 0), (b"p" * 8, 0, 1)],
)
def test_entry_spans_by_parent_and_flag(kind: int, parent: bytes, flags: int, expected: int) -> None:
    assert expected == txcount_of(spans(span(IN_TICK, kind=kind, parent=parent, flags=flags)))


@pytest.mark.parametrize(
    "kind", [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.UNSPECIFIED]
)
def test_other_kinds_are_no_transactions(kind: int) -> None:
    assert 0 == txcount_of(spans(span(IN_TICK, kind=kind)))


def test_root_internal_spans_count_by_option() -> None:
    apm = project(replace(SETTINGS, root_internal=True))
    root = span(IN_TICK, kind=SpanKind.INTERNAL)
    child = span(IN_TICK, kind=SpanKind.INTERNAL, parent=root.span_id, flags=LOCAL)
    apm.add_spans(spans(root, child), now_ms=T0 + 4_000)
    assert 1 == sealed(apm).numbers.txcount


def nested_chain(flags: tuple[int, int, int]) -> tuple[Span, Span, Span]:
    """A request whose outer SERVER span wraps an INTERNAL and an inner SERVER span, as middleware in middleware gives."""
    outer = span(IN_TICK + 2, parent=b"remote--", flags=flags[0], elapsed_ms=300)
    middle = span(IN_TICK + 1, kind=SpanKind.INTERNAL, parent=outer.span_id, flags=flags[1])
    inner = span(IN_TICK, parent=middle.span_id, flags=flags[2], elapsed_ms=200)
    return inner, middle, outer


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(3)), st.lists(st.booleans(), min_size=2, max_size=2), st.booleans())
def test_a_nested_chain_is_one_transaction_in_any_order_and_split(
    order: list[int], splits: list[bool], tells: bool
) -> None:
    chain = nested_chain((REMOTE, LOCAL, LOCAL) if tells else (0, 0, 0))
    batches: list[list[Span]] = [[]]
    for position, index in enumerate(order):
        batches[-1].append(chain[index])
        if position < 2 and splits[position]:
            batches.append([])
    apm = project()
    for number, batch in enumerate(batches):
        apm.add_spans(spans(*batch), now_ms=T0 + 3_000 + number)
    tick = sealed(apm)
    assert (1, 300) == (tick.numbers.txcount, tick.numbers.rtime)


def test_a_parent_that_comes_after_the_tick_of_its_child_was_sealed_is_not_counted_again() -> None:
    apm = project()
    outer_id = span_id()
    inner = span(IN_TICK, parent=outer_id, flags=0)
    outer = span(T0 + 12_000, parent=b"remote--", flags=0, own_id=outer_id, elapsed_ms=20_000)
    apm.add_spans(spans(inner), now_ms=T0 + 4_000)
    assert 1 == sealed(apm).numbers.txcount
    for _ in range(2):
        apm.add_spans(spans(outer), now_ms=T0 + 13_500)
    assert [0, 0] == [tick.numbers.txcount for tick in apm.tick(SEAL + 10_000)]


def test_the_same_parent_id_in_another_agent_does_not_nest() -> None:
    apm = project()
    client = span(IN_TICK, kind=SpanKind.CLIENT, flags=0)
    server = span(IN_TICK, parent=client.span_id, flags=0)
    apm.add_spans(spans(client, of=resource("front")), now_ms=T0 + 4_000)
    apm.add_spans(spans(server, of=resource("back")), now_ms=T0 + 4_000)
    assert 1 == sealed(apm).numbers.txcount


def test_users_are_distinct_over_agents_and_leave_after_five_minutes() -> None:
    apm = project()
    apm.add_spans(spans(span(IN_TICK, user="ann"), span(IN_TICK, user="bob")), now_ms=T0 + 4_000)
    apm.add_spans(spans(span(IN_TICK, user="bob"), of=resource("i2")), now_ms=T0 + 4_000)
    tick = sealed(apm)
    assert 2 == tick.numbers.user
    assert [2, 1] == [agent.users for agent in tick.agents]
    assert 2 == sealed(apm, SEAL + 295_000).numbers.user
    assert 0 == sealed(apm, SEAL + 300_000).numbers.user


def test_an_agent_falls_silent_after_fifteen_seconds_and_is_forgotten_after_a_day() -> None:
    apm = project()
    apm.add_spans(spans(span(IN_TICK)), now_ms=SEAL - 15_000)
    assert (1, 0) == (sealed(apm).numbers.act_agent, apm.newest().numbers.inact_agent)
    later = sealed(apm, SEAL + 5_000)
    assert (0, 1, 0) == (later.numbers.act_agent, later.numbers.inact_agent, later.numbers.host)
    day = sealed(apm, SEAL + SETTINGS.agent_forget_ms)
    assert Numbers() == day.numbers


def test_silence_adapts_to_the_interval_of_reports() -> None:
    apm = project()
    for minute in range(4):
        apm.add_spans(spans(), now_ms=T0 + minute * 60_000)
        apm.add_spans(spans(span(T0 + minute * 60_000)), now_ms=T0 + minute * 60_000)
    last = T0 + 180_000
    assert 1 == sealed(apm, last + 179_000).numbers.act_agent
    assert 0 == sealed(apm, last + 190_000).numbers.act_agent


def test_a_restarted_agent_under_the_same_identity_is_the_same_agent() -> None:
    apm = project()
    before, after = resource("web-1", process__pid=10), resource("web-1", process__pid=99, host="host-2")
    apm.add_spans(spans(span(IN_TICK), of=before), now_ms=T0 + 3_000)
    apm.add_spans(spans(span(IN_TICK), of=after), now_ms=T0 + 4_000)
    numbers = sealed(apm).numbers
    assert (1, 0, 1, 2) == (numbers.act_agent, numbers.inact_agent, numbers.host, numbers.txcount)


def test_agents_without_instance_id_are_told_apart_by_host_and_process() -> None:
    apm = project()
    workers = [resource(None, process__pid=pid) for pid in (1, 2)]  # type: ignore[arg-type]
    for worker in workers:
        apm.add_spans(spans(span(IN_TICK), of=worker), now_ms=T0 + 4_000)
    numbers = sealed(apm).numbers
    assert (2, 1) == (numbers.act_agent, numbers.host)


def test_the_peer_is_the_host_where_the_resource_names_none() -> None:
    apm = project()
    nameless = Resource({"service.name": "shop"})
    for peer in ("10.0.0.1", "10.0.0.2"):
        apm.add_spans(spans(span(IN_TICK), of=nameless), now_ms=T0 + 4_000, peer=peer)
    numbers = sealed(apm).numbers
    assert (2, 2) == (numbers.act_agent, numbers.host)
    assert ["10.0.0.1", "10.0.0.2"] == [agent.identity.address for agent in apm.newest().agents]


def test_agents_beyond_the_limit_are_refused_with_the_setting_named() -> None:
    apm = project(replace(SETTINGS, max_agents=1))
    apm.add_spans(spans(span(IN_TICK)), now_ms=T0 + 4_000)
    taken = apm.add_spans(spans(span(IN_TICK), span(IN_TICK), of=resource("i2")), now_ms=T0 + 4_000)
    assert 2 == taken.refused
    assert "'apm.max_agents'" in taken.reason
    assert 1 == sealed(apm).numbers.txcount


def test_a_long_pause_of_the_process_loses_nothing_and_does_not_stop_the_numbers() -> None:
    apm = project()
    apm.tick(T0 + SETTINGS.grace_ms)
    apm.add_spans(spans(span(IN_TICK, user="ann")), now_ms=T0 + 4_000)
    ticks = apm.tick(SEAL + 3_600_000)
    assert 1 + 60 == len(ticks)
    assert (T0 + 5_000, 1, 1) == (ticks[0].end_ms, ticks[0].numbers.txcount, ticks[0].numbers.user)
    assert SEAL + 3_600_000 - SETTINGS.grace_ms == ticks[-1].end_ms
    assert (0, 1) == (ticks[-1].numbers.user, ticks[-1].since_start.count)


@st.composite
def schedules(draw: st.DrawFn) -> list[tuple[str, Span]]:
    size = draw(st.integers(0, 25))
    return [
        (
            draw(st.sampled_from(["a", "b", "c"])),
            span(
                T0 + draw(st.integers(0, 14_999)),
                elapsed_ms=draw(st.integers(0, 9_000)),
                failed=draw(st.booleans()),
                user=draw(st.sampled_from([None, "u1", "u2", "u3", "u4"])),
            ),
        )
        for _ in range(size)
    ]


@settings(max_examples=60, deadline=None)
@given(schedules(), st.randoms(use_true_random=False))
def test_project_numbers_are_the_fold_of_agents_and_of_the_schedule(
    schedule: list[tuple[str, Span]], random: object
) -> None:
    apm = project()
    shuffled = list(schedule)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for instance, item in shuffled:
        apm.add_spans(spans(item, of=resource(instance)), now_ms=T0 + 15_000)
    users: set[str] = set()
    for tick in apm.tick(SEAL + 10_000):
        mine = [s for _, s in schedule if tick.end_ms - 5_000 <= s.end_ns // 1_000_000 < tick.end_ms]
        users |= {str(s.attributes["enduser.id"]) for s in mine if "enduser.id" in s.attributes}
        elapsed = sum(s.end_ns - s.start_ns for s in mine) // 1_000_000
        assert len(mine) == tick.numbers.txcount
        assert len(mine) / 5 == tick.numbers.tps
        assert (elapsed // len(mine) if mine else 0) == tick.numbers.rtime
        assert sum(s.status == 2 for s in mine) == tick.transactions.errors
        assert len(users) == tick.numbers.user
        assert tick.numbers == fold(tick.agents, tick.numbers.user)
        assert tick.numbers.user <= sum(agent.users for agent in tick.agents)
        assert sum(agent.transactions.count for agent in tick.agents) == tick.numbers.txcount


def test_groups_of_one_request_are_taken_together() -> None:
    apm = project()
    groups = tuple(SpanGroup(resource(), Scope(name), (span(IN_TICK),)) for name in ("a", "b"))
    apm.add_spans(SpanBatch(groups), now_ms=T0 + 4_000)
    numbers = sealed(apm).numbers
    assert (1, 2) == (numbers.act_agent, numbers.txcount)


def test_identities_of_any_length_are_kept_short() -> None:
    apm = project()
    apm.add_spans(spans(span(IN_TICK), of=resource("x" * 100_000, host="y" * 100_000)), now_ms=T0 + 4_000)
    [agent] = sealed(apm).agents
    assert (512, 512) == (len(agent.identity.agent.instance), len(agent.identity.host))


def test_a_span_without_a_start_has_no_duration() -> None:
    apm = project()
    apm.add_spans(spans(span(IN_TICK)._replace(start_ns=0), span(IN_TICK, elapsed_ms=-50)), now_ms=T0 + 4_000)
    numbers = sealed(apm).numbers
    assert (2, 0) == (numbers.txcount, numbers.rtime)
