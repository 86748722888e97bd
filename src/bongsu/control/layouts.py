"""Layouts: the charts that a project's people have arranged, kept for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from bongsu.control.audit import SYSTEM
from bongsu.control.checks import check_known, check_text
from bongsu.control.errors import AlreadyExists, BadValue
from bongsu.control.layout_checks import check_layout
from bongsu.control.layout_table import LayoutRow
from bongsu.control.rows import is_id, lock_project
from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from bongsu.control.context import ControlContext
    from bongsu.control.values import Actor, Project

FIELDS = ("name", "place", "layout", "version")


class UnknownLayout(NotFound):
    """The project has no layout of this id."""

    def __init__(self, layout_id: str) -> None:
        super().__init__(
            f"the project has no layout {layout_id[:100]!r}; the list of layouts has the ids that exist",
            id="unknown-layout",
        )


class LayoutChanged(AlreadyExists):
    """Somebody else has saved the layout since it was read."""

    def __init__(self, sent: object, held: int) -> None:
        super().__init__(
            f"the layout was changed meanwhile: version {sent!r} was sent, {held} is kept; read it again, or save yours as a copy"
        )
        self.id = "layout-changed"


@dataclass(frozen=True, slots=True)
class Layout:
    """
    One layout.

    Attributes
    ----------
    place
        Where it is shown: the id of a workspace, ``servers``, or a word of the writer's choice.
    document
        Panels, variables and remarks (`bongsu.control.layout_checks`); empty in lists.
    version
        Grows by one with every change; a change names the version that it was made from.
    """

    layout_id: str
    name: str
    place: str
    document: Mapping[str, Any]
    version: int
    modified_ms: int


class Layouts:
    """The layouts of all projects. Methods block and may be called from any thread."""

    def __init__(self, context: ControlContext) -> None:
        self._context = context

    def all(self, project: Project, *, place: str | None = None) -> list[Layout]:
        """Return the layouts of a project, of one place or of all, by name, without their documents."""
        columns = (
            LayoutRow.layout_id,
            LayoutRow.name,
            LayoutRow.place,
            LayoutRow.version,
            LayoutRow.modified_ms,
        )
        query = select(*columns).where(LayoutRow.pcode == project.pcode)
        if place is not None:
            query = query.where(LayoutRow.place == place[:64])
        with self._context.database.read() as session:
            rows = session.execute(query.order_by(LayoutRow.name, LayoutRow.layout_id)).all()
        return [Layout(row[0], row[1], row[2], {}, row[3], row[4]) for row in rows]

    def get(self, project: Project, layout_id: str) -> Layout:
        """Return one layout, or raise UnknownLayout."""
        with self._context.database.read() as session:
            return _layout(_find(session, project.pcode, layout_id))

    def create(self, project: Project, fields: Mapping[str, object], *, actor: Actor = SYSTEM) -> Layout:
        """
        Keep a new layout from ``name``, ``place`` and ``layout``.

        Raises
        ------
        BadValue, LimitExceeded
            If a field is wrong, or the project has ``max_layouts`` layouts.
        """
        check_known(fields, FIELDS)
        row = LayoutRow(
            layout_id=self._context.ids.make(),
            pcode=project.pcode,
            place=check_text("place", fields.get("place"), maximum=64),
            name=check_text("name", fields.get("name")),
            document=check_layout(fields.get("layout")),
            version=1,
            modified_ms=self._context.clock.now_ms(),
        )
        with self._context.database.write() as session:
            owner = lock_project(session, project.project_id)
            session.add(row)
            session.flush()
            present = count_layouts(session, owner.pcode)
            self._context.refuse_beyond(owner, "max_layouts", present, "layouts: the project")
            self._note(session, actor, "layout.create", project, row)
            return _layout(row)

    def update(
        self, project: Project, layout_id: str, fields: Mapping[str, object], *, actor: Actor = SYSTEM
    ) -> Layout:
        """
        Change the name, the place or the document of a layout.

        Raises
        ------
        UnknownLayout, BadValue, LayoutChanged
            If there is none, a field is wrong, or ``version`` is not the newest: nobody's work is written over unseen.
        """
        check_known(fields, FIELDS)
        with self._context.database.write() as session:
            lock_project(session, project.project_id)
            row = _find(session, project.pcode, layout_id)
            sent = fields.get("version")
            if not isinstance(sent, int) or isinstance(sent, bool):
                raise BadValue(f"'version' is {sent!r}; send the version that the change was made from")
            if sent != row.version:
                raise LayoutChanged(sent, row.version)
            if "name" in fields:
                row.name = check_text("name", fields["name"])
            if "place" in fields:
                row.place = check_text("place", fields["place"], maximum=64)
            if "layout" in fields:
                row.document = check_layout(fields["layout"])
            row.version += 1
            row.modified_ms = self._context.clock.now_ms()
            self._note(session, actor, "layout.update", project, row)
            return _layout(row)

    def delete(self, project: Project, layout_id: str, *, actor: Actor = SYSTEM) -> None:
        """Remove a layout, or raise UnknownLayout."""
        with self._context.database.write() as session:
            lock_project(session, project.project_id)
            row = _find(session, project.pcode, layout_id)
            session.delete(row)
            self._note(session, actor, "layout.delete", project, row)

    def _note(self, session: Session, actor: Actor, action: str, project: Project, row: LayoutRow) -> None:
        self._context.audit.record(
            session, actor, action, row.layout_id, project.project_id, name=row.name, place=row.place
        )


def _find(session: Session, pcode: int, layout_id: str) -> LayoutRow:
    row = session.get(LayoutRow, layout_id) if is_id(layout_id) else None
    if row is None or row.pcode != pcode:
        raise UnknownLayout(layout_id)
    return row


def _layout(row: LayoutRow) -> Layout:
    return Layout(row.layout_id, row.name, row.place, row.document, row.version, row.modified_ms)


def count_layouts(session: Session, pcode: int) -> int:
    """Return how many layouts a project has."""
    return session.scalar(select(func.count()).select_from(LayoutRow).where(LayoutRow.pcode == pcode)) or 0
