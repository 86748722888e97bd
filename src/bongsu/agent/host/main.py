"""Runs the host agent until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import signal

from bongsu.agent.host.calls import ServerCalls
from bongsu.agent.host.machine import Machine, MachineOptions
from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import SystemClock
from bongsu.runtime.logs import configure_logging

LEAST_PERIOD_MS = 1_000
"""More often than that nobody looks."""


def run_machine(url: str, key: str, options: MachineOptions) -> None:
    """
    Report this machine until SIGTERM or SIGINT.

    Raises
    ------
    InvalidInput
        If an option is wrong, or the server refuses the machine for good.
    """
    if options.period_ms < LEAST_PERIOD_MS:
        raise InvalidInput(f"--period is {options.period_ms} ms; at least 1s is needed", id="bad-setting")
    machine = Machine(ServerCalls(url, key), options, clock=SystemClock(), log=configure_logging())

    async def run() -> None:
        task = asyncio.create_task(machine.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
