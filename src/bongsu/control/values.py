"""What the control plane hands out: plain values, free of the database."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

DEFAULT_RETENTION_MS = 15 * 86_400_000
"""Samples of a project are kept 15 days unless it says otherwise, as Prometheus does."""


class Scope(enum.StrEnum):
    """What a key may do: ask, send samples and spans, change the project's own set-up."""

    READ = "read"
    WRITE = "write"
    MANAGE = "manage"


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """
    What an operator can set on one project.

    Attributes
    ----------
    retention_ms
        Age at which samples leave the store; 0 keeps them for ever.
    linux_workspace
        Whether the project has the reserved workspace ``@Linux``.
    limits
        The project's own values of named limits; a limit that is missing here has the server's default.
    """

    retention_ms: int = DEFAULT_RETENTION_MS
    linux_workspace: bool = True
    limits: tuple[tuple[str, int], ...] = ()

    def limit(self, name: str, default: int) -> int:
        """Return the project's own value of a limit, else the default."""
        return dict(self.limits).get(name, default)


@dataclass(frozen=True, slots=True)
class Project:
    """
    A tenant. `project_id` never changes and is never used again; `pcode` is its integer twin for the APM API.

    Attributes
    ----------
    created_ms
        Unix milliseconds.
    """

    project_id: str
    pcode: int
    name: str
    region: str
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    created_ms: int = 0


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """
    What a presented key is checked against.

    Attributes
    ----------
    secret_hash
        SHA-256 of the secret half. The secret has 256 random bits, so a plain hash cannot be searched.
    expires_ms
        Unix milliseconds from which the key is refused; None for never.
    """

    key_id: str
    secret_hash: bytes
    scopes: frozenset[Scope]
    expires_ms: int | None
    project: Project
