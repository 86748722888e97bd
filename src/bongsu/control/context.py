"""What every service of the control plane works with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from bongsu.control.audit import AuditTrail
from bongsu.control.changes import Changes
from bongsu.control.ids import TimeOrderedIds
from bongsu.control.limits import ControlLimits
from bongsu.control.passwords import MIN_CHARACTERS

if TYPE_CHECKING:
    from bongsu.control.database import Database
    from bongsu.runtime.clock import Clock

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
        Limits of the other parts that a project may have its own value of too: names and the server's defaults.
    password_length
        Least characters of a new password.
    session_ms, session_idle_ms
        How long a browser stays signed in at most, and how long without a call.
    """

    regions: tuple[str, ...] = DEFAULT_REGIONS
    limits: ControlLimits = field(default_factory=ControlLimits)
    other_limits: tuple[tuple[str, int], ...] = ()
    password_length: int = MIN_CHARACTERS
    session_ms: int = DEFAULT_SESSION_MS
    session_idle_ms: int = DEFAULT_SESSION_IDLE_MS

    def limit_defaults(self) -> dict[str, int]:
        """Return every limit of a project with the server's default."""
        return asdict(self.limits) | dict(self.other_limits)


@dataclass(frozen=True, slots=True)
class ControlContext:
    """Shared by the services; one per database and process."""

    database: Database
    clock: Clock
    options: ControlOptions
    changes: Changes
    ids: TimeOrderedIds
    audit: AuditTrail


def make_context(database: Database, clock: Clock, options: ControlOptions) -> ControlContext:
    """Return the context of a database."""
    return ControlContext(
        database, clock, options, Changes(), TimeOrderedIds(clock), AuditTrail(database, clock)
    )
