"""Machines register themselves by their agents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "host_agents",
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("pcode", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("machine_id", sa.String(255), nullable=False),
        sa.Column("collects", sa.Boolean(), nullable=False),
        sa.Column("owns", sa.Boolean(), nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", name="pk_host_agents"),
        sa.ForeignKeyConstraint(
            ["host_id"], ["servers.host_id"], name="fk_host_agents_host_id_servers", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["pcode"], ["projects.pcode"], name="fk_host_agents_pcode_projects", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("pcode", "machine_id", name="uq_host_agents_pcode_machine_id"),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("host_agents")
