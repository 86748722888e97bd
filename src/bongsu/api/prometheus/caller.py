"""Who calls, with what, on which store: the first step of every endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.api.prometheus.parameters import Parameters, read_parameters, whole_parameters
from bongsu.api.streaming import coding_of
from bongsu.control.values import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from bongsu.api.access import AccessControl, ProjectAccess
    from bongsu.api.whole import WholeRequest
    from bongsu.control.roles import Role
    from bongsu.storage.contract import ProjectStore

    OpenStore = Callable[[ProjectAccess], ProjectStore]
    """Gives the store of whom a request acts for; may block."""


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted call; `coding` is how its answer may be compressed, empty for not at all."""

    access: ProjectAccess
    parameters: Parameters
    coding: str


class Admission:
    """Checks the key before anything of the body is read, then reads the parameters."""

    def __init__(self, access: AccessControl, open_store: OpenStore) -> None:
        self._access = access
        self._open_store = open_store

    async def admit(self, request: Request, scope: Scope = Scope.READ, *, role: Role | None = None) -> Call:
        """
        Return the call of a request; `scope` and `role` as in `AccessControl.require`.

        Raises
        ------
        Unauthorized, Forbidden
            As `AccessControl.require`.
        InvalidInput, UnsupportedMedia, BodyTooLarge, BodyTimeout
            As `read_parameters`.
        """
        access = await self._access.require(request, scope, role=role)
        return Call(access, await read_parameters(request), coding_of(request))

    def at_once(self, request: WholeRequest) -> Call | None:
        """Return the call of a request that is here as a whole; None where `admit` has to tell what is the matter."""
        access = self._access.known(request, Scope.READ)
        parameters = None if access is None else whole_parameters(request)
        return None if access is None or parameters is None else Call(access, parameters, coding_of(request))

    def store(self, call: Call) -> ProjectStore:
        """Return the store of the caller's project; blocks, so call it in a worker thread."""
        return self._open_store(call.access)
