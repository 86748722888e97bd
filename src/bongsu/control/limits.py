"""Limits of the control plane: names and defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


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
        What it refused since the start: samples, series, spans, calls, scrapes, queries.
    setting
        Where the server's default is set.
    """

    name: str
    default: int
    own: int | None
    used: int | None
    refused: int = 0
    setting: str = ""

    def with_count(self, count: LimitCount | None) -> LimitUse:
        """Return the limit with what another part knows of it."""
        if count is None:
            return self
        used = self.used if count.used is None else count.used
        return replace(self, used=used, refused=self.refused + count.refused)

    @property
    def limit(self) -> int:
        """What holds; 0 is no limit."""
        return self.default if self.own is None else self.own


@dataclass(frozen=True, slots=True)
class OtherLimit:
    """A limit of another part that a project may have its own value of: the server's default, and where that is set."""

    name: str
    default: int
    setting: str


CONTROL_LIMIT_NAMES = tuple(limit.name for limit in fields(ControlLimits))
