"""What the control plane hands out: plain values, free of the database. Times are Unix milliseconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

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
    linux_workspace, windows_workspace
        Whether the project has the reserved workspaces ``@Linux`` and, once it has a server for it, ``@Windows``.
    limits
        The project's own values of named limits, as sorted pairs; a limit that is missing has the server's default.
    allowed_networks
        Networks that the project's targets may lie in beside those that all may, in CIDR form.
    """

    retention_ms: int = DEFAULT_RETENTION_MS
    linux_workspace: bool = True
    limits: tuple[tuple[str, int], ...] = ()
    windows_workspace: bool = True
    allowed_networks: tuple[str, ...] = ()

    def limit(self, name: str, default: int) -> int:
        """Return the project's own value of a limit, else the default."""
        return dict(self.limits).get(name, default)


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant. `project_id` never changes and is never used again; `pcode` is its integer twin for the APM API."""

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
        Time from which the key is refused; None for never.
    """

    key_id: str
    secret_hash: bytes
    scopes: frozenset[Scope]
    expires_ms: int | None
    project: Project


@dataclass(frozen=True, slots=True)
class Key:
    """What may be known of a key after it was made: everything but its secret."""

    key_id: str
    name: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int | None = None
    last_used_ms: int | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """
    A key at the one moment at which its secret is known.

    Attributes
    ----------
    text
        What clients send, ``id.secret``; it is stored nowhere and cannot be shown again.
    """

    key: Key
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    """
    A machine of a project; only these can be scraped.

    Attributes
    ----------
    address
        IP address or host name.
    instance_id
        Identifier of the machine where it came from, such as a cloud's.
    os
        ``linux`` or ``windows``: which reserved workspace it belongs to; None is taken for the former.
    """

    host_id: str
    name: str
    address: str
    region: str
    instance_id: str | None = None
    created_ms: int = 0
    os: str | None = None


class ServerHealth(enum.StrEnum):
    """State of a server in one word, after the five colours of the console: green, yellow, red, dark grey, light grey."""

    NORMAL = "normal"
    UNKNOWN = "unknown"
    UNMONITORED = "unmonitored"
    STOPPED = "stopped"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ServerState:
    """
    A server with how it is.

    Attributes
    ----------
    reason
        Why it is not `NORMAL`; None otherwise.
    heard_ms
        When its agent was heard last; None without an agent.
    removed_ms
        When it was removed; None for one that is there.
    """

    server: Server
    health: ServerHealth
    reason: str | None = None
    heard_ms: int | None = None
    removed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """
    A job: what its targets have in common. Its name is the ``job`` label of their series.

    Attributes
    ----------
    reserved_code
        None for a workspace that a user made; a reserved one follows the project's servers and takes no changes.
    """

    job_id: str
    name: str
    region: str
    metrics_path: str
    description: str | None
    reserved_code: str | None
    modified_ms: int


REFUSED = -2
"""Result code of a connection that the machine refused: the machine runs, and nothing listens on the port."""


class TargetHealth(enum.StrEnum):
    """State of a target in one word, after the four colours of the console: grey, green, yellow, red."""

    PREPARING = "preparing"
    COLLECTING = "collecting"
    HTTP_ERROR = "http-error"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class TargetState:
    """
    Outcome of the newest scrape.

    Attributes
    ----------
    result_code
        None before the first scrape, 0 for success, the HTTP status of an answer other than 200, negative for what came
        to no answer or to none that could be read.
    reason
        Why it failed; None otherwise.
    since_ms
        Time of the first scrape with this outcome.
    scraped_ms
        Time of the newest scrape; after a restart, `since_ms` until the next one.
    """

    result_code: int | None = None
    reason: str | None = None
    since_ms: int | None = None
    scraped_ms: int | None = None

    @property
    def health(self) -> TargetHealth:
        """The state in one word."""
        if self.result_code is None:
            return TargetHealth.PREPARING
        if self.result_code == 0:
            return TargetHealth.COLLECTING
        return TargetHealth.HTTP_ERROR if self.result_code > 0 else TargetHealth.FAILING


@dataclass(frozen=True, slots=True)
class Target:
    """One address that a workspace scrapes: a port of a server. Its id is the ``openmetrics_id`` label."""

    target_id: str
    job_id: str
    host_id: str
    port: int
    server_name: str
    address: str
    modified_ms: int
    state: TargetState = TargetState()


class ScrapeTarget(NamedTuple):
    """
    All that a scraper needs to know of a target.

    Attributes
    ----------
    job
        Name of the workspace.
    region
        Value of the ``region`` label; None where the workspace is in the project's own region and the label is left out.
    workspace_options, target_options
        Scrape options of the workspace and the target's own, as JSON text; empty for none.
    """

    project_id: str
    target_id: str
    job: str
    address: str
    port: int
    path: str
    region: str | None
    job_id: str = ""
    host_id: str = ""
    server_name: str = ""
    instance_id: str | None = None
    workspace_options: str = ""
    target_options: str = ""


@dataclass(frozen=True, slots=True)
class ScrapeOutcome:
    """What a scrape came to; codes and reasons as in `TargetState`."""

    target_id: str
    scraped_ms: int
    result_code: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who makes a change.

    Attributes
    ----------
    name
        ``admin`` (the admin token), ``user:NAME``, ``key:ID``, ``system``, ``openid`` (the provider), or ``nobody`` for a failed
        sign-in.
    address
        Peer address of the call, None where there was no call.
    """

    name: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """
    One change: who did what to what, and from where.

    Attributes
    ----------
    detail
        The fields that the change gave, never a secret.
    sequence
        Grows with every entry, and tells a reader where to go on.
    """

    at_ms: int
    actor: Actor
    action: str
    subject: str
    project_id: str | None
    detail: dict[str, object]
    sequence: int = field(default=0, compare=False)
