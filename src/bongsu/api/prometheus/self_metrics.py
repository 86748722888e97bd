"""``/status/self_metrics``: the server's own metrics as JSON, for tools that have no parser of exposition formats."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bongsu.api.prometheus.envelope import success_response
from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.threads import in_thread
from bongsu.model.errors import InvalidInput
from bongsu.runtime.regex import full_matcher

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric
    from prometheus_client.samples import Sample
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call

_KINDS = {"counter": "COUNTER", "gauge": "GAUGE", "histogram": "HISTOGRAM", "summary": "SUMMARY"}
_UNTYPED = "UNTYPED"


class SelfMetrics:
    """Handler of ``/status/self_metrics``. The metrics are those of the process, which ``/metrics`` shows without a key too."""

    def __init__(self, admission: Admission, registry: CollectorRegistry) -> None:
        self._admission = admission
        self._registry = registry

    async def show(self, request: Request) -> Response:
        """Answer with the families whose names match ``metric_name_pattern`` as a whole; all without one."""
        return await in_thread(self._show, await self._admission.admit(request))

    def _show(self, call: Call) -> Response:
        pattern = call.parameters.text("metric_name_pattern")
        try:
            matches = full_matcher(pattern) if pattern else lambda _: True
        except InvalidInput as error:
            raise invalid_parameter("metric_name_pattern", error.message) from error
        families = [_family(metric) for metric in self._registry.collect()]
        return success_response([family for family in families if matches(family["name"])])


def _family(metric: Metric) -> dict[str, Any]:
    """Return a family as the JSON form of ``io.prometheus.client.MetricFamily``."""
    kind = _KINDS.get(metric.type, _UNTYPED)
    name = f"{metric.name}_total" if metric.type == "counter" else metric.name
    groups: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for sample in metric.samples:
        own = tuple((key, value) for key, value in sample.labels.items() if key not in {"le", "quantile"})
        groups.setdefault(own, []).append(sample)
    metrics = [_metric(kind, labels, samples) for labels, samples in groups.items()]
    return {"name": name, "help": metric.documentation, "type": kind, "metric": metrics}


def _metric(kind: str, labels: tuple[tuple[str, str], ...], samples: list[Sample]) -> dict[str, Any]:
    if kind == "HISTOGRAM":
        content = _distribution(samples, "bucket", "le", "upperBound", "cumulativeCount")
    elif kind == "SUMMARY":
        content = _distribution(samples, "quantile", "quantile", "quantile", "value")
    else:
        value = next((s.value for s in samples if not s.name.endswith("_created")), 0.0)
        content = {"value": _number(value)}
    return {"label": [{"name": name, "value": value} for name, value in labels], kind.lower(): content}


def _distribution(samples: list[Sample], field: str, label: str, bound: str, count: str) -> dict[str, Any]:
    content: dict[str, Any] = {field: []}
    for sample in samples:
        if label in sample.labels:
            value = str(int(sample.value)) if count == "cumulativeCount" else _number(sample.value)
            content[field].append({bound: _number(float(sample.labels[label])), count: value})
        elif sample.name.endswith("_count"):
            content["sampleCount"] = str(int(sample.value))
        elif sample.name.endswith("_sum"):
            content["sampleSum"] = _number(sample.value)
    return content


def _number(value: float) -> float | str:
    """Return a double as protobuf's JSON form has it: what JSON has no number for is a text."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value
