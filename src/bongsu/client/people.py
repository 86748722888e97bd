"""The admin API's calls about people and the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from bongsu.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.client.admin import AdminClient, Record

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class PeopleClient:
    """Users, members and sessions; users are found by name or userId."""

    admin: AdminClient

    def users(self) -> list[Record]:
        """Return all users with their roles."""
        found: list[Record] = self.admin.call("GET", "users")["users"]
        return found

    def find(self, name: str) -> Record:
        """Return one user by name or userId; raises NotFound."""
        wanted = name.strip().lower()
        for user in self.users():
            if wanted in {user["name"], user["userId"]}:
                return user
        raise NotFound(f"there is no user {name!r}; `bongsu user list` shows who there is", id="unknown-user")

    def create(self, **fields: object) -> Record:
        """Make a user; without a password the answer is the only one that ever shows the link to choose one."""
        return self.admin.call("POST", "users", fields)

    def update(self, user_id: str, **fields: object) -> Record:
        """Change the display name, the role everywhere, or whether the user may sign in."""
        return self.admin.call("PATCH", f"users/{quote(user_id, safe='')}", fields)

    def delete(self, user_id: str) -> None:
        """Remove a user."""
        self.admin.call("DELETE", f"users/{quote(user_id, safe='')}")

    def set_password(self, user_id: str, password: str) -> None:
        """Give a user a password; all their sessions end."""
        self.admin.call("PUT", f"users/{quote(user_id, safe='')}/password", {"password": password})

    def invite(self, user_id: str) -> Record:
        """Make a link with which a user chooses a password."""
        return self.admin.call("POST", f"users/{quote(user_id, safe='')}/invitation", {})

    def give_role(self, project_id: str, user_id: str, role: str) -> None:
        """Give a user a role in a project."""
        self.admin.call("PUT", _member(project_id, user_id), {"role": role})

    def take_role(self, project_id: str, user_id: str) -> None:
        """Take a user's role in a project away."""
        self.admin.call("DELETE", _member(project_id, user_id))

    def sessions(self, user_id: str) -> list[Record]:
        """Return the browsers that are signed in as a user."""
        found: list[Record] = self.admin.call("GET", f"users/{quote(user_id, safe='')}/sessions")["sessions"]
        return found

    def end_session(self, user_id: str, session_id: str | None = None) -> None:
        """Sign one browser of a user out, or all of them."""
        path = f"users/{quote(user_id, safe='')}/sessions"
        self.admin.call("DELETE", path if session_id is None else f"{path}/{quote(session_id, safe='')}")

    def audit(self, *, most: int, project_id: str | None = None, **wanted: Any) -> Iterator[Record]:
        """Yield entries of the audit trail, the newest first, page by page; `wanted` are the call's parameters."""
        path = "audit" if project_id is None else f"projects/{quote(project_id, safe='')}/audit"
        before: int | None = None
        while most > 0:
            query = {**wanted, "limit": min(most, _PAGE), "before": before}
            text = urlencode({name: value for name, value in query.items() if value is not None})
            page = self.admin.call("GET", f"{path}?{text}")
            yield from page["entries"]
            most -= len(page["entries"])
            before = page["before"]
            if before is None:
                return


def _member(project_id: str, user_id: str) -> str:
    return f"projects/{quote(project_id, safe='')}/members/{quote(user_id, safe='')}"
