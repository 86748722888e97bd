"""The OpenAPI document of `/admin/v1`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.admin.backup import MEDIA_TYPE
from bongsu.api.admin.people_openapi import audit_parameters, people_paths, people_schemas
from bongsu.api.admin.scraping_openapi import scraping_schemas
from bongsu.api.browser_sessions import COOKIE
from bongsu.api.openapi import (
    OPTIONAL_TIMESTAMP,
    TEXT,
    TIMESTAMP,
    Schema,
    array,
    content,
    document,
    operation,
    parameter,
    record,
    reference,
)
from bongsu.control.checks import MAX_LIMIT, MAX_NAME, MAX_NETWORKS, OPERATING_SYSTEMS
from bongsu.control.moving import FORMAT, VERSION
from bongsu.control.values import Scope, ServerHealth

if TYPE_CHECKING:
    from collections.abc import Sequence

REFUSALS = {
    400: "a field or the body is wrong",
    401: "the admin token is missing or wrong, and nobody is signed in",
    403: "who is signed in has not the role for it",
    404: "what is named does not exist",
    405: "the path has no such method",
    408: "the body did not arrive in time",
    409: "a value that must be unique is taken",
    413: "the body is too large",
    415: "the body is compressed in a way that is not taken",
    422: "a limit is met",
    503: "the control database does not answer",
}

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_OPTIONAL_TEXT: Schema = {"type": ["string", "null"], "maxLength": MAX_NAME}
_DURATION: Schema = {"type": "string", "description": "as in 15d or 1h30m; 0 stands for ever or at once"}
_SCOPES: Schema = {"type": "array", "items": {"enum": sorted(Scope)}, "minItems": 1}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_LIMIT}
_OPTIONAL_COUNT: Schema = {**_COUNT, "type": ["integer", "null"]}


def admin_document(regions: Sequence[str]) -> Schema:
    """Return the document of a server with these regions."""
    region: Schema = {"enum": list(regions)}
    return document(
        title="Bongsu admin API",
        description="Projects, their keys and servers, how they are scraped, people with their roles, and the audit trail.",
        paths={path: _with_parameters(path, calls) for path, calls in _paths(region).items()},
        schemas=_schemas(region),
        security={
            "adminToken": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        },
    )


def _with_parameters(path: str, calls: Schema) -> Schema:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {"parameters": [parameter(name, "path", TEXT) for name in names], **calls}


def _paths(region: Schema) -> dict[str, Schema]:
    project = "/admin/v1/projects/{projectId}"
    in_region = parameter("region", "query", region)
    deleted = parameter("deleted", "query", {"type": "boolean"})
    region_header = parameter("X-SYSMON-REGION", "header", region)
    return {
        "/admin/v1/projects": {
            "get": _list("listProjects", "List all projects", "projects", "Project"),
            "post": _call("createProject", "Make a project", "CreatedProject", 201, body="NewProject"),
        },
        project: {
            "get": _call("showProject", "Show a project", "Project"),
            "patch": _call("updateProject", "Change a project", "Project", body="ProjectChange"),
            "delete": _call("deleteProject", "Remove a project with its samples", None, 204),
        },
        f"{project}/limits": {"get": _list("listLimits", "List the limits of a project", "limits", "Limit")},
        f"{project}/keys": {
            "get": _list("listKeys", "List the keys of a project", "keys", "Key"),
            "post": _call("createKey", "Make a key", "CreatedKey", 201, body="NewKey"),
        },
        f"{project}/keys/{{keyId}}": {"delete": _call("revokeKey", "Revoke a key", None, 204)},
        f"{project}/keys/{{keyId}}/rotate": {
            "post": _call("rotateKey", "Replace a key", "CreatedKey", 201, body="Rotation")
        },
        f"{project}/servers": {
            "get": _list(
                "listServers",
                "List the servers of a project with their states",
                "servers",
                "ListedServer",
                [in_region, deleted],
            ),
            "post": _call(
                "createServer", "Register a server", "Server", 201, [region_header], body="NewServer"
            ),
        },
        f"{project}/servers/{{hostId}}": {
            "get": _call("showServer", "Show a server", "Server"),
            "patch": _call("updateServer", "Change a server", "Server", body="ServerChange"),
            "delete": _call("deleteServer", "Remove a server with its targets", None, 204),
        },
        **_workspaces(f"{project}/workspaces", in_region),
        **people_paths(_list, _call),
        f"{project}/audit": {
            "get": _call(
                "listProjectAudit", "List a project's changes", "AuditPage", parameters=audit_parameters()
            )
        },
        "/admin/v1/audit": {
            "get": _call("listAudit", "List all changes", "AuditPage", parameters=audit_parameters())
        },
        f"{project}/export": {
            "get": _call("exportProject", "The whole project but for secrets and samples", "ProjectExport")
        },
        "/admin/v1/import": {
            "post": _import(
                parameter("check", "query", {"type": "boolean"}), parameter("name", "query", _NAME)
            )
        },
        "/admin/v1/backup": {"get": _backup()},
        "/admin/v1/store": {"get": _call("showStore", "Tell how the store is", "Store")},
        "/admin/v1/store/verify": {"post": _call("verifyStore", "Check every block of the store", "Store")},
    }


def _workspaces(workspaces: str, in_region: Schema) -> dict[str, Schema]:
    targets = f"{workspaces}/{{jobId}}/targets"
    return {
        workspaces: {
            "get": _list(
                "listWorkspaces", "List the workspaces of a project", "workspaces", "Workspace", [in_region]
            )
        },
        f"{workspaces}/{{jobId}}/scrape": _options("Workspace", "a workspace"),
        f"{workspaces}/{{jobId}}/test": {
            "post": _call(
                "testTarget",
                "Scrape a server's port once and store nothing",
                "TargetTrial",
                body="TrialTarget",
            )
        },
        targets: {
            "get": _list("listTargets", "List the targets of a workspace", "targets", "WorkspaceTarget")
        },
        f"{targets}/{{targetId}}/scrape": _options("Target", "one target"),
    }


def _options(of: str, what: str) -> Schema:
    """Return the calls about the scrape options of something."""
    options, change = "ScrapeOptions", "ScrapeOptionsChange"
    return {
        "get": _call(f"show{of}Options", f"Show the scrape options of {what}", options),
        "put": _call(f"replace{of}Options", f"Replace the scrape options of {what}", options, body=options),
        "patch": _call(f"merge{of}Options", f"Change single scrape options of {what}", options, body=change),
        "delete": _call(f"remove{of}Options", f"Remove the scrape options of {what}", None, 204),
    }


def _list(
    operation_id: str, summary: str, field: str, item: str, parameters: Sequence[Schema] = ()
) -> Schema:
    good = content(record({field: array(reference(item))}), "the list")
    return operation(operation_id, summary, {200: good, **_refusals()}, parameters=parameters)


def _call(
    operation_id: str,
    summary: str,
    answer: str | None,
    status: int = 200,
    parameters: Sequence[Schema] = (),
    *,
    body: str | None = None,
) -> Schema:
    good = {"description": "done"} if answer is None else content(reference(answer), "done")
    sent = None if body is None else reference(body)
    return operation(operation_id, summary, {status: good, **_refusals()}, parameters=parameters, body=sent)


def _import(*parameters: Schema) -> Schema:
    """Return the call that makes a project from an export; a mere check makes nothing."""
    made = _call(
        "importProject",
        "Make a project from an export",
        "ImportReport",
        201,
        parameters,
        body="ProjectExport",
    )
    made["responses"]["200"] = content(reference("ImportReport"), "checked, and nothing made")
    return made


def _backup() -> Schema:
    archive: Schema = {
        "description": "the archive; it ends with its manifest",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    }
    return operation("backup", "Everything that is stored, as one tar archive", {200: archive, **_refusals()})


def _refusals() -> dict[int, Schema]:
    return {status: content(reference("Error"), reason) for status, reason in REFUSALS.items()}


def _schemas(region: Schema) -> dict[str, Schema]:
    identity: dict[str, Schema] = {
        "projectId": TEXT,
        "pcode": {"type": "integer"},
        "name": TEXT,
        "region": region,
    }
    return {
        **_projects(region, identity),
        **_keys(),
        **_servers(region),
        **_moving(),
        **scraping_schemas(region),
        **people_schemas(),
        **_others(),
    }


def _projects(region: Schema, identity: Schema) -> dict[str, Schema]:
    changeable: dict[str, Schema] = {
        "retention": _DURATION,
        "linuxWorkspace": {"type": "boolean"},
        "windowsWorkspace": {"type": "boolean"},
        "limits": {"type": "object", "additionalProperties": _OPTIONAL_COUNT},
        "allowedNetworks": {**array(TEXT), "maxItems": MAX_NETWORKS},
    }
    shown = {
        "retention": _DURATION,
        "linuxWorkspace": {"type": "boolean"},
        "windowsWorkspace": {"type": "boolean"},
        "limits": {"type": "object", "additionalProperties": _COUNT},
        "allowedNetworks": array(TEXT),
        "createdAt": TIMESTAMP,
    }
    return {
        "Project": record({**identity, **shown}),
        "NewProject": record({"name": _NAME}, {"region": region, **changeable}),
        "ProjectChange": record({}, {"name": _NAME, **changeable}),
        "CreatedProject": record({**identity, "appkey": TEXT, "token": TEXT}),
    }


def _keys() -> dict[str, Schema]:
    key: dict[str, Schema] = {
        "keyId": TEXT,
        "name": TEXT,
        "scopes": _SCOPES,
        "createdAt": TIMESTAMP,
        "expiresAt": OPTIONAL_TIMESTAMP,
        "lastUsedAt": OPTIONAL_TIMESTAMP,
    }
    return {
        "Key": record(key),
        "NewKey": record({}, {"name": _NAME, "scopes": _SCOPES, "expiresIn": _DURATION}),
        "CreatedKey": record({**key, "key": TEXT}),
        "Rotation": record({}, {"overlap": _DURATION}),
    }


def _servers(region: Schema) -> dict[str, Schema]:
    address: dict[str, Schema] = {"hostNm": _NAME, "svrIp": _NAME}
    system = {"enum": [*OPERATING_SYSTEMS, None]}
    shown = {
        "hostId": TEXT,
        **address,
        "instanceId": _OPTIONAL_TEXT,
        "region": region,
        "os": system,
        "createdAt": TIMESTAMP,
    }
    state = record(
        {
            "health": {"enum": [health.value for health in ServerHealth]},
            "reason": {"type": ["string", "null"]},
            "heardAt": OPTIONAL_TIMESTAMP,
            "removedAt": OPTIONAL_TIMESTAMP,
        }
    )
    change = {"instanceId": _OPTIONAL_TEXT, "os": system}
    return {
        "Server": record(shown),
        "ListedServer": record({**shown, "state": state}),
        "NewServer": record(address, {**change, "region": region}),
        "ServerChange": record({}, {**address, **change}),
    }


def _moving() -> dict[str, Schema]:
    objects = array({"type": "object"})
    export: dict[str, Schema] = {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "project": {"type": "object"},
        "servers": objects,
        "workspaces": objects,
        "layouts": objects,
    }
    counts = dict.fromkeys(("servers", "workspaces", "targets", "layouts"), _COUNT)
    report: dict[str, Schema] = {
        "project": {"oneOf": [{"type": "null"}, reference("CreatedProject")]},
        "counts": record(counts),
        "notes": array(TEXT),
    }
    return {"ProjectExport": record(export), "ImportReport": record(report)}


def _others() -> dict[str, Schema]:
    limit = {
        "name": TEXT,
        "limit": _COUNT,
        "default": _COUNT,
        "own": _OPTIONAL_COUNT,
        "used": _OPTIONAL_COUNT,
        "refused": _COUNT,
        "setting": TEXT,
    }
    return {
        "Error": record({"error": record({"id": TEXT, "message": TEXT})}),
        "Limit": record(limit),
        "Store": record(
            {
                "projects": _COUNT,
                "logSegments": _COUNT,
                "logBytes": _COUNT,
                "refusesWrites": {"type": ["string", "null"]},
                "damage": array(TEXT),
                "quarantined": array(TEXT),
            }
        ),
    }
