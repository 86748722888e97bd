"""Limits of the control plane: names, defaults, and the one text of their refusal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from bongsu.control.values import ProjectSettings


@dataclass(frozen=True, slots=True)
class ControlLimits:
    """
    Defaults of the limits, 0 meaning none; each is a setting of the same name in the `limits` section, and a project can
    have its own value.

    Attributes
    ----------
    max_targets_per_server
        Collection targets of one server over all workspaces. Those of reserved workspaces are not counted: the server made
        them, and they must not use up what the user was promised.
    max_workspaces
        Workspaces of a project over all regions, reserved ones not counted.
    max_servers, max_keys
        Of a project.
    """

    max_targets_per_server: int = 5
    max_workspaces: int = 500
    max_servers: int = 5_000
    max_keys: int = 100

    def of(self, name: str, settings: ProjectSettings) -> int:
        """Return the limit that holds for a project."""
        return settings.limit(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class LimitUse:
    """
    One limit of one project.

    Attributes
    ----------
    own
        The project's own value; None leaves it to the server's default.
    used
        What counts against it now; None where that is not one number of the project.
    """

    name: str
    default: int
    own: int | None
    used: int | None

    @property
    def limit(self) -> int:
        """What holds; 0 is no limit."""
        return self.default if self.own is None else self.own


CONTROL_LIMIT_NAMES = tuple(limit.name for limit in fields(ControlLimits))


def refuse_beyond(
    limits: ControlLimits, settings: ProjectSettings, name: str, present: int, what: str
) -> None:
    """Raise LimitExceeded when `present`, which counts the new one, is over the limit; the caller's transaction undoes it."""
    allowed = limits.of(name, settings)
    if allowed and present > allowed:
        raise LimitExceeded(
            f"{what} has {present - 1} already, {allowed} are allowed; remove one, or raise the project's limit {name!r}",
            limit=name,
            setting=f"limits.{name}",
        )
