"""One scrape on demand, as the workspace API and the admin API both offer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bongsu.api.openapi import TEXT, Schema, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.control.values import Project


class TargetTest(Protocol):
    """Scrapes ``hostId`` and ``port`` once with a workspace's options and stores nothing."""

    async def __call__(self, project: Project, job_id: str, fields: Mapping[str, object]) -> dict[str, Any]:
        """Return the fields of `TRIAL_SCHEMA`; raises a BongsuError for what is unknown or malformed."""
        ...


TRIAL_SCHEMA: Schema = record(
    {
        "url": TEXT,
        "health": {"enum": ["up", "down"]},
        "httpStatus": {"type": ["integer", "null"]},
        "reason": {"type": ["string", "null"], "description": "why it is down"},
        "samples": {"type": "integer"},
        "durationMs": {"type": "number"},
    }
)
