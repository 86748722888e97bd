"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _make_tenancy()
    _make_monitoring()
    op.create_table(
        "audit",
        sa.Column("sequence", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_project_id_sequence", "audit", ["project_id", "sequence"])


def _make_tenancy() -> None:
    op.create_table(
        "projects",
        sa.Column("pcode", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("retention_ms", sa.BigInteger(), nullable=False),
        sa.Column("linux_workspace", sa.Boolean(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pcode", name="pk_projects"),
        sa.UniqueConstraint("project_id", name="uq_projects_project_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "keys",
        sa.Column("key_id", sa.String(64), nullable=False),
        _pcode(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_keys"),
        _of_project("keys"),
    )
    op.create_index("ix_keys_pcode", "keys", ["pcode"])


def _make_monitoring() -> None:
    op.create_table(
        "servers",
        sa.Column("host_id", sa.String(36), nullable=False),
        _pcode(),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("instance_id", sa.String(255), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", name="pk_servers"),
        sa.UniqueConstraint("pcode", "region", "name", name="uq_servers_pcode_region_name"),
        _of_project("servers"),
    )
    op.create_table(
        "workspaces",
        sa.Column("job_id", sa.String(36), nullable=False),
        _pcode(),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("metrics_path", sa.String(1024), nullable=False),
        sa.Column("description", sa.String(4000), nullable=True),
        sa.Column("reserved_code", sa.String(64), nullable=True),
        sa.Column("modified_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_workspaces"),
        sa.UniqueConstraint("pcode", "region", "name", name="uq_workspaces_pcode_region_name"),
        _of_project("workspaces"),
    )
    op.create_table(
        "targets",
        sa.Column("target_id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("modified_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target_id", name="pk_targets"),
        sa.UniqueConstraint("job_id", "host_id", "port", name="uq_targets_job_id_host_id_port"),
        _owned("targets", "job_id", "workspaces"),
        _owned("targets", "host_id", "servers"),
    )
    op.create_index("ix_targets_host_id", "targets", ["host_id"])
    op.create_table(
        "target_states",
        sa.Column("target_id", sa.String(36), nullable=False),
        sa.Column("result_code", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target_id", name="pk_target_states"),
        _owned("target_states", "target_id", "targets"),
    )


def _pcode() -> sa.Column[int]:
    return sa.Column("pcode", _SERIAL, nullable=False)


def _of_project(table: str) -> sa.ForeignKeyConstraint:
    return _owned(table, "pcode", "projects")


def _owned(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    """Return the key of rows that leave with their owner."""
    name = f"fk_{table}_{column}_{owner}"
    return sa.ForeignKeyConstraint([column], [f"{owner}.{column}"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    """Remove every table."""
    for table in ("audit", "target_states", "targets", "workspaces", "servers", "keys", "projects"):
        op.drop_table(table)
