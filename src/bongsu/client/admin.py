"""The admin API as methods: projects, keys and servers; the `bongsu` command is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from bongsu.client.transport import call_json, download

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Record = dict[str, Any]
"""One object of the admin API, as its documentation describes it."""


@dataclass(frozen=True, slots=True)
class AdminClient:
    """
    Calls of the admin API.

    Attributes
    ----------
    url
        Address of the server, ``http://HOST:PORT``.
    token
        The admin token; it is sent as a bearer token.
    """

    url: str
    token: str

    def call(self, method: str, path: str, body: object = None) -> Record:
        """Make one call below ``/admin/v1/`` and return what it answers; raises a BongsuError with the server's words."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer: Record = call_json(
            method, f"{self.url.rstrip('/')}/admin/v1/{path}", headers=headers, body=body
        )
        return answer

    def projects(self) -> list[Record]:
        """Return all projects."""
        return self._list("projects")

    def create_project(self, **fields: object) -> Record:
        """Make a project; the answer is the only one that ever shows its two keys."""
        return self.call("POST", "projects", fields)

    def update_project(self, project_id: str, **fields: object) -> Record:
        """Change settings of a project."""
        return self.call("PATCH", f"projects/{quote(project_id, safe='')}", fields)

    def delete_project(self, project_id: str) -> None:
        """Remove a project with all its data."""
        self.call("DELETE", f"projects/{quote(project_id, safe='')}")

    def export_project(self, project_id: str) -> Record:
        """Return a project as a document, without its secrets and samples."""
        return self.call("GET", f"projects/{quote(project_id, safe='')}/export")

    def import_project(self, document: Record, *, name: str | None = None, check: bool = False) -> Record:
        """Make a project from an export, or only tell how that would go; return the report."""
        asked = {"check": "true" if check else "false"} | ({"name": name} if name else {})
        return self.call("POST", f"import?{urlencode(asked)}", document)

    def limits(self, project_id: str) -> list[Record]:
        """Return the limits of a project with what is used and what they refused."""
        return self._list(f"projects/{quote(project_id, safe='')}/limits")

    def keys(self, project_id: str) -> list[Record]:
        """Return the keys of a project, without their secrets."""
        return self._list(f"projects/{quote(project_id, safe='')}/keys")

    def create_key(self, project_id: str, **fields: object) -> Record:
        """Make a key; the answer is the only one that ever shows its secret."""
        return self.call("POST", f"projects/{quote(project_id, safe='')}/keys", fields)

    def rotate_key(self, project_id: str, key_id: str, **fields: object) -> Record:
        """Make a key's successor; the old one goes on for a while."""
        return self.call(
            "POST", f"projects/{quote(project_id, safe='')}/keys/{quote(key_id, safe='')}/rotate", fields
        )

    def delete_key(self, project_id: str, key_id: str) -> None:
        """Revoke a key, at once."""
        self.call("DELETE", f"projects/{quote(project_id, safe='')}/keys/{quote(key_id, safe='')}")

    def servers(self, project_id: str, *, deleted: bool = False) -> list[Record]:
        """Return the registered servers of a project with their states, those that were removed lately too if wanted."""
        asked = "?deleted=true" if deleted else ""
        return self._list(f"projects/{quote(project_id, safe='')}/servers{asked}")

    def create_server(self, project_id: str, **fields: object) -> Record:
        """Register a server; only registered servers can be scraped."""
        return self.call("POST", f"projects/{quote(project_id, safe='')}/servers", fields)

    def delete_server(self, project_id: str, host_id: str) -> None:
        """Remove a server with its collection targets."""
        self.call("DELETE", f"projects/{quote(project_id, safe='')}/servers/{quote(host_id, safe='')}")

    def workspaces(self, project_id: str) -> list[Record]:
        """Return the workspaces of a project, of all regions, with their scrape options."""
        return self._list(f"projects/{quote(project_id, safe='')}/workspaces")

    def workspace_targets(self, project_id: str, job_id: str) -> list[Record]:
        """Return the targets of a workspace with their own scrape options."""
        return self._list(
            f"projects/{quote(project_id, safe='')}/workspaces/{quote(job_id, safe='')}/targets"
        )

    def test_target(self, project_id: str, job_id: str, host_id: str, port: int) -> Record:
        """Scrape a server's port once with a workspace's options; return how it went. Nothing is stored."""
        path = f"projects/{quote(project_id, safe='')}/workspaces/{quote(job_id, safe='')}/test"
        return self.call("POST", path, {"hostId": host_id, "port": port})

    def scrape_options(self, project_id: str, job_id: str, target_id: str | None = None) -> Record:
        """Return the scrape options of a workspace, or of one of its targets; secrets are masked."""
        return self.call("GET", _options_path(project_id, job_id, target_id))

    def replace_scrape_options(
        self, project_id: str, job_id: str, target_id: str | None, options: Record
    ) -> Record:
        """Replace all scrape options."""
        return self.call("PUT", _options_path(project_id, job_id, target_id), options)

    def merge_scrape_options(
        self, project_id: str, job_id: str, target_id: str | None, options: Record
    ) -> Record:
        """Change single scrape options; None removes one."""
        return self.call("PATCH", _options_path(project_id, job_id, target_id), options)

    def remove_scrape_options(self, project_id: str, job_id: str, target_id: str | None = None) -> None:
        """Remove all scrape options."""
        self.call("DELETE", _options_path(project_id, job_id, target_id))

    def backup(self, file: Path, told: Callable[[int], None] = lambda _: None) -> None:
        """Save an archive of everything that the server stores; `told` hears the bytes that came."""
        url = f"{self.url.rstrip('/')}/admin/v1/backup"
        download(url, file, headers={"Authorization": f"Bearer {self.token}"}, told=told)

    def _list(self, path: str) -> list[Record]:
        records: list[Record] = next(iter(self.call("GET", path).values()))
        return records


def _options_path(project_id: str, job_id: str, target_id: str | None) -> str:
    path = f"projects/{quote(project_id, safe='')}/workspaces/{quote(job_id, safe='')}"
    return f"{path}/scrape" if target_id is None else f"{path}/targets/{quote(target_id, safe='')}/scrape"
