"""What is wrong with an exposition body, and where."""

from __future__ import annotations

from bongsu.model.errors import InvalidInput

_SHOWN_BYTES = 120
"""Received bytes shown in a message: enough to find the place."""


class ExpositionError(InvalidInput):
    """The body is not in the format that its content type names; the message names the line and what was expected."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}", id="bad-exposition")
        self.line = line


def expected(what: str, received: bytes, line: int) -> ExpositionError:
    """Return the error that `what` was expected on a line where `received` stands."""
    shown = received[:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
    cut = "…" if len(received) > _SHOWN_BYTES else ""
    return ExpositionError(
        f"expected {what}, got {shown!r}{cut}" if received else f"expected {what}", line=line
    )
