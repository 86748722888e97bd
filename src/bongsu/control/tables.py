"""
The tables of the control database. Times are Unix milliseconds.

Uniqueness is the database's work, so that two writers at once, in one process or in several, never make duplicates.
Everything below a project refers to its `pcode` and leaves with it.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite numbers rows by itself only under the very type INTEGER, which has 64 bits there anyway.
_Serial = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """Base of all tables; constraints have names, so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ProjectRow(Base):
    """A tenant; `pcode` numbers are never used again. `targets_revision` grows with every change of what is scraped."""

    __tablename__ = "projects"
    __table_args__ = ({"sqlite_autoincrement": True},)

    pcode: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    region: Mapped[str] = mapped_column(String(64))
    retention_ms: Mapped[int] = mapped_column(BigInteger)
    linux_workspace: Mapped[bool]
    windows_workspace: Mapped[bool] = mapped_column(default=True, server_default=true())
    allowed_networks: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    limits: Mapped[dict[str, int]] = mapped_column(JSON)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    targets_revision: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class KeyRow(Base):
    """A key; of its secret there is only the hash. Scopes are written sorted, separated by commas."""

    __tablename__ = "keys"
    __table_args__ = (Index(None, "pcode"),)

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    scopes: Mapped[str] = mapped_column(String(64))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int | None] = mapped_column(BigInteger)
    last_used_ms: Mapped[int | None] = mapped_column(BigInteger)


class ServerRow(Base):
    """A machine that may be scraped."""

    __tablename__ = "servers"
    __table_args__ = (UniqueConstraint("pcode", "region", "name"),)

    host_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"))
    region: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(255))
    instance_id: Mapped[str | None] = mapped_column(String(255))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    os: Mapped[str | None] = mapped_column(String(16))


class RemovedServerRow(Base):
    """A server that is gone; remembered for a while, so that a list can show it as deleted."""

    __tablename__ = "removed_servers"
    __table_args__ = (Index(None, "pcode", "removed_ms"),)

    host_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"))
    region: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(255))
    instance_id: Mapped[str | None] = mapped_column(String(255))
    os: Mapped[str | None] = mapped_column(String(16))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    removed_ms: Mapped[int] = mapped_column(BigInteger)


class HostAgentRow(Base):
    """
    The agent of a server's machine: who it is, when it was heard, whether it scrapes the server's targets itself.

    `owns` tells that the agent has made the server's entry; an operator's entry is never removed for silence.
    """

    __tablename__ = "host_agents"
    __table_args__ = (UniqueConstraint("pcode", "machine_id"),)

    host_id: Mapped[str] = mapped_column(ForeignKey("servers.host_id", ondelete="CASCADE"), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"))
    machine_id: Mapped[str] = mapped_column(String(255))
    collects: Mapped[bool]
    owns: Mapped[bool]
    heard_ms: Mapped[int] = mapped_column(BigInteger)


class WorkspaceRow(Base):
    """A job; `scrape` holds its scrape options as JSON, empty for none."""

    __tablename__ = "workspaces"
    __table_args__ = (UniqueConstraint("pcode", "region", "name"),)

    job_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"))
    region: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    metrics_path: Mapped[str] = mapped_column(String(1024))
    description: Mapped[str | None] = mapped_column(String(4000))
    reserved_code: Mapped[str | None] = mapped_column(String(64))
    modified_ms: Mapped[int] = mapped_column(BigInteger)
    scrape: Mapped[str] = mapped_column(Text, default="", server_default="")


class TargetRow(Base):
    """
    A port of a server in a workspace; the outcome of its newest scrape is in `TargetStateRow`.

    `scrape` holds the target's own scrape options as JSON, empty for none.
    """

    __tablename__ = "targets"
    __table_args__ = (UniqueConstraint("job_id", "host_id", "port"), Index(None, "host_id"))

    target_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("workspaces.job_id", ondelete="CASCADE"))
    host_id: Mapped[str] = mapped_column(ForeignKey("servers.host_id", ondelete="CASCADE"))
    port: Mapped[int]
    modified_ms: Mapped[int] = mapped_column(BigInteger)
    scrape: Mapped[str] = mapped_column(Text, default="", server_default="")


class TargetStateRow(Base):
    """Newest outcome of a target's scrapes; a table of its own because scrapes write it and people do not."""

    __tablename__ = "target_states"

    target_id: Mapped[str] = mapped_column(
        ForeignKey("targets.target_id", ondelete="CASCADE"), primary_key=True
    )
    result_code: Mapped[int]
    reason: Mapped[str | None] = mapped_column(String(500))
    since_ms: Mapped[int] = mapped_column(BigInteger)


class AuditRow(Base):
    """One change; without a foreign key, because it outlives what it tells of."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "project_id", "sequence"),
        Index(None, "at_ms"),
        {"sqlite_autoincrement": True},
    )

    sequence: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255))
    project_id: Mapped[str | None] = mapped_column(String(64))
    detail: Mapped[dict[str, object]] = mapped_column(JSON)
    address: Mapped[str | None] = mapped_column(String(255))
