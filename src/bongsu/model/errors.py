"""
Errors that a user can meet, grouped by what the user can do about them.

Every class below `BongsuError` is one *kind*; the API edge maps kinds to statuses and envelopes and needs to
know nothing else. `id` is immutable and never reused: it is in the message's catalogue (`docs/errors.md`) and is
the `reason` label of the counters that count refusals.
"""

from __future__ import annotations


class BongsuError(Exception):
    """
    Base of all errors that carry a meaning for the user.

    Parameters
    ----------
    message
        What was received, what is allowed, and what to change.
    id
        Immutable identifier of this error, kebab-case.
    """

    def __init__(self, message: str, *, id: str = "internal") -> None:  # noqa: A002 - the catalogue's word
        super().__init__(message)
        self.message = message
        self.id = id


class InvalidInput(BongsuError):
    """The input is malformed or not allowed; sending it again will not help."""

    def __init__(self, message: str, *, id: str = "invalid-input") -> None:  # noqa: A002
        super().__init__(message, id=id)


class NotFound(BongsuError):
    """What was named does not exist, or is not visible from here."""

    def __init__(self, message: str, *, id: str = "not-found") -> None:  # noqa: A002
        super().__init__(message, id=id)


class LimitExceeded(BongsuError):
    """
    A named limit was met.

    Parameters
    ----------
    limit
        Name of the limit.
    setting
        The setting that changes it.
    retry_after_s
        Seconds after which the same request may pass; None when waiting does not help.
    """

    def __init__(
        self,
        message: str,
        *,
        id: str = "limit-exceeded",  # noqa: A002
        limit: str = "",
        setting: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, id=id)
        self.limit = limit
        self.setting = setting
        self.retry_after_s = retry_after_s


class Unavailable(BongsuError):
    """The server cannot do this now; nothing was lost and a retry is harmless."""

    def __init__(self, message: str, *, id: str = "unavailable") -> None:  # noqa: A002
        super().__init__(message, id=id)
