"""What every service of the control plane works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bongsu.control.audit import AuditTrail
from bongsu.control.changes import Changes
from bongsu.control.ids import TimeOrderedIds
from bongsu.control.limits import CONTROL_LIMIT_NAMES, ControlLimits

if TYPE_CHECKING:
    from bongsu.control.database import Database
    from bongsu.runtime.clock import Clock

DEFAULT_REGIONS = ("kr", "kr2", "jp", "us")


@dataclass(frozen=True, slots=True)
class ControlOptions:
    """
    What an operator can set on the control plane.

    Attributes
    ----------
    regions
        Region codes; the first is that of projects that name none.
    limit_names
        Every limit that a project may have its own value of, those of the other parts included.
    """

    regions: tuple[str, ...] = DEFAULT_REGIONS
    limits: ControlLimits = field(default_factory=ControlLimits)
    limit_names: tuple[str, ...] = CONTROL_LIMIT_NAMES


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
