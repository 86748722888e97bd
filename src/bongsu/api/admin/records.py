"""Projects, keys, servers and the audit trail as the admin API writes them; times in UTC after RFC 3339."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bongsu.model.durations import format_duration

if TYPE_CHECKING:
    from bongsu.api.errors import Failure
    from bongsu.control.limits import LimitUse
    from bongsu.control.projects import NewProject
    from bongsu.control.values import AuditEntry, Key, NewKey, Project, Server, ServerState


def project_record(project: Project) -> dict[str, Any]:
    """Return a project; ``retention`` is a duration, ``0`` for ever."""
    settings = project.settings
    return {
        "projectId": project.project_id,
        "pcode": project.pcode,
        "name": project.name,
        "region": project.region,
        "retention": format_duration(settings.retention_ms) if settings.retention_ms else "0",
        "linuxWorkspace": settings.linux_workspace,
        "windowsWorkspace": settings.windows_workspace,
        "allowedNetworks": list(settings.allowed_networks),
        "limits": dict(settings.limits),
        "createdAt": timestamp(project.created_ms),
    }


def new_project_record(made: NewProject) -> dict[str, Any]:
    """Return a new project with the keys that are shown this once."""
    project = made.project
    return {
        "projectId": project.project_id,
        "pcode": project.pcode,
        "name": project.name,
        "region": project.region,
        "appkey": made.appkey,
        "token": made.token,
    }


def key_record(key: Key) -> dict[str, Any]:
    """Return a key without its secret."""
    return {
        "keyId": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "createdAt": timestamp(key.created_ms),
        "expiresAt": timestamp(key.expires_ms),
        "lastUsedAt": timestamp(key.last_used_ms),
    }


def new_key_record(made: NewKey) -> dict[str, Any]:
    """Return a new key with its text, which is shown this once."""
    return key_record(made.key) | {"key": made.text}


def server_record(server: Server) -> dict[str, Any]:
    """Return a server."""
    return {
        "hostId": server.host_id,
        "hostNm": server.name,
        "svrIp": server.address,
        "instanceId": server.instance_id,
        "region": server.region,
        "os": server.os,
        "createdAt": timestamp(server.created_ms),
    }


def server_state_record(state: ServerState) -> dict[str, Any]:
    """Return a server with how it is."""
    told = {
        "health": state.health,
        "reason": state.reason,
        "heardAt": timestamp(state.heard_ms),
        "removedAt": timestamp(state.removed_ms),
    }
    return server_record(state.server) | {"state": told}


def limit_record(use: LimitUse) -> dict[str, Any]:
    """Return a limit; 0 is none."""
    return {
        "name": use.name,
        "limit": use.limit,
        "default": use.default,
        "own": use.own,
        "used": use.used,
        "refused": use.refused,
        "setting": use.setting,
    }


def audit_record(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry of the audit trail."""
    return {
        "at": timestamp(entry.at_ms),
        "actor": entry.actor.name,
        "address": entry.actor.address,
        "action": entry.action,
        "subject": entry.subject,
        "projectId": entry.project_id,
        "detail": entry.detail,
    }


def error_record(failed: Failure) -> dict[str, Any]:
    """Return the envelope of a failure."""
    return {"error": {"id": failed.id, "message": failed.message}}


def timestamp(ms: int | None) -> str | None:
    """Return Unix milliseconds as RFC 3339 in UTC."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
