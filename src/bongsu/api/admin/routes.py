"""The calls of `/admin/v1`: projects, their keys and servers; and all routes, those of the modules beside this one included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bongsu.api.admin import backup
from bongsu.api.admin.audit import AuditCalls
from bongsu.api.admin.gate import AdminGate, actor_of, operator_of
from bongsu.api.admin.moving import MovingCalls
from bongsu.api.admin.openapi import admin_document
from bongsu.api.admin.people import PeopleCalls
from bongsu.api.admin.records import (
    error_record,
    key_record,
    limit_record,
    new_key_record,
    new_project_record,
    project_record,
    server_record,
    server_state_record,
)
from bongsu.api.admin.scraping import ScrapingCalls
from bongsu.api.admin.store import StoreCalls
from bongsu.api.body import read_json_object
from bongsu.api.errors import Forbidden
from bongsu.api.parameters import flag_of
from bongsu.api.respond import json_response, no_content, raw_json_response
from bongsu.api.routing import Router
from bongsu.api.threads import Lane, in_thread
from bongsu.control.checks import check_known, check_region
from bongsu.control.errors import BadValue
from bongsu.control.projects import Projects
from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import SessionLookup
    from bongsu.api.admin.store import StoreWatch
    from bongsu.api.admin.token import AdminToken
    from bongsu.api.errors import Failure, Handler
    from bongsu.api.target_test import TargetTest
    from bongsu.control.limits import LimitCount
    from bongsu.control.people import User
    from bongsu.control.plane import ControlPlane
    from bongsu.control.values import Project
    from bongsu.runtime.clock import Clock

CREATED = 201
REGION_HEADER = "x-sysmon-region"
CONTROL_THREADS = 8
"""SQLite writes one at a time; a few more serve readers and hide a slow disk."""
DEFAULT_KEY_NAME = "key"
DEFAULT_SCOPES = ("read",)
"""What a key may do that names no scope: the least."""
_SECRET = {"Cache-Control": "no-store"}
"""A new key's text is in one answer only."""
_OWNERS_FIELDS = frozenset({"name", "retention", "linuxWorkspace", "windowsWorkspace"})
"""What an owner may change of a project; limits and networks protect the server, and are its administrators'."""


def _no_counts(_project_id: str) -> dict[str, LimitCount]:
    return {}


def _no_parts() -> Iterator[bytes]:
    return iter(())


def routes(
    *,
    token: AdminToken,
    control: ControlPlane,
    drop_data: Callable[[str], None],
    clock: Clock,
    log: FilteringBoundLogger,
    limit_counts: Callable[[str], Mapping[str, LimitCount]] = _no_counts,
    backup_parts: Callable[[], Iterator[bytes]] = _no_parts,
    store: StoreWatch | None = None,
    test_target: TargetTest | None = None,
    sessions: SessionLookup | None = None,
    hashing: Lane | None = None,
    url: str = "",
) -> list[BaseRoute]:
    """
    Return the routes of the admin API; its OpenAPI document needs no token.

    Parameters
    ----------
    token
        Opens every call.
    sessions
        Where signed-in people are looked up, whom the table of permissions lets in; None takes the token only.
    hashing
        Threads in which passwords are hashed; given, when somebody else hashes too.
    url
        Address under which people open the console.
    drop_data
        Removes what else is kept of a project, by its id; called in a worker thread after the project is gone. It may be called
        for a project that has nothing.
    limit_counts
        Tells what counts against the limits that the control plane does not know, by a project's id; called in a worker thread.
    backup_parts
        Begins a backup and yields its archive.
    store
        Knows the store; without it there are no calls about the store.
    test_target
        Scrapes a target once.
    """
    calls = _Calls(control, drop_data, clock, limit_counts)
    router = Router(_problem, log)

    moving = MovingCalls(control, calls.lane)
    gate = AdminGate(token, sessions)

    def resource(path: str, **handlers: Handler) -> BaseRoute:
        whole = f"/admin/v1{path}"
        guarded = {method: gate.behind(f"{method} {whole}", handler) for method, handler in handlers.items()}
        return router.resource(whole, **guarded)

    project = "/projects/{projectId}"
    written = orjson.dumps(admin_document(control.options.regions))

    async def show_document(_request: Request) -> Response:
        return raw_json_response(written)

    return [
        router.resource("/admin/v1/openapi.json", GET=show_document),
        resource("/projects", GET=calls.list_projects, POST=calls.create_project),
        resource(project, GET=calls.show_project, PATCH=calls.update_project, DELETE=calls.delete_project),
        resource(f"{project}/limits", GET=calls.list_limits),
        resource(f"{project}/keys", GET=calls.list_keys, POST=calls.create_key),
        resource(f"{project}/keys/{{keyId}}", DELETE=calls.revoke_key),
        resource(f"{project}/keys/{{keyId}}/rotate", POST=calls.rotate_key),
        resource(f"{project}/servers", GET=calls.list_servers, POST=calls.create_server),
        resource(
            f"{project}/servers/{{hostId}}",
            GET=calls.show_server,
            PATCH=calls.update_server,
            DELETE=calls.delete_server,
        ),
        resource(f"{project}/export", GET=moving.export),
        resource("/import", POST=moving.import_),
        *_scraping_routes(resource, ScrapingCalls(control, calls.lane, test_target)),
        *_people_routes(resource, PeopleCalls(control, calls.lane, hashing or calls.lane, url)),
        *_audit_routes(resource, AuditCalls(control.audit, calls.lane)),
        *_store_routes(resource, store),
        resource("/backup", GET=backup.download(backup_parts, control.audit)),
        router.unknown("/admin/v1/{rest:path}"),
    ]


def _people_routes(resource: Callable[..., BaseRoute], calls: PeopleCalls) -> list[BaseRoute]:
    user, members = "/users/{userId}", "/projects/{projectId}/members"
    return [
        resource("/users", GET=calls.list_users, POST=calls.create_user),
        resource(user, GET=calls.show_user, PATCH=calls.update_user, DELETE=calls.delete_user),
        resource(f"{user}/password", PUT=calls.set_password),
        resource(f"{user}/invitation", POST=calls.invite),
        resource(f"{user}/sessions", GET=calls.list_sessions, DELETE=calls.end_sessions),
        resource(f"{user}/sessions/{{sessionId}}", DELETE=calls.end_session),
        resource(members, GET=calls.list_members, POST=calls.add_member),
        resource(
            f"{members}/{{userId}}",
            PUT=calls.give_role,
            PATCH=calls.change_member,
            DELETE=calls.remove_member,
        ),
    ]


def _audit_routes(resource: Callable[..., BaseRoute], calls: AuditCalls) -> list[BaseRoute]:
    return [resource("/projects/{projectId}/audit", GET=calls.show), resource("/audit", GET=calls.show)]


def _store_routes(resource: Callable[..., BaseRoute], store: StoreWatch | None) -> list[BaseRoute]:
    if store is None:
        return []
    calls = StoreCalls(store)
    return [resource("/store", GET=calls.show), resource("/store/verify", POST=calls.verify)]


def _scraping_routes(resource: Callable[..., BaseRoute], calls: ScrapingCalls) -> list[BaseRoute]:
    workspaces = "/projects/{projectId}/workspaces"
    targets = f"{workspaces}/{{jobId}}/targets"
    options: dict[str, Handler] = {
        "GET": calls.show_options,
        "PUT": calls.replace_options,
        "PATCH": calls.merge_options,
        "DELETE": calls.remove_options,
    }
    return [
        resource(workspaces, GET=calls.list_workspaces),
        resource(f"{workspaces}/{{jobId}}/scrape", **options),
        resource(f"{workspaces}/{{jobId}}/test", POST=calls.test),
        resource(targets, GET=calls.list_targets),
        resource(f"{targets}/{{targetId}}/scrape", **options),
    ]


def _problem(failed: Failure) -> Response:
    return json_response(error_record(failed), status=failed.status, headers=failed.headers)


class _Calls:
    """The handlers."""

    def __init__(
        self,
        control: ControlPlane,
        drop_data: Callable[[str], None],
        clock: Clock,
        limit_counts: Callable[[str], Mapping[str, LimitCount]],
    ) -> None:
        self._limit_counts = limit_counts
        self._control = control
        self.lane = Lane(CONTROL_THREADS)
        self._drop_data = drop_data
        self._clock = clock

    async def list_projects(self, request: Request) -> Response:
        found = await self.lane.run(self._visible, operator_of(request).user)
        return json_response({"projects": [project_record(project) for project in found]})

    def _visible(self, user: User | None) -> list[Project]:
        if user is None:
            return self._control.projects.all()
        return [project for project, _ in self._control.members.projects_of(user)]

    async def create_project(self, request: Request) -> Response:
        made = await self.lane.run(
            self._control.projects.create, await read_json_object(request), actor=actor_of(request)
        )
        return json_response(new_project_record(made), status=CREATED, headers=_SECRET)

    async def show_project(self, request: Request) -> Response:
        return json_response(project_record(await self._project(request)))

    async def update_project(self, request: Request) -> Response:
        fields = await read_json_object(request)
        if not operator_of(request).is_administrator:
            _check_owners_fields(fields)
        updated = await self.lane.run(
            self._control.projects.update, request.path_params["projectId"], fields, actor=actor_of(request)
        )
        return json_response(project_record(updated))

    async def delete_project(self, request: Request) -> Response:
        project_id = request.path_params["projectId"]
        await self.lane.run(self._control.projects.delete, project_id, actor=actor_of(request))
        await self.lane.run(self._drop_data, project_id)
        return no_content()

    async def list_limits(self, request: Request) -> Response:
        project_id = request.path_params["projectId"]
        found = await self.lane.run(self._control.projects.limits, project_id)
        counts = await in_thread(self._limit_counts, project_id)
        return json_response(
            {"limits": [limit_record(use.with_count(counts.get(use.name))) for use in found]}
        )

    async def list_keys(self, request: Request) -> Response:
        found = await self.lane.run(self._control.keys.all, request.path_params["projectId"])
        return json_response({"keys": [key_record(key) for key in found]})

    async def create_key(self, request: Request) -> Response:
        fields = await read_json_object(request)
        check_known(fields, ("name", "scopes", "expiresIn"))
        expires_in = fields.get("expiresIn")
        made = await self.lane.run(
            self._control.keys.create,
            request.path_params["projectId"],
            name=fields.get("name", DEFAULT_KEY_NAME),
            scopes=fields.get("scopes", DEFAULT_SCOPES),
            expires_ms=None
            if expires_in is None
            else self._clock.now_ms() + _duration("expiresIn", expires_in),
            actor=actor_of(request),
        )
        return json_response(new_key_record(made), status=CREATED, headers=_SECRET)

    async def rotate_key(self, request: Request) -> Response:
        fields = await read_json_object(request)
        check_known(fields, ("overlap",))
        made = await self.lane.run(
            self._control.keys.rotate,
            request.path_params["projectId"],
            request.path_params["keyId"],
            overlap_ms=_duration("overlap", fields.get("overlap", "0")),
            actor=actor_of(request),
        )
        return json_response(new_key_record(made), status=CREATED, headers=_SECRET)

    async def revoke_key(self, request: Request) -> Response:
        project_id, key_id = request.path_params["projectId"], request.path_params["keyId"]
        await self.lane.run(self._control.keys.revoke, project_id, key_id, actor=actor_of(request))
        return no_content()

    async def list_servers(self, request: Request) -> Response:
        project, region = await self._project(request), request.query_params.get("region")
        if region is not None:
            check_region(region, self._control.options.regions)
        with_removed = flag_of(request, "deleted")
        found = await self.lane.run(
            self._control.server_states.all, project, region=region, with_removed=with_removed
        )
        return json_response({"servers": [server_state_record(state) for state in found]})

    async def create_server(self, request: Request) -> Response:
        project, fields = await self._project(request), await read_json_object(request)
        region = request.headers.get(REGION_HEADER)
        if region is not None:
            fields.setdefault("region", region.strip())
        made = await self.lane.run(self._control.servers.create, project, fields, actor=actor_of(request))
        return json_response(server_record(made), status=CREATED)

    async def show_server(self, request: Request) -> Response:
        project = await self._project(request)
        found = await self.lane.run(self._control.servers.get, project, request.path_params["hostId"])
        return json_response(server_record(found))

    async def update_server(self, request: Request) -> Response:
        project, fields = await self._project(request), await read_json_object(request)
        updated = await self.lane.run(
            self._control.servers.update,
            project,
            request.path_params["hostId"],
            fields,
            actor=actor_of(request),
        )
        return json_response(server_record(updated))

    async def delete_server(self, request: Request) -> Response:
        project = await self._project(request)
        await self.lane.run(
            self._control.servers.delete, project, request.path_params["hostId"], actor=actor_of(request)
        )
        return no_content()

    async def _project(self, request: Request) -> Project:
        return await self.lane.run(self._control.projects.get, request.path_params["projectId"])


def _check_owners_fields(fields: Mapping[str, object]) -> None:
    beyond = sorted(fields.keys() & set(Projects.FIELDS) - _OWNERS_FIELDS)
    if beyond:
        raise Forbidden(
            f"{beyond[0]!r} of a project is changed by administrators of the server; ask one",
            id="role-missing",
        )


def _duration(field: str, value: Any) -> int:
    """Return the milliseconds of a duration in a JSON field."""
    if not isinstance(value, str):
        raise BadValue(f"{field!r} is {str(value)[:40]!r}; send a duration as a text, such as '90d'")
    try:
        return parse_duration(value)
    except InvalidInput as error:
        raise BadValue(f"{field!r} is {error.message}") from error
