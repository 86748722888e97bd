"""
Which role may do what: the one table.

A call that is about a project needs the role in that project; one that is about the whole server needs it everywhere. A call of the
admin API that is not listed is for administrators. Calls on a project's data (`/prometheus`, `/v1.0`, `/open/api`, `/otlp`) say the
scope that a key needs, and `bongsu.control.roles.ROLE_OF_SCOPE` says the role for it; those that are listed here need more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.control.roles import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROJECT = "/admin/v1/projects/{projectId}"
_WORKSPACE = f"{_PROJECT}/workspaces/{{jobId}}"
_TARGET = f"{_WORKSPACE}/targets/{{targetId}}"
_MEMBER = f"{_PROJECT}/members/{{userId}}"

SIGNED_IN = frozenset({"GET /admin/v1/projects"})
"""Open to every person: the answer holds only what the person may see."""

PERMISSIONS: Mapping[str, Role] = {
    # Whoever reads the project sees how it is set up, except for its keys and its trail.
    f"GET {_PROJECT}": Role.VIEWER,
    f"GET {_PROJECT}/limits": Role.VIEWER,
    f"GET {_PROJECT}/servers": Role.VIEWER,
    f"GET {_PROJECT}/servers/{{hostId}}": Role.VIEWER,
    f"GET {_PROJECT}/workspaces": Role.VIEWER,
    f"GET {_WORKSPACE}/targets": Role.VIEWER,
    f"GET {_WORKSPACE}/scrape": Role.VIEWER,
    f"GET {_TARGET}/scrape": Role.VIEWER,
    f"GET {_PROJECT}/members": Role.VIEWER,
    # What is collected, and how.
    **{f"{method} {_WORKSPACE}/scrape": Role.EDITOR for method in ("PUT", "PATCH", "DELETE")},
    **{f"{method} {_TARGET}/scrape": Role.EDITOR for method in ("PUT", "PATCH", "DELETE")},
    f"POST {_WORKSPACE}/test": Role.EDITOR,
    # Who else may do what, and what cannot be undone.
    f"PATCH {_PROJECT}": Role.OWNER,
    f"DELETE {_PROJECT}": Role.OWNER,
    f"GET {_PROJECT}/audit": Role.OWNER,
    f"GET {_PROJECT}/keys": Role.OWNER,
    f"POST {_PROJECT}/keys": Role.OWNER,
    f"DELETE {_PROJECT}/keys/{{keyId}}": Role.OWNER,
    f"POST {_PROJECT}/keys/{{keyId}}/rotate": Role.OWNER,
    f"POST {_PROJECT}/members": Role.OWNER,
    f"PATCH {_MEMBER}": Role.OWNER,
    f"DELETE {_MEMBER}": Role.OWNER,
    "GET /console/api/keys": Role.OWNER,
    "POST /console/api/keys": Role.OWNER,
    "DELETE /console/api/keys/{keyId}": Role.OWNER,
    "POST /prometheus/api/v1/admin/tsdb/delete_series": Role.OWNER,
    "POST /prometheus/api/v1/admin/tsdb/clean_tombstones": Role.OWNER,
    "POST /prometheus/api/v1/admin/tsdb/snapshot": Role.OWNER,
    # Named, though they are the rest's: servers may have any address, also one that only the operator may reach.
    f"POST {_PROJECT}/servers": Role.ADMINISTRATOR,
    f"PATCH {_PROJECT}/servers/{{hostId}}": Role.ADMINISTRATOR,
    f"DELETE {_PROJECT}/servers/{{hostId}}": Role.ADMINISTRATOR,
    f"PUT {_MEMBER}": Role.ADMINISTRATOR,
}


def needed_role(call: str) -> Role:
    """Return the role that a call needs, as in ``GET /admin/v1/projects/{projectId}``."""
    return PERMISSIONS.get(call, Role.ADMINISTRATOR)
