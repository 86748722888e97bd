"""A copied control database is the original: every row, on either kind of database."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bongsu.control.database import Database, sqlite_url
from bongsu.control.people import Bearer, Method, Origin
from bongsu.control.plane import ControlPlane
from bongsu.control.tables import Base
from bongsu.control.transfer import copy_database
from bongsu.control.values import Actor
from bongsu.model.errors import InvalidInput
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

ACTOR = Actor("admin")


def rows(database: Database) -> dict[str, list[dict[str, object]]]:
    """Return all rows of all tables but those of sessions, which are not copied."""
    with database.engine.connect() as connection:
        return {
            table.name: sorted(
                (dict(row) for row in connection.execute(sa.select(table)).mappings()), key=str
            )
            for table in Base.metadata.sorted_tables
            if table.name != "sessions"
        }


def fill(plane: ControlPlane) -> None:
    for name in ("one", "two"):
        project = plane.projects.create({"name": name}, actor=ACTOR).project
        plane.servers.create(project, {"hostNm": "machine", "svrIp": "10.0.0.1"}, actor=ACTOR)
        gone = plane.servers.create(project, {"hostNm": "gone", "svrIp": "10.0.0.2"}, actor=ACTOR)
        plane.servers.delete(project, gone.host_id, actor=ACTOR)
        layout = {"name": "Main", "place": "servers", "layout": {"panels": []}}
        plane.layouts.create(project, layout, actor=ACTOR)
        fields = {
            "name": f"kim-{name}",
            "password": "correct horse battery",
            "roles": {project.project_id: "owner"},
        }
        kim = plane.users.create(fields, actor=ACTOR).user
        plane.sessions.open(Bearer(user=kim), Method.PASSWORD, Origin())


@pytest.mark.parametrize("back", [False, True])
def test_a_copy_has_every_row_and_goes_on_numbering(control_url: str, tmp_path: Path, *, back: bool) -> None:
    urls = [control_url, sqlite_url(tmp_path / "other.db")]
    source_url, target_url = reversed(urls) if back else urls
    with contextlib.closing(ControlPlane(source_url, ManualClock())) as plane:
        fill(plane)
        last = plane.projects.create({"name": "gone"}, actor=ACTOR).project
        plane.projects.delete(last.project_id, actor=ACTOR)
        with contextlib.closing(Database(target_url)) as target:
            copied = copy_database(plane.database, target)
            expected = rows(plane.database)

            assert expected == rows(target)
            assert sum(map(len, expected.values())) == copied
            assert all(expected[table] for table in ("layouts", "users", "memberships"))
            with target.engine.connect() as connection:
                assert 0 == connection.execute(sa.text("SELECT count(*) FROM sessions")).scalar()
    with contextlib.closing(ControlPlane(target_url, ManualClock())) as plane:
        assert last.pcode + 1 == plane.projects.create({"name": "new"}, actor=ACTOR).project.pcode


def test_every_table_is_known_where_nothing_else_is_imported() -> None:
    """A restore runs in a process of its own, without the services whose modules define tables."""
    program = "import bongsu.control.transfer as t; print(*t.Base.metadata.tables)"
    known = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert set(Base.metadata.tables) == set(known.split())


def test_a_database_with_projects_is_not_copied_over(tmp_path: Path) -> None:
    with (
        contextlib.closing(ControlPlane(sqlite_url(tmp_path / "a.db"), ManualClock())) as one,
        contextlib.closing(ControlPlane(sqlite_url(tmp_path / "b.db"), ManualClock())) as other,
    ):
        fill(one)
        fill(other)
        before = rows(other.database)

        with pytest.raises(InvalidInput, match="has projects already"):
            copy_database(one.database, other.database)
        assert before == rows(other.database)
