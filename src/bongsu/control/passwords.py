"""
Passwords: what is good enough, and their hashes.

Source of the costs: OWASP Password Storage Cheat Sheet, "Argon2id"; of the rules: NIST SP 800-63B, 3.1.1.2 (length and no rules of
composition, no expiry).
"""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bongsu.model.errors import InvalidInput

MIN_CHARACTERS = 12
"""Default of the setting; with throttled guessing this is out of reach also for a list of common passwords."""
MAX_CHARACTERS = 1024
"""Longer than any pass phrase, short enough that hashing is no work to speak of."""
_LEAST_DISTINCT = 5
"""Fewer different characters than this is a key held down, whatever the length."""
_SHORTEST_NAME = 4
"""A shorter name may stand in a good password by chance."""

_MEMORY_KIB = 19_456
_ROUNDS = 2
"""19 MiB and two rounds: OWASP's first choice for one lane; about 30 ms, and few enough megabytes for several at once."""


class WeakPassword(InvalidInput):
    """The password can be guessed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="weak-password")


def check_password(password: object, *, name: str, minimum: int = MIN_CHARACTERS) -> str:
    """
    Return a new password in the form that is hashed, or raise WeakPassword; no message ever repeats it.

    Parameters
    ----------
    name
        The user's name, which must not be in it.
    """
    text = _normal(password) if isinstance(password, str) else ""
    if len(text) < minimum:
        raise WeakPassword(
            f"the password has {len(text)} characters, at least {minimum} are needed (setting people.password_length); several "
            "words are easy to remember and hard to guess"
        )
    if len(text) > MAX_CHARACTERS:
        raise WeakPassword(
            f"the password has {len(text)} characters, {MAX_CHARACTERS} are allowed; shorten it"
        )
    own = name.partition("@")[0].casefold()
    if len(own) >= _SHORTEST_NAME and own in text.casefold():
        raise WeakPassword("the password holds the user's name; choose one without it")
    if len(set(text)) < _LEAST_DISTINCT:
        raise WeakPassword(
            f"the password has only {len(set(text))} different characters, at least {_LEAST_DISTINCT} are needed"
        )
    return text


class PasswordHashes:
    """Makes and checks hashes. Methods block for some 30 ms of processor time and may be called from any thread."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_ROUNDS, memory_cost=_MEMORY_KIB, parallelism=1)
        # What is checked in the place of a hash that is not there, so that the time tells nothing about who exists.
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))

    def make(self, password: str) -> str:
        """Return the hash of a checked password, with its salt and costs."""
        return self._hasher.hash(password)

    def matches(self, hashed: str | None, password: str) -> bool:
        """Tell whether a password is the one of a hash; the work is the same without a hash."""
        text = _normal(password[: MAX_CHARACTERS + 1])
        try:
            return self._hasher.verify(hashed or self._nobodys, text) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, hashed: str) -> bool:
        """Tell whether a hash was made with other costs than those of now."""
        return self._hasher.check_needs_rehash(hashed)


def _normal(password: str) -> str:
    """Return one spelling of characters that keyboards send in several; half a surrogate pair cannot be hashed."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()
