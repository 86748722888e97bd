"""Reads, decides, runs commands: over and over, until cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Protocol

from bongsu.client.autoscale.rules import Decider, Direction
from bongsu.client.transport import CallFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bongsu.client.autoscale.rules import Rule
    from bongsu.runtime.clock import Clock

COMMAND_TIMEOUT_S = 300.0
"""A command that takes longer hangs: machines start within minutes, or are started without waiting for them."""
_SHOWN = 2_000
"""Characters of a command's output in the log."""


class Readings(Protocol):
    """Where a rule's value comes from; blocks, and raises `CallFailed`."""

    def read(self, rule: Rule) -> float:
        """Return the value."""
        ...


class Autoscaler:
    """
    Follows rules.

    Parameters
    ----------
    every_s
        Time between two readings.
    dry_run
        Say what would run, and do everything else as in earnest.
    say
        Told one line for everything that happens.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        readings: Readings,
        *,
        clock: Clock,
        every_s: float,
        dry_run: bool,
        say: Callable[[str], None],
        command_timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> None:
        self._deciders = [Decider(rule) for rule in rules]
        self._readings = readings
        self._clock = clock
        self._every_s = every_s
        self._dry_run = dry_run
        self._say = say
        self._command_timeout_s = command_timeout_s
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Follow the rules until cancelled."""
        while True:
            await self.step()
            await self._clock.sleep(self._every_s)

    async def step(self) -> None:
        """Look at every rule once; rules do not wait for each other's commands."""
        await asyncio.gather(*(self._step(decider) for decider in self._deciders))

    async def _step(self, decider: Decider) -> None:
        rule = decider.rule
        value = await self._read(rule)
        direction = decider.observe(value, self._clock.monotonic())
        if direction is None or value is None:
            return
        if self._dry_run:
            self._say(f"{rule.name}: {value:g}, would scale {direction.value}: {_written(rule, direction)}")
        else:
            await self._act(rule, direction, value)
        decider.acted(self._clock.monotonic())

    async def _read(self, rule: Rule) -> float | None:
        try:
            value = await asyncio.to_thread(self._readings.read, rule)
        except CallFailed as error:
            # Once for an outage, not at every reading.
            if rule.name not in self._failing:
                self._say(f"{rule.name}: cannot be read, nothing is done: {error.message}")
            self._failing.add(rule.name)
            return None
        if rule.name in self._failing:
            self._failing.discard(rule.name)
            self._say(f"{rule.name}: can be read again")
        return value

    async def _act(self, rule: Rule, direction: Direction, value: float) -> None:
        self._say(f"{rule.name}: {value:g}, scaling {direction.value}: {_written(rule, direction)}")
        environment = {
            **os.environ,
            "BONGSU_RULE": rule.name,
            "BONGSU_DIRECTION": direction.value,
            "BONGSU_VALUE": f"{value:g}",
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *rule.command(direction),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except OSError as error:
            self._say(f"{rule.name}: the command cannot be run: {error.strerror}")
            return
        try:
            async with asyncio.timeout(self._command_timeout_s):
                output, _ = await process.communicate()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            self._say(f"{rule.name}: the command took over {self._command_timeout_s:g} s and was ended")
            return
        text = output.decode(errors="replace").strip()[:_SHOWN]
        ending = "done" if process.returncode == 0 else f"the command failed with status {process.returncode}"
        self._say(f"{rule.name}: {ending}{f': {text}' if text else ''}")


def _written(rule: Rule, direction: Direction) -> str:
    return " ".join(rule.command(direction))
