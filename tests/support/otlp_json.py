"""OTLP requests as JSON, written by hand: what a test sends is in plain sight."""

from __future__ import annotations

from typing import Any


def attributes(**values: str | int) -> list[dict[str, Any]]:
    """Return OTLP attributes; underscores in names become dots."""
    return [
        {
            "key": name.replace("_", "."),
            "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v},
        }
        for name, v in values.items()
    ]


def gauge_request(
    name: str, value: float, time_ms: int, *, service: str = "writer", instance: str = "1"
) -> dict[str, Any]:
    """Return a metrics request with one gauge point."""
    point = {"timeUnixNano": str(time_ms * 1_000_000), "asDouble": value}
    resource = {"attributes": attributes(service_name=service, service_instance_id=instance)}
    metric = {"name": name, "gauge": {"dataPoints": [point]}}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}


def server_span(
    number: int, start_ms: int, end_ms: int, *, user: str = "", error: bool = False, route: str = "/"
) -> dict[str, Any]:
    """Return one ended SERVER span without a parent."""
    extra = attributes(enduser_id=user) if user else []
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": f"GET {route}",
        "kind": 2,
        "startTimeUnixNano": str(start_ms * 1_000_000),
        "endTimeUnixNano": str(end_ms * 1_000_000),
        "attributes": attributes(http_route=route) + extra,
        "status": {"code": 2} if error else {},
    }


def spans_request(
    spans: list[dict[str, Any]], *, service: str = "shop", instance: str = "1"
) -> dict[str, Any]:
    """Return a traces request of one service instance."""
    resource = {
        "attributes": attributes(service_name=service, service_instance_id=instance, host_id="host-1")
    }
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
