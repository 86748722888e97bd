"""What the shop sells: a SQLite database behind a SQLAlchemy connection pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Engine, Integer, String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = ("beacon", "lantern", "torch", "flint", "signal flag", "smoke pot", "drum", "horn")


class Base(DeclarativeBase):
    """Base of the shop's tables."""


class Item(Base):
    """Something that the shop sells."""

    __tablename__ = "item"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    stock: Mapped[int] = mapped_column(Integer)


class OrderLine(Base):
    """Something that a customer ordered."""

    __tablename__ = "order_line"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    item_id: Mapped[int] = mapped_column(Integer)
    customer: Mapped[str] = mapped_column(String(40))


def open_catalogue(file: Path, *, pool_size: int) -> Engine:
    """Return the engine of the shop's database, filled when it is new."""
    # SQLite takes one writer at a time; a pool of its own size shows what a pool in front of any database shows.
    engine = create_engine(f"sqlite:///{file}", poolclass=QueuePool, pool_size=pool_size, max_overflow=0)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        if session.scalar(select(func.count()).select_from(Item)) == 0:
            session.add_all([Item(name=name, stock=1_000_000) for name in ITEMS])
    return engine


def list_items(engine: Engine) -> list[dict[str, object]]:
    """Return everything that the shop sells."""
    with Session(engine) as session:
        return [
            {"id": item.id, "name": item.name, "stock": item.stock} for item in session.scalars(select(Item))
        ]


def find_item(engine: Engine, item_id: int) -> dict[str, object] | None:
    """Return one item, or None when the shop has it not."""
    with Session(engine) as session:
        item = session.get(Item, item_id)
        return None if item is None else {"id": item.id, "name": item.name, "stock": item.stock}


def place_order(engine: Engine, item_id: int, customer: str) -> int | None:
    """Take one item from the stock and return the order's number; None when the shop has it not."""
    with Session(engine) as session, session.begin():
        item = session.get(Item, item_id)
        if item is None or item.stock == 0:
            return None
        item.stock -= 1
        line = OrderLine(item_id=item_id, customer=customer)
        session.add(line)
        session.flush()
        return line.id
