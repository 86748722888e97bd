"""Workspaces and targets have scrape options; a project counts the changes of what is scraped for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the options, none at first, and the count."""
    for name in ("workspaces", "targets"):
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("scrape", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("projects") as table:
        table.add_column(sa.Column("targets_revision", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("projects") as table:
        table.drop_column("targets_revision")
    for name in ("workspaces", "targets"):
        with op.batch_alter_table(name) as table:
            table.drop_column("scrape")
