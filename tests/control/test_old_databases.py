"""
Databases of every older schema, checked in as the program of their time wrote them, are brought forward with all that they hold.

``databases/`` has a dump of each schema for both kinds of database: three projects were made and one removed, and the first one has a
server, a workspace, a target, a third key and, where the schema has them, scrape options and a layout.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bongsu.control.database import Database
from bongsu.control.migrate import newest_revision
from bongsu.control.plane import ControlPlane
from bongsu.control.tables import Base
from bongsu.control.values import Scope
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

DUMPS = Path(__file__).parent / "databases"
SCHEMAS = sorted({file.name.partition(".")[0] for file in DUMPS.glob("*.sql")})


@pytest.fixture(params=SCHEMAS)
def old_plane(request: pytest.FixtureRequest, control_url: str) -> Iterator[ControlPlane]:
    """Give a control plane over a database that the program of an older schema has left."""
    load(control_url, request.param)
    plane = ControlPlane(control_url, ManualClock(1_800_000_000_000))
    yield plane
    plane.close()


def load(url: str, schema: str) -> None:
    """Make the database of a dump."""
    with contextlib.closing(Database(url)) as database:
        if database.is_sqlite:
            path = database.engine.url.database
            assert path is not None
            with contextlib.closing(sqlite3.connect(path)) as connection:
                connection.executescript((DUMPS / f"{schema}.sqlite.sql").read_text())
            return
        with database.engine.begin() as connection:
            connection.exec_driver_sql((DUMPS / f"{schema}.postgresql.sql").read_text())


def test_there_is_a_dump_of_every_schema_before_the_newest() -> None:
    assert [f"{number:04d}" for number in range(1, int(newest_revision()))] == SCHEMAS


def test_the_schema_is_the_newest_afterwards(old_plane: ControlPlane) -> None:
    with old_plane.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert [] == compare_metadata(context, Base.metadata)


def test_nothing_is_lost(old_plane: ControlPlane) -> None:
    shop, other = old_plane.projects.all()
    (server,) = old_plane.servers.all(shop)
    job = next(one for one in old_plane.workspaces.all(shop, "kr") if one.reserved_code is None)
    (target,) = old_plane.targets.all(shop, job.job_id)
    keys = {key.name: key for key in old_plane.keys.all("shop")}

    assert ("shop", "상점", 30 * 86_400_000, (("max_keys", 7),)) == (
        shop.project_id,
        shop.name,
        shop.settings.retention_ms,
        shop.settings.limits,
    )
    assert ("other", "jp") == (other.project_id, other.region)
    assert ("web-1", "192.0.2.10", "i-1") == (server.name, server.address, server.instance_id)
    assert ("app", "/metrics?x=1", server.host_id, 9100) == (
        job.name,
        job.metrics_path,
        target.host_id,
        target.port,
    )
    assert {"appkey", "token", "ci"} == set(keys)
    assert (frozenset({Scope.WRITE}), 1_900_000_000_000) == (keys["ci"].scopes, keys["ci"].expires_ms)
    assert old_plane.keys.find(keys["ci"].key_id) is not None
    assert {"project.create", "project.delete", "key.create"} <= {e.action for e in old_plane.audit.newest()}


def test_what_is_new_works_and_no_number_is_used_again(old_plane: ControlPlane) -> None:
    made: Any = old_plane.projects.create({"name": "new"})
    kim = old_plane.users.create({"name": "kim", "roles": {"shop": "viewer"}}).user

    assert 4 == made.project.pcode
    assert ["shop"] == [project.project_id for project, _ in old_plane.members.projects_of(kim)]
