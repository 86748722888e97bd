"""The table of layouts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from bongsu.control.tables import Base


class LayoutRow(Base):
    """Charts on a grid, drawn by the console; `place` is where they are shown, `version` grows with each change."""

    __tablename__ = "layouts"
    __table_args__ = (Index(None, "pcode", "place"),)

    layout_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"))
    place: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    version: Mapped[int]
    modified_ms: Mapped[int] = mapped_column(BigInteger)
