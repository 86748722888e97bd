"""The workspace, target and server API at `/v1.0`."""

from __future__ import annotations

from bongsu.api.sysmon.routes import routes

__all__ = ["routes"]
