"""
When to scale: thresholds with hysteresis, a time for which they must hold, and a cool-down after every command.

Nothing here reads a clock or runs anything, so that what a rule does is the same in a test, in a dry run and in earnest.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from bongsu.model.errors import InvalidInput


class Direction(enum.Enum):
    """Which way."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    One rule. Times in seconds.

    Attributes
    ----------
    number, promql
        What is read: a number of the real-time API, or an expression that is worth one value. One of them is empty.
    up_above, down_below
        Thresholds; None where the rule goes one way only. Between them nothing happens.
    up_for, down_for
        How long the value must stay beyond its threshold without a break; a reading that fails is a break.
    up_cooldown, down_cooldown
        How long after any command of the rule none of this direction runs.
    up, down
        Commands as words; they run without a shell.
    """

    name: str
    number: str = ""
    promql: str = ""
    up_above: float | None = None
    down_below: float | None = None
    up_for: float = 15.0
    down_for: float = 300.0
    up_cooldown: float = 60.0
    down_cooldown: float = 300.0
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.number) == bool(self.promql):
            raise _bad(self.name, "give one of 'number' and 'promql'")
        if self.up_above is None and self.down_below is None:
            raise _bad(self.name, "give 'up_above', 'down_below' or both")
        if self.up_above is not None and self.down_below is not None and self.down_below >= self.up_above:
            raise _bad(
                self.name,
                f"'down_below' ({self.down_below:g}) must be under 'up_above' ({self.up_above:g}), with room between them: else it "
                "would go up and down in turns",
            )
        for direction, threshold in ((Direction.UP, self.up_above), (Direction.DOWN, self.down_below)):
            if (threshold is None) == bool(self.command(direction)):
                word = direction.value
                raise _bad(self.name, f"a threshold needs its command '{word}', and a command its threshold")

    def command(self, direction: Direction) -> tuple[str, ...]:
        """Return the command of a direction, empty when there is none."""
        return self.up if direction is Direction.UP else self.down

    def beyond(self, value: float) -> Direction | None:
        """Return which threshold a value is beyond; a value on a threshold is not."""
        if self.up_above is not None and value > self.up_above:
            return Direction.UP
        if self.down_below is not None and value < self.down_below:
            return Direction.DOWN
        return None


class Decider:
    """The memory of one rule: since when its value has been beyond a threshold, and when a command ran."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._direction: Direction | None = None
        self._since = 0.0
        self._acted: float | None = None

    def observe(self, value: float | None, now: float) -> Direction | None:
        """
        Take a reading and return what is to be done, if anything.

        Parameters
        ----------
        value
            None when nothing could be read: never a reason to scale, and the end of what was beyond a threshold.
        now
            Seconds of any clock that never goes back.
        """
        direction = None if value is None else self.rule.beyond(value)
        if direction is not self._direction:
            self._direction, self._since = direction, now
        if direction is None or now - self._since < self._hold(direction):
            return None
        if self._acted is not None and now - self._acted < self._cooldown(direction):
            return None
        return direction

    def acted(self, now: float) -> None:
        """Note that a command ran, well or not: a failing one must not run at every reading."""
        self._acted, self._direction = now, None

    def _hold(self, direction: Direction) -> float:
        return self.rule.up_for if direction is Direction.UP else self.rule.down_for

    def _cooldown(self, direction: Direction) -> float:
        return self.rule.up_cooldown if direction is Direction.UP else self.rule.down_cooldown


def _bad(name: str, problem: str) -> InvalidInput:
    return InvalidInput(f"rule {name!r}: {problem}", id="bad-rule")
