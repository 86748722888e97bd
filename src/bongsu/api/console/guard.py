"""
What stands between a guesser and the passwords: how many wrong ones there may be for a user and from an address, how many are hashed
at once, and what the audit trail and the metrics say of it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import Counter

from bongsu.control.values import Actor
from bongsu.model.errors import LimitExceeded
from bongsu.runtime.throttle import Throttle

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from bongsu.control.audit import AuditTrail
    from bongsu.control.people import Origin
    from bongsu.runtime.clock import Clock

MAX_WAITING = 50
"""Passwords that wait for their hash: at 30 ms each and two at once the last one waits less than a second."""
TOLD_FAILURES = 60
TOLD_WINDOW_S = 3_600.0
"""Failures of an hour that the audit trail tells one by one; the rest is counted, so that nobody can flood it."""
NOBODY = "nobody"
_IPV6_NETWORK = 64
"""Bits of an IPv6 address that one customer has; the rest are the customer's to change."""
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class GuessLimits:
    """How many wrong passwords there may be in a window; 0 is without bound."""

    per_user: int = 10
    per_address: int = 50
    window_s: float = 900.0


class SignInGuard:
    """
    Bounds guessing; used from one event loop, but for `tell`.

    An attempt is counted before its password is looked at, so that many at once are no way around, and given back when it was good.
    """

    def __init__(
        self, limits: GuessLimits, audit: AuditTrail, clock: Clock, registry: CollectorRegistry
    ) -> None:
        self._limits = limits
        self._audit = audit
        self._users = Throttle(clock, attempts=limits.per_user, window_s=limits.window_s)
        self._addresses = Throttle(clock, attempts=limits.per_address, window_s=limits.window_s)
        self._told = Throttle(clock, attempts=TOLD_FAILURES, window_s=TOLD_WINDOW_S)
        self._untold = 0
        self._waiting = 0
        self._refused = Counter(
            "bongsu_sign_in_refused_total",
            "Sign-ins that failed or were not let in, by error id.",
            ["reason"],
            registry=registry,
        )

    def admit(self, name: str, origin: Origin) -> None:
        """Count an attempt and take one place in the queue, or raise LimitExceeded; `leave` gives the place back."""
        if self._waiting >= MAX_WAITING:
            self._refused.labels("sign-in-busy").inc()
            raise LimitExceeded(
                f"{MAX_WAITING} sign-ins are being checked already; try again in a moment",
                id="sign-in-busy",
                retry_after_s=1,
            )
        user, address = _user(name), _network(origin.address)
        wait = self._users.take(user)
        if wait:
            raise self._too_many("for this user", "people.guesses_per_user", self._limits.per_user, wait)
        wait = self._addresses.take(address)
        if wait:
            self._users.give_back(user)
            raise self._too_many(
                "from this address", "people.guesses_per_address", self._limits.per_address, wait
            )
        self._waiting += 1

    def leave(self) -> None:
        """Give a place back."""
        self._waiting -= 1

    def succeeded(self, name: str, origin: Origin) -> None:
        """Forget the wrong passwords of a user; those of the address stay, else anybody's own account would free it."""
        self._users.forget(_user(name))
        self._addresses.give_back(_network(origin.address))

    def count(self, reason: str) -> None:
        """Count a refusal by its error id."""
        self._refused.labels(reason).inc()

    def tell(self, name: str, reason: str, origin: Origin) -> None:
        """Write a failure into the audit trail, unless it has told enough of them lately; blocks."""
        if self._told.take(""):
            self._untold += 1
            return
        detail: dict[str, object] = {"reason": reason} | ({"untold": self._untold} if self._untold else {})
        self._untold = 0
        # What was typed as a name may be a password: only what can be a name is told.
        shown = name[:_SHOWN] if name.isascii() and name.isprintable() and " " not in name else "?"
        self._audit.note(Actor(NOBODY, origin.address), "session.refuse", shown, None, **detail)

    def _too_many(self, where: str, setting: str, allowed: int, wait: float) -> LimitExceeded:
        self._refused.labels("too-many-sign-ins").inc()
        return LimitExceeded(
            f"there were too many wrong passwords {where}: {allowed} in {self._limits.window_s:.0f} s are allowed (setting {setting}); "
            f"try again in {max(1, round(wait))} s",
            id="too-many-sign-ins",
            limit=setting.partition(".")[2],
            setting=setting,
            retry_after_s=wait,
        )


def _user(name: str) -> str:
    """Return what is remembered of a name: of one size, whatever was sent."""
    return hashlib.sha256(name.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def _network(address: str | None) -> str:
    """Return the part of an address that its owner cannot change at will."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return address or ""
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _IPV6_NETWORK), strict=False))
