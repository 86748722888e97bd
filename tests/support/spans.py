"""Spans that an application reports by OTLP JSON."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from tests.support.process import call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.process import Tenant

SERVER, CLIENT = 2, 3


def make_span(name: str, elapsed_ms: int, *, kind: int = SERVER, **fields: object) -> dict[str, Any]:
    """Return a span that has just ended, in a trace of its own unless `fields` say otherwise."""
    end = time.time_ns()
    return {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(end - elapsed_ms * 1_000_000),
        "endTimeUnixNano": str(end),
        "attributes": [{"key": "client.address", "value": {"stringValue": "10.0.0.1"}}],
        **fields,
    }


def report_spans(tenant: Tenant, spans: Sequence[dict[str, Any]], *, service: str = "shop") -> None:
    """Send spans as the first instance of a service."""
    names = {"service.name": service, "service.instance.id": f"{service}-1", "host.name": "vm"}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in names.items()]
    body = {
        "resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(spans)}]}]
    }
    answer = call("POST", f"{tenant.url}/otlp/v1/traces", headers={"X-TC-APP-KEY": tenant.appkey}, body=body)
    assert answer.status == 200, answer.text
