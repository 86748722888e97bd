"""Who calls the real-time application API, and how often they may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.errors import LimitExceeded
from bongsu.runtime.throttle import Throttle

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.runtime.clock import Clock

BURST_S = 15.0
"""Three ticks: who reads every number at once when a tick is sealed uses the rate as a steady reader does."""

_SETTING = "apm.calls_per_second"


class Callers:
    """
    Checks the token of a call, then its rate; a person's browser counts as a token of its own.

    Parameters
    ----------
    calls_per_second
        Of one token, over `BURST_S`; 0 for any number.
    """

    def __init__(self, access: AccessControl, clock: Clock, *, calls_per_second: int = 0) -> None:
        self._access = access
        self._calls_per_second = calls_per_second
        self._throttle = Throttle(clock, attempts=round(calls_per_second * BURST_S), window_s=BURST_S)

    async def require(self, request: HTTPConnection, *, needs_pcode: bool = True) -> ProjectAccess:
        """
        Return whom a call acts for; see `AccessControl.require_apm`.

        Raises
        ------
        LimitExceeded
            If the token has called too often; after `retry_after_s` it may again.
        """
        caller = await self._access.require_apm(request, needs_pcode=needs_pcode)
        wait_s = self._throttle.take(caller.key_id or f"{caller.project.project_id}/{caller.user_name}")
        if wait_s:
            raise LimitExceeded(
                f"the token makes more than {self._calls_per_second} calls a second over {BURST_S:.0f} s; call again in "
                f"{max(1.0, wait_s):.0f} s (the numbers change every five seconds, and json/spot has them all), or raise the "
                f"setting {_SETTING}",
                id="too-many-calls",
                limit="calls_per_second",
                setting=_SETTING,
                retry_after_s=wait_s,
            )
        return caller
