"""The part of the admin API's OpenAPI document that is about people and the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.admin.audit import MAX_ENTRIES
from bongsu.api.openapi import (
    OPTIONAL_TIMESTAMP,
    TEXT,
    TIMESTAMP,
    Schema,
    array,
    parameter,
    record,
    reference,
)
from bongsu.control.checks import MAX_NAME
from bongsu.control.people import Method
from bongsu.control.roles import PROJECT_ROLES, Role
from bongsu.control.user_rows import MAX_USER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_USER_NAME}
_DISPLAY_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_PASSWORD: Schema = {"type": "string", "maxLength": 1024, "description": "checked by the rules for passwords"}
_ROLE: Schema = {"enum": sorted(PROJECT_ROLES)}
_EVERYWHERE: Schema = {"enum": [*sorted(Role), None], "description": "a role in all projects"}
_ROLES: Schema = {"type": "object", "additionalProperties": _ROLE, "description": "roles by projectId"}
_FLAG: Schema = {"type": "boolean"}
_MILLISECONDS: Schema = {"type": "integer"}
_OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}


def people_paths(list_call: Callable[..., Schema], call: Callable[..., Schema]) -> dict[str, Schema]:
    """Return the paths; the arguments make the calls as the rest of the document has them."""
    user, members = "/admin/v1/users/{userId}", "/admin/v1/projects/{projectId}/members"
    return {
        "/admin/v1/users": {
            "get": list_call("listUsers", "List all users", "users", "User"),
            "post": call("createUser", "Make a user", "CreatedUser", 201, body="NewUser"),
        },
        user: {
            "get": call("showUser", "Show a user", "User"),
            "patch": call("updateUser", "Change a user", "User", body="UserChange"),
            "delete": call("deleteUser", "Remove a user", None, 204),
        },
        f"{user}/password": {
            "put": call("setPassword", "Give a user a password", None, 204, body="NewPassword")
        },
        f"{user}/invitation": {
            "post": call("inviteUser", "Make a link to choose a password", "Invitation", 201, body="Nothing")
        },
        f"{user}/sessions": {
            "get": list_call("listSessions", "List the sessions of a user", "sessions", "Session"),
            "delete": call("endSessions", "Sign a user out everywhere", None, 204),
        },
        f"{user}/sessions/{{sessionId}}": {"delete": call("endSession", "Sign a browser out", None, 204)},
        members: {
            "get": list_call("listMembers", "List the members of a project", "members", "Member"),
            "post": call("addMember", "Add a member by name", "AddedMember", 201, body="NewMember"),
        },
        f"{members}/{{userId}}": {
            "put": call("giveRole", "Give any user a role", "Member", body="RoleChange"),
            "patch": call("changeMember", "Change the role of a member", "Member", body="RoleChange"),
            "delete": call("removeMember", "Remove a member", None, 204),
        },
    }


def audit_parameters() -> list[Schema]:
    """Return what asks for a part of the audit trail."""
    return [
        parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MAX_ENTRIES}),
        parameter("before", "query", {"type": "integer", "minimum": 1, "maximum": 2**62}),
        *(parameter(name, "query", TIMESTAMP) for name in ("since", "until")),
        *(
            parameter(name, "query", {"type": "string", "minLength": 1, "maxLength": 255})
            for name in ("actor", "action", "subject", "address")
        ),
    ]


def people_schemas() -> dict[str, Schema]:
    """Return the schemas of people."""
    user: dict[str, Schema] = {
        "userId": TEXT,
        "name": TEXT,
        "displayName": TEXT,
        "everywhere": _EVERYWHERE,
        "enabled": _FLAG,
        "hasPassword": _FLAG,
        "openid": _FLAG,
        "createdAt": TIMESTAMP,
        "signedInAt": OPTIONAL_TIMESTAMP,
        "roles": _ROLES,
    }
    member: dict[str, Schema] = {
        "userId": TEXT,
        "name": TEXT,
        "displayName": TEXT,
        "role": _ROLE,
        "since": TIMESTAMP,
        "enabled": _FLAG,
        "isInvited": _FLAG,
        "signedInAt": OPTIONAL_TIMESTAMP,
    }
    link: Schema = {"anyOf": [reference("Invitation"), {"type": "null"}]}
    display: dict[str, Schema] = {"displayName": _DISPLAY_NAME, "everywhere": _EVERYWHERE}
    return {
        "User": record(user),
        "CreatedUser": record({**user, "link": link}),
        "NewUser": record({"name": _NAME}, {**display, "password": _PASSWORD, "roles": _ROLES}),
        "UserChange": record({}, {**display, "enabled": _FLAG}),
        "NewPassword": record({"password": _PASSWORD}),
        "Nothing": record({}),
        "Invitation": record({"url": TEXT, "expiresAt": TIMESTAMP}),
        "Member": record(member),
        "AddedMember": record({**member, "link": link}),
        "NewMember": record({"name": _NAME, "role": _ROLE}),
        "RoleChange": record({"role": _ROLE}),
        "Session": record(
            {
                "sessionId": TEXT,
                "method": {"enum": sorted(Method)},
                "createdMs": _MILLISECONDS,
                "seenMs": _MILLISECONDS,
                "expiresMs": _MILLISECONDS,
                "address": _OPTIONAL_TEXT,
                "client": _OPTIONAL_TEXT,
            }
        ),
        "AuditEntry": record(
            {
                "sequence": {"type": "integer"},
                "at": TIMESTAMP,
                "actor": TEXT,
                "address": _OPTIONAL_TEXT,
                "action": TEXT,
                "subject": TEXT,
                "projectId": _OPTIONAL_TEXT,
                "detail": {"type": "object"},
            }
        ),
        "AuditPage": record(
            {"entries": array(reference("AuditEntry")), "before": {"type": ["integer", "null"]}}
        ),
    }
