"""The calls of `/admin/v1` about people: users, their sessions, and the members of projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bongsu.api.admin.gate import actor_of
from bongsu.api.admin.records import timestamp
from bongsu.api.body import read_json_object
from bongsu.api.console.account import session_record
from bongsu.api.respond import json_response, no_content
from bongsu.control.checks import check_known

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.threads import Lane
    from bongsu.control.people import Account, Member, NewSession, User
    from bongsu.control.plane import ControlPlane

CREATED = 201
_SECRET = {"Cache-Control": "no-store"}
"""An invitation is in one answer only."""


class PeopleCalls:
    """
    The handlers.

    Parameters
    ----------
    hashing
        Where passwords are hashed: a few at a time, since each takes its memory.
    url
        Address under which people open the console; invitations lead there.
    """

    def __init__(self, control: ControlPlane, lane: Lane, hashing: Lane, url: str) -> None:
        self._control = control
        self._lane = lane
        self._hashing = hashing
        self._url = url.rstrip("/")

    async def list_users(self, _request: Request) -> Response:
        """Answer all users with their roles."""
        found = await self._lane.run(self._control.users.all)
        return json_response({"users": [account_record(account) for account in found]})

    async def create_user(self, request: Request) -> Response:
        """Make a user; without a password the answer has a link with which they choose one."""
        fields = await read_json_object(request)
        made = await self._hashing.run(self._control.users.create, fields, actor=actor_of(request))
        link = None if made.user.has_password else await self._invitation(request, made.user.user_id)
        return json_response(account_record(made) | {"link": link}, status=CREATED, headers=_SECRET)

    async def show_user(self, request: Request) -> Response:
        """Answer one user."""
        return json_response(account_record(await self._lane.run(self._control.users.get, _user_id(request))))

    async def update_user(self, request: Request) -> Response:
        """Change the display name, the role everywhere, or whether the user may sign in."""
        fields = await read_json_object(request)
        changed = await self._lane.run(
            self._control.users.update, _user_id(request), fields, actor=actor_of(request)
        )
        return json_response(account_record(changed))

    async def delete_user(self, request: Request) -> Response:
        """Remove a user."""
        await self._lane.run(self._control.users.delete, _user_id(request), actor=actor_of(request))
        return no_content()

    async def set_password(self, request: Request) -> Response:
        """Give a user a password; all their sessions end."""
        fields = await read_json_object(request)
        check_known(fields, ("password",))
        await self._hashing.run(
            self._control.users.set_password,
            _user_id(request),
            fields.get("password"),
            actor=actor_of(request),
        )
        return no_content()

    async def invite(self, request: Request) -> Response:
        """Make a link with which a user chooses a password; older ones are void."""
        check_known(await read_json_object(request), ())
        link = await self._invitation(request, _user_id(request))
        return json_response(link, status=CREATED, headers=_SECRET)

    async def list_sessions(self, request: Request) -> Response:
        """Answer the browsers that are signed in as a user."""
        found = await self._lane.run(self._control.sessions.all, _user_id(request))
        return json_response({"sessions": [session_record(one) for one in found]})

    async def end_session(self, request: Request) -> Response:
        """Sign one browser out."""
        session_id = request.path_params["sessionId"]
        await self._lane.run(
            self._control.sessions.revoke, _user_id(request), session_id, actor=actor_of(request)
        )
        return no_content()

    async def end_sessions(self, request: Request) -> Response:
        """Sign all browsers of a user out, and void their links."""
        await self._lane.run(self._control.sessions.revoke_all, _user_id(request), actor=actor_of(request))
        return no_content()

    async def list_members(self, request: Request) -> Response:
        """Answer who has a role in a project."""
        found = await self._lane.run(self._control.members.all, _project_id(request))
        return json_response({"members": [member_record(member) for member in found]})

    async def add_member(self, request: Request) -> Response:
        """Give somebody a role by name; who is new here gets a link with which they choose a password."""
        fields = await read_json_object(request)
        check_known(fields, ("name", "role"))
        member, is_new = await self._lane.run(
            self._control.members.add,
            _project_id(request),
            fields.get("name"),
            fields.get("role"),
            actor=actor_of(request),
        )
        # Never for who was here before: the link of another project's member would open that project too.
        link = await self._invitation(request, member.user.user_id) if is_new else None
        return json_response(member_record(member) | {"link": link}, status=CREATED, headers=_SECRET)

    async def give_role(self, request: Request) -> Response:
        """Give any user a role in a project."""
        return await self._set_role(request, self._control.members.give)

    async def change_member(self, request: Request) -> Response:
        """Change the role of a member."""
        return await self._set_role(request, self._control.members.change)

    async def remove_member(self, request: Request) -> Response:
        """Take the role of a member away; the user stays."""
        await self._lane.run(
            self._control.members.remove, _project_id(request), _user_id(request), actor=actor_of(request)
        )
        return no_content()

    async def _set_role(self, request: Request, change: Any) -> Response:
        fields = await read_json_object(request)
        check_known(fields, ("role",))
        member = await self._lane.run(
            change, _project_id(request), _user_id(request), fields.get("role"), actor=actor_of(request)
        )
        return json_response(member_record(member))

    async def _invitation(self, request: Request, user_id: str) -> dict[str, Any]:
        made: NewSession = await self._lane.run(
            self._control.sessions.invite, user_id, actor=actor_of(request)
        )
        # After the '#': browsers keep that part to themselves, so it is in no log of a proxy on the way.
        return {
            "url": f"{self._url}/console/#once={made.token}",
            "expiresAt": timestamp(made.session.expires_ms),
        }


def account_record(account: Account) -> dict[str, Any]:
    """Return a user with the roles by projectId."""
    return user_record(account.user) | {"roles": dict(account.roles)}


def user_record(user: User) -> dict[str, Any]:
    """Return a user; of the password only whether there is one."""
    return {
        "userId": user.user_id,
        "name": user.name,
        "displayName": user.display_name,
        "everywhere": user.everywhere,
        "enabled": user.enabled,
        "hasPassword": user.has_password,
        "openid": user.external,
        "createdAt": timestamp(user.created_ms),
        "signedInAt": timestamp(user.signed_in_ms),
    }


def member_record(member: Member) -> dict[str, Any]:
    """Return a member of a project: what other members may know of a person."""
    user = member.user
    return {
        "userId": user.user_id,
        "name": user.name,
        "displayName": user.display_name,
        "role": member.role,
        "since": timestamp(member.since_ms),
        "enabled": user.enabled,
        "isInvited": not user.has_password and not user.external,
        "signedInAt": timestamp(user.signed_in_ms),
    }


def _user_id(request: Request) -> str:
    user_id: str = request.path_params["userId"]
    return user_id


def _project_id(request: Request) -> str:
    project_id: str = request.path_params["projectId"]
    return project_id
