"""Statements that run on the driver's own cursor do what a session would."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import bindparam, event, insert, select, update

from bongsu.control.database import Database, DatabaseUnavailable, sqlite_url
from bongsu.control.errors import AlreadyExists
from bongsu.control.plane import ControlPlane
from bongsu.control.tables import KeyRow, ProjectRow
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALL = select(
    ProjectRow.project_id, ProjectRow.linux_workspace, ProjectRow.allowed_networks, ProjectRow.limits
).order_by(ProjectRow.project_id)
SECRETS = select(KeyRow.secret_hash).where(KeyRow.key_id == bindparam("key_id"))
ADD = insert(ProjectRow).inline()
RENAME = update(ProjectRow).where(ProjectRow.project_id == bindparam("of"))
NAMES = select(ProjectRow.name).where(ProjectRow.project_id == bindparam("project_id"))


def fields(project_id: str, **changed: object) -> dict[str, object]:
    return {
        "project_id": project_id,
        "name": project_id,
        "region": "kr",
        "retention_ms": 0,
        "linux_workspace": True,
        "windows_workspace": False,
        "allowed_networks": [],
        "limits": {},
        "created_ms": 1,
        "targets_revision": 0,
    } | changed


def test_values_keep_their_types(control_database: Database) -> None:
    networks, limits = ["10.0.0.0/8"], {"max_series": 5}
    with control_database.transaction() as transaction:
        transaction.run(ADD, **fields("a", linux_workspace=False, allowed_networks=networks, limits=limits))
        transaction.run(ADD, **fields("ㅂ"))

    assert [("a", False, networks, limits), ("ㅂ", True, [], {})] == control_database.rows(ALL)
    with control_database.read() as session:
        assert [(False, limits), (True, {})] == [
            (row.linux_workspace, row.limits)
            for row in session.scalars(select(ProjectRow).order_by(ProjectRow.project_id))
        ]


def test_bytes_come_back_as_bytes(plane: ControlPlane) -> None:
    key_id = plane.projects.create({"name": "a"}).appkey.partition(".")[0]

    ((found,),) = plane.database.rows(SECRETS, key_id=key_id)

    assert bytes is type(found)
    assert 32 == len(found)


def test_a_transaction_that_fails_leaves_nothing(control_database: Database) -> None:
    with pytest.raises(ZeroDivisionError), control_database.transaction() as transaction:  # noqa: PT012
        transaction.run(ADD, **fields("a"))
        assert 1 == len(transaction.rows(ALL))
        raise ZeroDivisionError

    assert [] == control_database.rows(ALL)
    with control_database.transaction() as transaction:
        transaction.run(ADD, **fields("a"))
    assert 1 == len(control_database.rows(ALL))


def test_a_value_that_is_taken_is_refused_in_its_words(control_database: Database) -> None:
    with control_database.transaction() as transaction:
        transaction.run(ADD, **fields("a"))

    with (
        pytest.raises(AlreadyExists, match="taken") as caught,
        control_database.transaction() as transaction,
        transaction.refusing_duplicates("it is taken"),
    ):
        transaction.run(ADD, **fields("a"))

    assert "already-exists" == caught.value.id
    assert 1 == len(control_database.rows(ALL))


def test_text_is_never_part_of_a_statement(control_database: Database) -> None:
    evil = "'); DROP TABLE projects; -- %s %(name)s :x ?"
    with control_database.transaction() as transaction:
        transaction.run(ADD, **fields("a"))
        transaction.run(RENAME, of="a", name=evil)

    assert [(evil,)] == control_database.rows(NAMES, project_id="a")
    assert [] == control_database.rows(NAMES, project_id=evil)


def test_threads_do_not_meet_in_a_transaction(control_database: Database) -> None:
    with control_database.transaction() as transaction:
        transaction.run(ADD, **fields("a"))
    count = select(ProjectRow.targets_revision).with_for_update()

    def grow() -> None:
        for _ in range(20):
            with control_database.transaction() as transaction:
                ((now,),) = transaction.rows(count)
                transaction.run(RENAME, of="a", targets_revision=now + 1)

    threads = [threading.Thread(target=grow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(80,)] == control_database.rows(count)


def test_a_database_that_fails_is_unavailable(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "empty.db"))

    with pytest.raises(DatabaseUnavailable):  # it has no tables
        database.rows(ALL)
    with pytest.raises(DatabaseUnavailable), database.transaction() as transaction:
        transaction.run(ADD, **fields("a"))
    database.close()


def test_calls_of_the_workspace_api_need_few_statements(tmp_path: Path) -> None:
    """What a call costs is mostly its statements; the bounds are what the calls need now."""
    plane = ControlPlane(sqlite_url(tmp_path / "control.db"), ManualClock())
    project = plane.projects.create({"name": "a"}).project
    server = plane.servers.create(project, {"hostNm": "h", "svrIp": "10.0.0.1"})
    job = plane.workspaces.create(project, "kr", {"jobName": "app", "metricsPath": "/m"}).job_id
    target = plane.targets.create(project, job, {"hostId": server.host_id, "port": 1})
    plane.database.engine.dispose()  # so that every connection from here on is a new one, and traced
    told: list[str] = []
    event.listen(plane.database.engine, "connect", lambda connection, _: _trace(connection, told.append))
    plane.workspaces.get(project, job)  # connects

    def statements(call: Callable[[], object]) -> int:
        told.clear()
        call()
        return len(set(told))  # one that brings others with it, by a foreign key, is told twice

    assert 1 == statements(lambda: plane.workspaces.all(project, "kr"))
    assert 1 == statements(lambda: plane.workspaces.get(project, job))
    assert 1 == statements(lambda: plane.servers.all(project, region="kr"))
    assert 2 == statements(lambda: plane.server_states.all(project, region="kr"))
    assert 1 == statements(lambda: plane.targets.all(project, job))
    assert 1 == statements(lambda: plane.targets.get(project, job, target))
    # With beginning, end and the entry of the audit trail.
    new = {"jobName": "b", "metricsPath": "/m"}
    assert 6 == statements(lambda: plane.workspaces.create(project, "kr", new))
    assert 7 == statements(lambda: plane.workspaces.update(project, job, {"metricsPath": "/n"}))
    assert 9 == statements(lambda: plane.targets.create(project, job, {"hostId": server.host_id, "port": 2}))
    assert 8 == statements(lambda: plane.targets.delete(project, job, target))
    plane.close()


def _trace(connection: Any, tell: Callable[[str], None]) -> None:
    connection.set_trace_callback(tell)
