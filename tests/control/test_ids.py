from __future__ import annotations

import uuid

import pytest

from bongsu.control.ids import TimeOrderedIds, make_key_id, make_project_id, make_secret
from bongsu.runtime.clock import ManualClock


@pytest.mark.anyio
async def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    clock = ManualClock()
    ids = TimeOrderedIds(clock)
    made = [ids.make() for _ in range(1000)]
    await clock.advance(0.001)
    made += [ids.make() for _ in range(1000)]

    assert made == sorted(set(made))


def test_ids_are_uuids_of_version_7_that_carry_their_time() -> None:
    clock = ManualClock()
    made = uuid.UUID(TimeOrderedIds(clock).make())

    assert (7, uuid.RFC_4122, clock.now_ms()) == (made.version, made.variant, made.int >> 80)


def test_a_clock_that_goes_back_does_not_disturb_the_order() -> None:
    clock = ManualClock(2000)
    ids = TimeOrderedIds(clock)
    before = ids.make()
    clock._now_ms = 1000.0

    assert before < ids.make()


def test_random_ids_fit_where_they_are_used() -> None:
    assert (True, 12, True, 43) == (
        make_project_id().isalnum(),
        len(make_project_id()),
        make_key_id().isalnum(),
        len(make_secret()),
    )
