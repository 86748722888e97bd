"""What a page is told of whom it acts for: a person with their projects and roles, or a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.threads import in_thread
from bongsu.control.people import SessionGrant
from bongsu.control.roles import scopes_of_role

if TYPE_CHECKING:
    from bongsu.api.access import AccessControl
    from bongsu.control.people import Bearer, OpenSession, User
    from bongsu.control.plane import ControlPlane
    from bongsu.control.roles import Role
    from bongsu.control.values import Project
    from bongsu.runtime.clock import Clock


class About:
    """
    Makes the document.

    Parameters
    ----------
    version
        The server's.
    """

    def __init__(self, control: ControlPlane, access: AccessControl, clock: Clock, version: str) -> None:
        self._control = control
        self._access = access
        self._clock = clock
        self._version = version

    async def bearer(self, bearer: Bearer, session: OpenSession) -> dict[str, Any]:
        """Return what a page is told that has just signed in."""
        if bearer.user is None:
            return await self.grant(SessionGrant(session, bearer))
        projects = await in_thread(self._control.members.projects_of, bearer.user)
        project, role = projects[0] if projects else (None, None)
        return self._person(SessionGrant(session, bearer, project, role), bearer.user, projects)

    async def grant(self, grant: SessionGrant) -> dict[str, Any]:
        """
        Return what a page is told.

        Raises
        ------
        Unauthorized
            If the session's key was revoked or has expired.
        """
        user = grant.bearer.user
        if user is not None:
            projects = await in_thread(self._control.members.projects_of, user)
            return self._person(grant, user, projects)
        access = await self._access.check_session(grant)
        users = await in_thread(self._control.users.count) if grant.bearer.operator else 1
        return self._common(access.project) | {
            "scopes": sorted(access.scopes),
            "keyId": access.key_id,
            "user": None,
            "role": None,
            "projects": None,
            "mayMakeFirst": users == 0,
        }

    def _person(
        self, grant: SessionGrant, user: User, projects: list[tuple[Project, Role]]
    ) -> dict[str, Any]:
        return self._common(grant.project) | {
            "scopes": [] if grant.role is None else sorted(scopes_of_role(grant.role)),
            "keyId": None,
            "user": {
                "userId": user.user_id,
                "name": user.name,
                "displayName": user.display_name,
                "hasPassword": user.has_password,
                "isAdministrator": user.is_administrator,
            },
            "role": grant.role,
            "projects": [
                {"projectId": project.project_id, "name": project.name, "role": role}
                for project, role in projects
            ],
            "mayMakeFirst": False,
        }

    def _common(self, project: Project | None) -> dict[str, Any]:
        return {
            "project": None
            if project is None
            else {
                "projectId": project.project_id,
                "pcode": project.pcode,
                "name": project.name,
                "region": project.region,
                "retentionMs": project.settings.retention_ms,
            },
            "version": self._version,
            "nowMs": self._clock.now_ms(),
        }
