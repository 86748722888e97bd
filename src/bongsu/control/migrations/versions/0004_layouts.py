"""Layouts of charts are kept for each project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "layouts",
        sa.Column("layout_id", sa.String(36), nullable=False),
        sa.Column("pcode", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("modified_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("layout_id", name="pk_layouts"),
        sa.ForeignKeyConstraint(
            ["pcode"], ["projects.pcode"], name="fk_layouts_pcode_projects", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_layouts_pcode_place", "layouts", ["pcode", "place"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("layouts")
