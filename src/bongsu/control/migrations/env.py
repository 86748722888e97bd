"""What Alembic runs: the steps go over the connection, and in the transaction, that `bongsu.control.migrate` gives."""

from __future__ import annotations

from alembic import context

from bongsu.control.tables import Base

# SQLite cannot alter most of a table in place: batch mode copies it instead.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
context.run_migrations()
