"""What the control plane refuses, each with its immutable id (`docs/errors.md`)."""

from __future__ import annotations

from bongsu.model.errors import InvalidInput, NotFound


class AlreadyExists(InvalidInput):
    """A value that must be unique is taken."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="already-exists")


class BadValue(InvalidInput):
    """A field is missing, of the wrong type, or out of range."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="bad-value")


class UnknownProject(NotFound):
    """No project has this id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unknown-project")


class UnknownKey(NotFound):
    """The project has no key of this id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unknown-key")


class UnknownServer(NotFound):
    """The project has no server of this id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unknown-server")


class UnknownWorkspace(NotFound):
    """The project has no workspace of this id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unknown-workspace")


class UnknownTarget(NotFound):
    """The workspace has no target of this id."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="unknown-target")


class ReservedWorkspace(InvalidInput):
    """A reserved workspace follows the project's servers by itself and takes no changes."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="reserved-workspace")
