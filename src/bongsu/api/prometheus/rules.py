"""Endpoints about rules and alerts: this server evaluates none yet, and says so with empty lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.prometheus.envelope import success_response
from bongsu.api.prometheus.selectors import read_selectors

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission


class Rules:
    """Handlers of rules, alerts and Alertmanagers; Grafana needs them to exist to treat the source as Prometheus."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def rules(self, request: Request) -> Response:
        """Answer ``/rules``: no groups."""
        call = await self._admission.admit(request)
        call.parameters.choice("type", ("alert", "record"), "")
        call.parameters.flag("exclude_alerts")
        call.parameters.count("group_limit")
        read_selectors(call.parameters)
        return success_response({"groups": []})

    async def alerts(self, request: Request) -> Response:
        """Answer ``/alerts``: none."""
        await self._admission.admit(request)
        return success_response({"alerts": []})

    async def alertmanagers(self, request: Request) -> Response:
        """Answer ``/alertmanagers``: none, neither active nor dropped."""
        await self._admission.admit(request)
        return success_response({"activeAlertmanagers": [], "droppedAlertmanagers": []})
