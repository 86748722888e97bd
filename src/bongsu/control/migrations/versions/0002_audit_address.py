"""The audit trail tells from where a change came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the address; what was written before has none."""
    with op.batch_alter_table("audit") as table:
        table.add_column(sa.Column("address", sa.String(255), nullable=True))


def downgrade() -> None:
    """Drop the address."""
    with op.batch_alter_table("audit") as table:
        table.drop_column("address")
