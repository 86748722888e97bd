"""What every service of the control plane works with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Protocol

from bongsu.control.audit import AuditTrail
from bongsu.control.changes import Changes
from bongsu.control.ids import TimeOrderedIds
from bongsu.control.limits import ControlLimits, OtherLimit
from bongsu.control.passwords import MIN_CHARACTERS
from bongsu.model.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bongsu.control.database import Database
    from bongsu.runtime.clock import Clock

    CountRefusal = Callable[[str, str, int], None]
    """Told a project's id, a limit's name, and how much it refused."""

DEFAULT_REGIONS = ("kr", "kr2", "jp", "us")
DEFAULT_SESSION_MS = 7 * 86_400_000
"""A week: an operator who looks every morning signs in on Mondays."""
DEFAULT_SESSION_IDLE_MS = 3 * 86_400_000
"""Over a weekend a session lives on; one that was forgotten on another machine does not."""


@dataclass(frozen=True, slots=True)
class ControlOptions:
    """
    What an operator can set on the control plane.

    Attributes
    ----------
    regions
        Region codes; the first is that of projects that name none.
    other_limits
        Limits of the other parts that a project may have its own value of too.
    password_length
        Least characters of a new password.
    session_ms, session_idle_ms
        How long a browser stays signed in at most, and how long without a call.
    """

    regions: tuple[str, ...] = DEFAULT_REGIONS
    limits: ControlLimits = field(default_factory=ControlLimits)
    other_limits: tuple[OtherLimit, ...] = ()
    password_length: int = MIN_CHARACTERS
    session_ms: int = DEFAULT_SESSION_MS
    session_idle_ms: int = DEFAULT_SESSION_IDLE_MS

    def all_limits(self) -> list[OtherLimit]:
        """Return every limit that a project may have its own value of, in the order of their names."""
        own = [OtherLimit(name, value, f"limits.{name}") for name, value in asdict(self.limits).items()]
        return sorted([*own, *self.other_limits], key=lambda limit: limit.name)


class Owner(Protocol):
    """A project whose row is locked, with its own values of limits."""

    @property
    def project_id(self) -> str:
        """Its id."""
        ...

    @property
    def limits(self) -> Mapping[str, int]:
        """The limits that it has its own value of."""
        ...


@dataclass(frozen=True, slots=True)
class ControlContext:
    """Shared by the services; one per database and process."""

    database: Database
    clock: Clock
    options: ControlOptions
    changes: Changes
    ids: TimeOrderedIds
    audit: AuditTrail
    count_refusal: CountRefusal

    def refuse_beyond(self, owner: Owner, name: str, present: int, what: str) -> None:
        """
        Raise LimitExceeded when `present`, which counts the new one, is over a limit of the project.

        The caller's transaction undoes the new one; its row of the project is locked, so that nobody counts beside it.
        """
        allowed = owner.limits.get(name, getattr(self.options.limits, name))
        if allowed and present > allowed:
            self.count_refusal(owner.project_id, name, 1)
            raise LimitExceeded(
                f"{what} has {present - 1} already, {allowed} are allowed; remove one, or raise the project's limit {name!r}",
                limit=name,
                setting=f"limits.{name}",
            )


def make_context(
    database: Database, clock: Clock, options: ControlOptions, count_refusal: CountRefusal
) -> ControlContext:
    """Return the context of a database."""
    return ControlContext(
        database,
        clock,
        options,
        Changes(),
        TimeOrderedIds(clock),
        AuditTrail(database, clock),
        count_refusal,
    )
