"""How to reach a provider, and whom of its people to let in."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """
    One provider.

    Attributes
    ----------
    issuer
        Its address, exactly as it calls itself; ``/.well-known/openid-configuration`` is below it.
    client_id, client_secret
        What it knows this server by; a public client has no secret.
    scopes
        What is asked for; ``openid`` is always among it.
    name_claim
        Claim that becomes the user's name.
    roles_claim
        Claim that holds the person's groups or roles: a text or a list of texts; a dot leads into an object.
    allowed_domains, allowed_emails
        When either is given, only people with such an address of electronic mail come in.
    needs_verified_email
        Whether the provider must say that it has checked the address.
    """

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "email"
    roles_claim: str = "groups"
    allowed_domains: tuple[str, ...] = ()
    allowed_emails: tuple[str, ...] = ()
    needs_verified_email: bool = True

    @property
    def scope(self) -> str:
        """The scopes as the protocol writes them."""
        return " ".join(dict.fromkeys(("openid", *self.scopes)))
