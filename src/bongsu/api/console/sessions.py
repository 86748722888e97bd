"""
Signed-in browsers and one-time links.

A browser holds a random token in a cookie that scripts cannot read; the server keeps only the token's SHA-256 and the id of the
key that it stands for. Every request is checked against that key anew, so a revoked or expired key ends its sessions at once.
"""

from __future__ import annotations

import enum
import hashlib
import os
import secrets
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from bongsu.api.errors import Forbidden, Unauthorized

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import HTTPConnection

    from bongsu.runtime.clock import Clock

COOKIE = "bongsu_session"
CSRF_HEADER = "x-bongsu-console"
"""A browser sends a header of its own name to another origin only after asking that origin, which we never allow."""

SESSION_MS = 7 * 86_400_000
"""A week: an operator who looks every morning signs in on Mondays."""
LINK_MS = 3_600_000
"""A one-time link that waited longer than an hour in a terminal or a log is no longer good."""
_MAX_RECORDS = 10_000
"""About 2 MB; the oldest go first, so that signing in again and again cannot fill the memory."""
_TOKEN_BYTES = 32
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Kind(enum.StrEnum):
    """What a token is good for."""

    SESSION = "session"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Record:
    """
    What is kept of one token.

    Attributes
    ----------
    key_id
        The key that the bearer acts as.
    expires_ms
        Unix milliseconds from which the token is refused.
    """

    kind: Kind
    key_id: str
    expires_ms: int


class SessionStore:
    """
    Sessions and one-time links; methods may be called from any thread and write a small file when something changes.

    Parameters
    ----------
    clock
        Tells expiry.
    file
        Where the hashes survive a restart, mode 0600; None keeps them in memory only.
    session_ms
        How long a browser stays signed in.
    """

    def __init__(self, clock: Clock, *, file: Path | None = None, session_ms: int = SESSION_MS) -> None:
        self._clock = clock
        self._file = file
        self._session_ms = session_ms
        self._lock = threading.Lock()
        self._records = _load(file) if file is not None else {}

    def open(self, key_id: str) -> tuple[str, Record]:
        """Return a new session's token, which is not kept, and what is kept of it."""
        return self._add(Kind.SESSION, key_id, self._session_ms)

    def link(self, key_id: str, *, lifetime_ms: int = LINK_MS) -> str:
        """Return the token of a new one-time link; `redeem` takes it once."""
        return self._add(Kind.LINK, key_id, lifetime_ms)[0]

    def redeem(self, token: str) -> str:
        """
        Return the key id behind a one-time link, which is then used up.

        Raises
        ------
        Unauthorized
            If the link is not known, used already, or too old.
        """
        with self._lock:
            record = self._find(Kind.LINK, token)
            if record is None:
                raise Unauthorized(
                    "the one-time link was used already or is too old; sign in with a key, or make a new link",
                    id="console-link-invalid",
                )
            del self._records[_hash(token)]
            self._save()
        return record.key_id

    def find(self, token: str) -> Record | None:
        """Return the session behind a cookie; None when it is unknown, signed out or expired."""
        with self._lock:
            return self._find(Kind.SESSION, token)

    def close(self, token: str) -> None:
        """Sign one browser out."""
        with self._lock:
            if self._records.pop(_hash(token), None) is not None:
                self._save()

    def close_all(self, key_id: str) -> int:
        """Sign out every browser that acts as a key and void its links; return how many there were."""
        with self._lock:
            gone = [hashed for hashed, record in self._records.items() if record.key_id == key_id]
            for hashed in gone:
                del self._records[hashed]
            if gone:
                self._save()
        return len(gone)

    def key_id(self, request: HTTPConnection) -> str | None:
        """
        Return the id of the key that a request's cookie stands for; None without a living session.

        Raises
        ------
        Forbidden
            If the call may change something and lacks the header that only the console's own pages can send.
        """
        token = request.cookies.get(cookie_name(request))
        record = self.find(token) if token else None
        if record is None:
            return None
        require_own_page(request)
        return record.key_id

    def _add(self, kind: Kind, key_id: str, lifetime_ms: int) -> tuple[str, Record]:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        record = Record(kind, key_id, self._clock.now_ms() + lifetime_ms)
        with self._lock:
            self._drop_expired()
            while len(self._records) >= _MAX_RECORDS:
                del self._records[next(iter(self._records))]  # insertion order: the oldest
            self._records[_hash(token)] = record
            self._save()
        return token, record

    def _find(self, kind: Kind, token: str) -> Record | None:
        # The look-up is by hash: its time tells about hashes, which help nobody to find a token.
        record = self._records.get(_hash(token))
        if record is None or record.kind is not kind or self._clock.now_ms() >= record.expires_ms:
            return None
        return record

    def _drop_expired(self) -> None:
        now = self._clock.now_ms()
        self._records = {h: record for h, record in self._records.items() if record.expires_ms > now}

    def _save(self) -> None:
        if self._file is None:
            return
        content = orjson.dumps({hashed: asdict(record) for hashed, record in self._records.items()})
        part = self._file.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        part.replace(self._file)


def cookie_name(request: HTTPConnection) -> str:
    """Return the cookie's name: browsers share cookies between the ports of a host, two servers on one host must not."""
    port = request.url.port
    return COOKIE if port is None else f"{COOKIE}_{port}"


def require_own_page(request: HTTPConnection) -> None:
    """Raise Forbidden when a call that may change something does not come from a page of the console."""
    if request.scope.get("method", "GET") not in _SAFE_METHODS and CSRF_HEADER not in request.headers:
        raise Forbidden(
            f"a signed-in browser sent {request.scope['method']} without the header {CSRF_HEADER}; send it with any value, or "
            "use a key instead of the session",
            id="csrf-header-missing",
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _load(file: Path) -> dict[str, Record]:
    try:
        rows = orjson.loads(file.read_bytes())
        return {
            hashed: Record(Kind(row["kind"]), row["key_id"], row["expires_ms"])
            for hashed, row in rows.items()
        }
    except FileNotFoundError:
        return {}
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
        # Sessions are a convenience: a damaged file means that everyone signs in again, not that the server stays down.
        return {}
