"""
Keys of the project, for a signed-in browser: list, make one for a purpose, revoke.

Behind a session is an owner, or a key: then a new key can do no more than that one, and does not outlive it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bongsu.api.body import read_json_object
from bongsu.api.permissions import needed_role
from bongsu.api.respond import json_response, no_content
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.control.values import Actor, Key, NewKey

_NEVER = {"Cache-Control": "no-store"}
"""A new key's text is in one answer only."""


class KeyBook(Protocol):
    """Where keys are kept; methods block and may be called from any thread."""

    def all(self, project_id: str) -> list[Key]:
        """Return the keys of a project, oldest first."""
        ...

    def create(
        self,
        project_id: str,
        *,
        name: object,
        scopes: object,
        expires_ms: int | None = None,
        actor: Actor = ...,
    ) -> NewKey:
        """Make a key; raises a BongsuError when a field is wrong or the project has too many."""
        ...

    def revoke(self, project_id: str, key_id: str, *, actor: Actor = ...) -> None:
        """Remove a key; raises a BongsuError when the project has none of that id."""
        ...


class ConsoleKeys:
    """The handlers; all need the scope `manage`, and of a person the role that the table of permissions says."""

    def __init__(self, access: AccessControl, keys: KeyBook) -> None:
        self._access = access
        self._keys = keys

    async def show(self, request: Request) -> Response:
        """Answer the project's keys, without their secrets."""
        access = await self._require(request, "GET /console/api/keys")
        keys = await in_thread(self._keys.all, access.project.project_id)
        return json_response({"keys": [_record(key, access) for key in keys]}, headers=_NEVER)

    async def create(self, request: Request) -> Response:
        """Make a key from ``{"name", "scopes"}`` and answer its text, this once."""
        access = await self._require(request, "POST /console/api/keys")
        fields = await read_json_object(request)
        scopes = fields.get("scopes")
        _check_within(scopes, access)
        made = await in_thread(self._create, access, fields.get("name"), scopes, access.actor(request))
        return json_response(_record(made.key, access) | {"key": made.text}, status=201, headers=_NEVER)

    async def revoke(self, request: Request) -> Response:
        """Remove a key, but not the one that this session stands for: signing out would be the better way."""
        access = await self._require(request, "DELETE /console/api/keys/{keyId}")
        key_id = request.path_params["keyId"]
        if key_id == access.key_id:
            raise InvalidInput(
                f"the key {key_id!r} is the one that this session stands for; sign in with another one to revoke it",
                id="key-in-use",
            )
        await in_thread(self._keys.revoke, access.project.project_id, key_id, actor=access.actor(request))
        return no_content()

    async def _require(self, request: Request, call: str) -> ProjectAccess:
        return await self._access.require(request, Scope.MANAGE, role=needed_role(call))

    def _create(self, access: ProjectAccess, name: object, scopes: object, actor: Actor) -> NewKey:
        project_id = access.project.project_id
        own = next((key for key in self._keys.all(project_id) if key.key_id == access.key_id), None)
        return self._keys.create(
            project_id,
            name=name,
            scopes=scopes,
            expires_ms=own.expires_ms if own is not None else None,
            actor=actor,
        )


def _check_within(scopes: object, access: ProjectAccess) -> None:
    """Raise when a list of scopes has more than the key of the caller; what is no such list is refused where keys are made."""
    wanted = scopes if isinstance(scopes, list) and access.role is None else []
    beyond = [scope for scope in wanted if scope not in access.scopes]
    if beyond:
        raise InvalidInput(
            f"the scopes {beyond!r} are not those of the key that you signed in with ({', '.join(sorted(access.scopes))}); leave "
            "them out, or sign in with a key that has them",
            id="scope-beyond-own",
        )


def _record(key: Key, access: ProjectAccess) -> dict[str, Any]:
    return {
        "keyId": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "createdMs": key.created_ms,
        "expiresMs": key.expires_ms,
        "lastUsedMs": key.last_used_ms,
        "isOwn": key.key_id == access.key_id,
    }
