"""What can go wrong between this server and an OpenID Connect provider."""

from __future__ import annotations

from bongsu.model.errors import InvalidInput, Unavailable


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or not as a provider must."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="openid-unavailable")


class IdentityRefused(InvalidInput):
    """The provider, or the check of what it said, does not confirm who somebody is."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="openid-refused")


class NotAllowed(InvalidInput):
    """The provider knows who this is, and the settings do not let them in."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="openid-not-allowed")
