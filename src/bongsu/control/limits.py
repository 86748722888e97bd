"""Limits of the control plane: names, defaults, and the one text of their refusal."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
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
    max_layouts
        Of a project: more than anybody lists, at half a megabyte each a quarter of a gigabyte at most.
    """

    max_targets_per_server: int = 5
    max_workspaces: int = 500
    max_servers: int = 5_000
    max_keys: int = 100
    max_layouts: int = 500

    def of(self, name: str, settings: ProjectSettings) -> int:
        """Return the limit that holds for a project."""
        return settings.limit(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class LimitCount:
    """What counts against a limit now, None where that is not one number, and what it has refused since the start."""

    used: int | None
    refused: int


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
    refused
        Samples or series that it refused since the start; None where that is not counted.
    """

    name: str
    default: int
    own: int | None
    used: int | None
    refused: int | None = None

    def with_count(self, count: LimitCount | None) -> LimitUse:
        """Return the limit with what another part knows of it."""
        return self if count is None else replace(self, used=count.used, refused=count.refused)

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
