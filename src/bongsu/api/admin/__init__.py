"""The operator's API at `/admin/v1`."""

from __future__ import annotations

from bongsu.api.admin.routes import routes

__all__ = ["routes"]
