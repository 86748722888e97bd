"""Keys and requests for tests of the edge, without a database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from starlette.requests import Request

from bongsu.api.access import AccessControl
from bongsu.control.values import ALL_SCOPES, KeyGrant, Project, Scope
from bongsu.runtime.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Receive


class FixedKeys:
    """A key directory in memory that counts its look-ups."""

    def __init__(self) -> None:
        self.grants: dict[str, KeyGrant] = {}
        self.lookups = 0
        self.changes = 0

    def generation(self) -> int:
        """Return how many changes were made."""
        return self.changes

    def find(self, key_id: str) -> KeyGrant | None:
        """Return the grant of a key."""
        self.lookups += 1
        return self.grants.get(key_id)

    def add(
        self,
        project: Project,
        key_id: str,
        *,
        scopes: frozenset[Scope] = ALL_SCOPES,
        expires_ms: int | None = None,
    ) -> str:
        """Add a key and return it as a client presents it."""
        secret = f"secret-of-{key_id}"
        digest = hashlib.sha256(secret.encode()).digest()
        self.grants[key_id] = KeyGrant(key_id, digest, scopes, expires_ms, project)
        self.changes += 1
        return f"{key_id}.{secret}"

    def remove(self, key_id: str) -> None:
        """Revoke a key."""
        del self.grants[key_id]
        self.changes += 1


def make_project(project_id: str = "alpha", pcode: int = 5490, region: str = "kr") -> Project:
    """Return a project whose name is its id."""
    return Project(project_id, pcode, project_id, region)


def make_access(keys: FixedKeys, clock: ManualClock | None = None) -> AccessControl:
    """Return an access control over the keys, with a registry of its own."""
    return AccessControl(keys, clock or ManualClock(), CollectorRegistry())


def make_request(
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    *,
    parts: Iterable[bytes] = (),
    receive: Receive | None = None,
) -> Request:
    """Return a POST request whose body arrives in the given parts."""
    pairs = headers.items() if hasattr(headers, "items") else headers
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    pending = [*parts]

    async def receive_parts() -> dict[str, object]:
        body = pending.pop(0) if pending else b""
        return {"type": "http.request", "body": body, "more_body": bool(pending)}

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw}
    return Request(scope, receive or receive_parts)
