"""Endpoints about the server itself: version, flags, settings, size of the caller's data, features."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bongsu.api.prometheus.envelope import success_response
from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.targets import rfc_3339
from bongsu.api.prometheus.times import MAX_TIME_MS
from bongsu.api.threads import in_thread
from bongsu.model.durations import format_duration
from bongsu.model.label_columns import ABSENT
from bongsu.model.labels import METRIC_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.model.label_columns import LabelColumn, LabelColumns
    from bongsu.runtime.clock import Clock

_DEFAULT_TOP, _MAX_TOP = 10, 10_000
"""Entries of each list of ``/status/tsdb``, as in Prometheus."""


def _none_damaged() -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """
    What the server tells about itself; the same for every project, so it must hold nothing of any of them, and no secret.

    Attributes
    ----------
    version
        Version of the program.
    revision, build_date
        Where the build came from; empty when unknown.
    start_ms
        Unix milliseconds at which the process started.
    flags
        Settings under Prometheus' flag names (`prometheus_flags`).
    config_yaml
        Settings as the YAML of a Prometheus configuration (`prometheus_config`).
    damaged_parts
        Tells how many parts of the store's files were found damaged since the start.
    """

    version: str
    start_ms: int
    revision: str = ""
    build_date: str = ""
    hostname: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    config_yaml: str = ""
    damaged_parts: Callable[[], int] = _none_damaged


def prometheus_flags(
    *,
    lookback_ms: int,
    max_concurrent: int,
    max_samples: int,
    timeout_ms: int,
    features: frozenset[str] = frozenset(),
) -> dict[str, str]:
    """Return settings under the names of Prometheus' flags, among them those by which Thanos knows a Prometheus."""
    return {
        "enable-feature": ",".join(sorted(features)),
        "query.lookback-delta": format_duration(lookback_ms),
        "query.max-concurrency": str(max_concurrent),
        "query.max-samples": str(max_samples),
        "query.timeout": format_duration(timeout_ms),
        "storage.tsdb.max-block-duration": "2h",
        "storage.tsdb.min-block-duration": "2h",
        "web.enable-admin-api": "true",
        "web.enable-lifecycle": "false",
        "web.enable-remote-write-receiver": "true",
    }


def prometheus_config(*, scrape_interval_ms: int, scrape_timeout_ms: int) -> str:
    """Return the global part of a Prometheus configuration; there are no external labels."""
    return (
        "global:\n"
        f"  scrape_interval: {format_duration(scrape_interval_ms)}\n"
        f"  scrape_timeout: {format_duration(scrape_timeout_ms)}\n"
        "  evaluation_interval: 1m\n"
        "  external_labels: {}\n"
    )


class Status:
    """
    Handlers of ``/status`` and ``/features``.

    Parameters
    ----------
    features
        Category, feature, whether it is on (`bongsu.api.prometheus.features`).
    """

    def __init__(
        self,
        admission: Admission,
        facts: StatusFacts,
        features: Mapping[str, Mapping[str, bool]],
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._facts = facts
        self._features = features
        self._clock = clock

    async def build_info(self, request: Request) -> Response:
        """Answer ``/status/buildinfo``; without `features`, so that Grafana takes rules as read-only."""
        await self._admission.admit(request)
        facts = self._facts
        return success_response(
            {
                "version": facts.version,
                "revision": facts.revision,
                "branch": "",
                "buildUser": "",
                "buildDate": facts.build_date,
                "goVersion": "",
                "application": "Bongsu",
            }
        )

    async def config(self, request: Request) -> Response:
        """Answer ``/status/config``: the settings that a Prometheus configuration has."""
        await self._admission.admit(request)
        return success_response({"yaml": self._facts.config_yaml})

    async def flags(self, request: Request) -> Response:
        """Answer ``/status/flags``: settings under Prometheus' flag names."""
        await self._admission.admit(request)
        return success_response(dict(self._facts.flags))

    async def runtime_info(self, request: Request) -> Response:
        """Answer ``/status/runtimeinfo``: the process, and the size of the caller's data."""
        call = await self._admission.admit(request)
        series = (await in_thread(lambda: self._admission.store(call).stats())).series
        retention_ms = call.access.project.settings.retention_ms
        started = rfc_3339(self._facts.start_ms)
        return success_response(
            {
                "startTime": started,
                "CWD": "",
                "hostname": self._facts.hostname,
                "serverTime": rfc_3339(self._clock.now_ms()),
                "reloadConfigSuccess": True,
                "lastConfigTime": started,
                "timeSeriesCount": series,
                "corruptionCount": self._facts.damaged_parts(),
                "goroutineCount": threading.active_count(),
                "GOMAXPROCS": os.cpu_count() or 1,
                "GOMEMLIMIT": 0,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": format_duration(retention_ms) if retention_ms else "",
            }
        )

    async def tsdb(self, request: Request) -> Response:
        """Answer ``/status/tsdb``: which names and values make the caller's series."""
        return await in_thread(self._tsdb, await self._admission.admit(request))

    async def wal_replay(self, request: Request) -> Response:
        """Answer ``/status/walreplay``: done, since nothing is answered here before the log is read."""
        await self._admission.admit(request)
        return success_response({"min": 0, "max": 0, "current": 0, "state": "done"})

    async def features(self, request: Request) -> Response:
        """Answer ``/features``: what this server can do and what is switched on."""
        await self._admission.admit(request)
        return success_response(self._features)

    def _tsdb(self, call: Call) -> Response:
        top = call.parameters.count("limit", _DEFAULT_TOP)
        if not 1 <= top <= _MAX_TOP:
            raise invalid_parameter("limit", f"{top} is not between 1 and {_MAX_TOP}")
        store = self._admission.store(call)
        stats = store.stats()
        labels = store.series([], -MAX_TIME_MS, MAX_TIME_MS)
        return success_response(
            {
                "headStats": {
                    "numSeries": stats.series,
                    "numLabelPairs": sum(len(column.values) for _, column in _columns(labels)),
                    "chunkCount": stats.chunks,
                    "minTime": 2**63 - 1 if stats.min_time is None else stats.min_time,
                    "maxTime": -(2**63) if stats.max_time is None else stats.max_time,
                },
                **_cardinality(labels, top),
            }
        )


def _columns(labels: LabelColumns) -> list[tuple[str, LabelColumn]]:
    return [(name, column.compacted()) for name in labels if (column := labels.get(name)) is not None]


def _cardinality(labels: LabelColumns, top: int) -> dict[str, list[dict[str, object]]]:
    """Return the largest entries of each kind; every count is taken from the label codes."""
    metrics: dict[str, int] = {}
    values: dict[str, int] = {}
    memory: dict[str, int] = {}
    pairs: dict[str, int] = {}
    for name, column in _columns(labels):
        counts = np.bincount(column.codes[column.codes != ABSENT], minlength=len(column.values))
        values[name] = len(column.values)
        memory[name] = sum(len(value.encode()) for value in column.values)
        largest = np.argsort(-counts, kind="stable")[:top].tolist()
        own = {str(column.values[code]): int(counts[code]) for code in largest}
        pairs |= {f"{name}={value}": count for value, count in own.items()}
        if name == METRIC_NAME:
            metrics = own
    return {
        "seriesCountByMetricName": _top(metrics, top),
        "labelValueCountByLabelName": _top(values, top),
        "memoryInBytesByLabelName": _top(memory, top),
        "seriesCountByLabelValuePair": _top(pairs, top),
    }


def _top(counts: Mapping[str, int], top: int) -> list[dict[str, object]]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"name": name, "value": count} for name, count in ranked[:top]]
