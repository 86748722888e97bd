"""Projects have networks that they may scrape, servers an operating system, and removed servers are remembered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and make the table; a project that was there before has no networks of its own."""
    # Added in place: a copy of the table would number projects from the start again on SQLite.
    op.add_column(
        "projects", sa.Column("windows_workspace", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("projects", sa.Column("allowed_networks", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("servers", sa.Column("os", sa.String(16), nullable=True))
    op.create_table(
        "removed_servers",
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("pcode", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("address", sa.String(255), nullable=False),
        sa.Column("instance_id", sa.String(255), nullable=True),
        sa.Column("os", sa.String(16), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("host_id", name="pk_removed_servers"),
        sa.ForeignKeyConstraint(
            ["pcode"], ["projects.pcode"], name="fk_removed_servers_pcode_projects", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_removed_servers_pcode_removed_ms", "removed_servers", ["pcode", "removed_ms"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("removed_servers")
    op.drop_column("servers", "os")
    op.drop_column("projects", "allowed_networks")
    op.drop_column("projects", "windows_workspace")
