"""Every call that the running server documents, to be walked by tests of who may make it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.process import call

if TYPE_CHECKING:
    from tests.support.process import ServerProcess

DOCUMENTS = {
    "/admin/v1/openapi.json": "",
    "/v1.0/openapi.json": "",
    "/prometheus/api/v1/openapi.yaml": "/prometheus/api/v1",
}
"""Where each document is, and what stands before its paths."""


@dataclass(frozen=True, slots=True)
class DocumentedCall:
    """One method of one path."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def name(self) -> str:
        """The id of the operation."""
        name: str = self.operation["operationId"]
        return name

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a key for it: the documents themselves, and what the server has switched on."""
        return "/openapi" in self.path or "/features" in self.path

    @property
    def scope(self) -> str | None:
        """What a key needs for it; None for calls that no key opens."""
        if self.path.startswith("/admin/v1"):
            return None
        if self.path.startswith("/v1.0"):
            return "read" if self.method == "GET" else "manage"
        found = re.search(r"scope `(\w+)`", self.operation.get("description", ""))
        return found[1] if found else "read"

    @property
    def body(self) -> dict[str, object] | None:
        """The least that may be sent."""
        return None if self.method in {"GET", "DELETE"} else {}

    def filled(self, project_id: str) -> str:
        """Return the path for a project, with ids that nothing has."""
        path = self.path.replace("{projectId}", project_id)
        return re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000000", path)


def documented_calls(server: ServerProcess) -> list[DocumentedCall]:
    """Return all calls of all documents, the deletion of the project last."""
    found = []
    for place, prefix in DOCUMENTS.items():
        document = json.loads(call("GET", server.url + place).body)
        for path, methods in document["paths"].items():
            shared = methods.get("parameters", [])
            found += [
                DocumentedCall(
                    method.upper(),
                    f"{prefix}{path}",
                    operation | {"parameters": shared + operation.get("parameters", [])},
                )
                for method, operation in methods.items()
                if method != "parameters"
            ]
    return sorted(found, key=lambda one: one.name == "deleteProject")
