"""The loop with real commands, and the readings from a real server."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.apm import span, spans
from tests.support.apm_api import ApmApi

from bongsu.client.autoscale.loop import Autoscaler
from bongsu.client.autoscale.readings import Source
from bongsu.client.autoscale.rules import Rule
from bongsu.client.transport import CallFailed
from bongsu.runtime.clock import ManualClock, SystemClock

if TYPE_CHECKING:
    from pathlib import Path


class Course:
    """Readings that a test decides; None is a server that does not answer."""

    def __init__(self, *values: float | None) -> None:
        self.values = list(values)

    def read(self, rule: Rule) -> float:
        value = self.values.pop(0)
        if value is None:
            raise CallFailed("cannot reach it")
        return value


def rule(*command: str, name: str = "shop") -> Rule:
    return Rule(name=name, number="actx", up_above=10, up_for=5, up_cooldown=60, up=command)


def scaler(
    readings: Course, said: list[str], *rules: Rule, dry_run: bool = False, timeout_s: float = 30
) -> tuple[Autoscaler, ManualClock]:
    clock = ManualClock()
    made = Autoscaler(
        rules,
        readings,
        clock=clock,
        every_s=5,
        dry_run=dry_run,
        say=said.append,
        command_timeout_s=timeout_s,
    )
    return made, clock


async def steps(made: Autoscaler, clock: ManualClock, count: int) -> None:
    for _ in range(count):
        await made.step()
        await clock.advance(5)


@pytest.mark.anyio
async def test_the_command_runs_once_with_what_it_needs_to_know(tmp_path: Path) -> None:
    out = tmp_path / "out"
    said: list[str] = []
    script = f"import os; open({str(out)!r}, 'a').write(' '.join(os.environ['BONGSU_' + n] for n in ('RULE', 'DIRECTION', 'VALUE')) + '\\n'); print('one more')"
    made, clock = scaler(Course(*[42.5] * 6), said, rule(sys.executable, "-c", script))
    await steps(made, clock, 6)
    assert "shop up 42.5\n" == out.read_text()
    assert "shop: done: one more" == said[-1]


@pytest.mark.anyio
async def test_a_dry_run_says_what_would_run_and_keeps_the_cooldown(tmp_path: Path) -> None:
    out = tmp_path / "out"
    said: list[str] = []
    made, clock = scaler(Course(*[42] * 14), said, rule("touch", str(out)), dry_run=True)
    await steps(made, clock, 14)
    assert not out.exists()
    assert [f"shop: 42, would scale up: touch {out}"] * 2 == said


@pytest.mark.anyio
async def test_a_server_that_does_not_answer_scales_nothing_and_is_told_once() -> None:
    said: list[str] = []
    made, clock = scaler(Course(42, None, 42, None, None, 42, 5), said, rule("false"))
    await steps(made, clock, 7)
    assert ["cannot be read", "can be read", "cannot be read", "can be read"] == [
        " ".join(line.split(": ")[1].split(",")[0].split()[:3]) for line in said
    ]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("/no/such/program",), "cannot be run: No such file"),
        (("sh", "-c", "echo broken; exit 3"), "failed with status 3: broken"),
        (("sleep", "60"), "took over 0.2 s and was ended"),
    ],
)
async def test_a_command_that_fails_is_told_and_not_repeated_before_the_cooldown(
    command: tuple[str, ...], says: str
) -> None:
    said: list[str] = []
    made, clock = scaler(Course(*[42] * 6), said, rule(*command), timeout_s=0.2 if "sleep" in command else 30)
    await steps(made, clock, 6)
    assert 2 == len(said)
    assert says in said[1]


@pytest.mark.anyio
async def test_the_loop_goes_on_by_the_clock_until_cancelled() -> None:
    course, said = Course(*[1] * 50), list[str]()
    made, clock = scaler(course, said, rule("false"))
    task = asyncio.create_task(made.run())
    while len(course.values) > 45:
        await asyncio.sleep(0.01)
        await clock.advance(5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert [] == said


def test_numbers_and_promql_are_read_from_a_server() -> None:
    api = ApmApi(clock=SystemClock())
    with api.served() as base:
        now = SystemClock().now_ms()
        api.engine.add_spans("alpha", spans(span(now), span(now)))
        source = Source(base, api.token["alpha"], "5490")
        assert 0.0 == source.read(Rule(name="a", number="txcount", up_above=1, up=("x",)))
        for number, token, pcode, says in (
            ("nothing", api.token["alpha"], "5490", "no '/open/api/nothing'"),
            ("tps", api.token["alpha"], "7", "not one of the project"),
            ("tps", "wrong", "5490", "not known"),
        ):
            with pytest.raises(CallFailed, match=says):
                Source(base, token, pcode).read(Rule(name="a", number=number, up_above=1, up=("x",)))
    with pytest.raises(CallFailed, match="cannot reach"):
        source.read(Rule(name="a", number="tps", up_above=1, up=("x",)))
