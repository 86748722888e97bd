"""The tables of people: users, what they may do, and who is signed in. Times are Unix milliseconds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bongsu.control.tables import Base


class UserRow(Base):
    """
    A person. Of the password there is only its Argon2 hash; `everywhere` is a role in all projects.

    `issuer` and `subject` name the person at an OpenID Connect provider; they are empty for local accounts.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    user_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    display_name: Mapped[str] = mapped_column(String(255))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    everywhere: Mapped[str | None] = mapped_column(String(16))
    enabled: Mapped[bool] = mapped_column(Boolean)
    issuer: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    created_ms: Mapped[int] = mapped_column(BigInteger)
    signed_in_ms: Mapped[int | None] = mapped_column(BigInteger)


class MembershipRow(Base):
    """The role of a user in a project."""

    __tablename__ = "memberships"
    __table_args__ = (Index(None, "pcode"),)

    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True)
    pcode: Mapped[int] = mapped_column(ForeignKey("projects.pcode", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    since_ms: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Base):
    """
    A signed-in browser or a one-time link, of a user or of a key; of its token there is only the SHA-256.

    `kind` and `method` are words of `bongsu.control.sessions`; `operator` tells that the server printed the link.
    """

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"), Index(None, "key_id"), Index(None, "expires_ms"))

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(36), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    method: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"))
    key_id: Mapped[str | None] = mapped_column(ForeignKey("keys.key_id", ondelete="CASCADE"))
    operator: Mapped[bool] = mapped_column(Boolean)
    created_ms: Mapped[int] = mapped_column(BigInteger)
    seen_ms: Mapped[int] = mapped_column(BigInteger)
    expires_ms: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str | None] = mapped_column(String(255))
    client: Mapped[str | None] = mapped_column(String(255))
