"""Endpoints about scrape targets: what is scraped, how it went, and the metadata that came with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import orjson

from bongsu.api.prometheus.envelope import success_response
from bongsu.api.prometheus.parameters import invalid_parameter
from bongsu.api.prometheus.selectors import read_selector
from bongsu.api.threads import in_thread
from bongsu.model.durations import format_duration
from bongsu.model.errors import NotFound
from bongsu.model.label_columns import LabelColumns
from bongsu.model.labels import METRIC_NAME
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.scrape.options import compiled, read_options, shown_options
from bongsu.storage.matching import match_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.prometheus.caller import Admission, Call
    from bongsu.model.samples import MetricMetadata
    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore

_FRESH_MS = 300_000
"""A target has a metric if it gave it within the default lookback of queries."""

_FAMILY_SUFFIXES = ("", "_total", "_bucket", "_sum", "_count", "_created", "_info")
"""What the series of a metric family add to its name."""

_NEVER = "0001-01-01T00:00:00Z"
"""How Prometheus writes the time of a scrape that has not been."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """
    One scrape target as the API shows it.

    Attributes
    ----------
    discovered_labels
        Labels before relabelling, ``__address__`` and the like.
    pool
        The workspace that the target belongs to.
    labels
        Labels that all series of the target carry.
    dropped
        Relabelling dropped it: only the first two fields have a meaning.
    keep_dropped
        The most dropped targets of its workspace that are to be listed; 0 for all.
    global_url
        The address under which other machines reach it; empty when it is that of `url`.
    health
        ``up``, ``down`` or ``unknown``.
    last_error
        Why the newest scrape failed, empty when it did not.
    last_scrape_ms
        Unix milliseconds; None before the first scrape.
    """

    discovered_labels: Mapping[str, str]
    pool: str
    labels: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    health: str = "unknown"
    interval_ms: int = 0
    timeout_ms: int = 0
    global_url: str = ""
    last_error: str = ""
    last_scrape_ms: int | None = None
    last_duration_s: float = 0.0
    dropped: bool = False
    keep_dropped: int = 0


@dataclass(frozen=True, slots=True)
class ScrapePool:
    """A workspace as the API shows it; `options` are its scrape options as they were given, secrets included."""

    name: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)


class TargetListing(Protocol):
    """Where the targets of a project are looked up; blocks, and may be called from any thread."""

    def targets(self, project_id: str) -> Sequence[TargetView]:
        """Return the targets, dropped ones too, in a stable order."""
        ...

    def pools(self, project_id: str) -> Sequence[ScrapePool]:
        """Return all pools, those without targets too; of one name there may be several."""
        ...


class Targets:
    """
    Handlers of target endpoints.

    Parameters
    ----------
    listing
        Knows the targets of each project.
    """

    def __init__(self, admission: Admission, listing: TargetListing, clock: Clock) -> None:
        self._admission = admission
        self._listing = listing
        self._clock = clock

    async def targets(self, request: Request) -> Response:
        """Answer ``/targets``: every target with its health."""
        return await in_thread(self._targets, await self._admission.admit(request))

    async def metadata(self, request: Request) -> Response:
        """Answer ``/targets/metadata``: what is known of the metrics that each target gives."""
        return await in_thread(self._metadata, await self._admission.admit(request))

    async def scrape_pools(self, request: Request) -> Response:
        """Answer ``/scrape_pools``: the names of all pools."""
        call = await self._admission.admit(request)
        pools = await in_thread(self._listing.pools, call.access.project.project_id)
        return success_response({"scrapePools": sorted({pool.name for pool in pools})})

    async def pool_config(self, request: Request) -> Response:
        """Answer ``/scrape_pools/config``: the scrape configuration of a pool, without its secrets."""
        call = await self._admission.admit(request)
        pools = await in_thread(self._pools, call)
        # Every JSON document is a YAML document (YAML 1.2.2, section 1.2).
        texts = [orjson.dumps(_config(pool), option=orjson.OPT_INDENT_2).decode() for pool in pools]
        return success_response({"yaml": "\n---\n".join(texts) + "\n"})

    async def relabel_steps(self, request: Request) -> Response:
        """Answer ``/targets/relabel_steps``: what each rule of a pool makes of some labels."""
        call = await self._admission.admit(request)
        labels = _labels_parameter(call.parameters.text("labels"))
        pool = (await in_thread(self._pools, call))[0]
        steps = compiled(read_options(pool.options).relabel_configs).trace(labels)
        return success_response(
            {
                "steps": [
                    {"rule": rule.as_json(), "output": after, "keep": kept} for rule, after, kept in steps
                ]
            }
        )

    def _pools(self, call: Call) -> list[ScrapePool]:
        """Return the pools of the name that the call gives, at least one."""
        name = call.parameters.text("scrapePool")
        if not name:
            raise invalid_parameter("scrapePool", "it is missing; name one of /scrape_pools")
        found = [p for p in self._listing.pools(call.access.project.project_id) if p.name == name]
        if not found:
            raise NotFound(
                f"there is no scrape pool {name[:100]!r}; /scrape_pools lists them", id="unknown-scrape-pool"
            )
        return found

    def _targets(self, call: Call) -> Response:
        project_id = call.access.project.project_id
        pool = call.parameters.text("scrapePool")
        state = call.parameters.text("state").lower()
        views = [v for v in self._listing.targets(project_id) if not pool or v.pool == pool]
        counts = dict.fromkeys(sorted({p.name for p in self._listing.pools(project_id)}), 0)
        dropped: list[dict[str, object]] = []
        for view in views:
            if view.dropped:
                counts[view.pool] = counts.get(view.pool, 0) + 1
                if state != "active" and (not view.keep_dropped or counts[view.pool] <= view.keep_dropped):
                    dropped.append(
                        {"discoveredLabels": dict(view.discovered_labels), "scrapePool": view.pool}
                    )
        return success_response(
            {
                "activeTargets": [_target_json(v) for v in views if not v.dropped and state != "dropped"],
                "droppedTargets": dropped,
                "droppedTargetCounts": counts,
            }
        )

    def _metadata(self, call: Call) -> Response:
        parameters = call.parameters
        text = parameters.text("match_target")
        matchers = read_selector(text, "match_target") if text else ()
        views = [view for view in self._listing.targets(call.access.project.project_id) if not view.dropped]
        chosen = match_rows(LabelColumns.from_maps([view.labels for view in views]), matchers)
        limit = parameters.count("limit")
        store = self._admission.store(call)
        rows: list[dict[str, object]] = []
        for index in np.flatnonzero(chosen).tolist():
            for entry in _entries_of(store, views[index], parameters.text("metric"), self._clock.now_ms()):
                rows.append(_metadata_json(views[index], entry))
                if len(rows) == limit:
                    return success_response(rows)
        return success_response(rows)


def _config(pool: ScrapePool) -> dict[str, Any]:
    return {"job_name": pool.name, "metrics_path": pool.path, **shown_options(pool.options)}


def _labels_parameter(text: str) -> dict[str, str]:
    try:
        labels = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise invalid_parameter(
            "labels", f"it is no JSON: {error}; send an object of label names and values"
        ) from error
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise invalid_parameter("labels", "send a JSON object of label names and values")
    return labels


def _entries_of(store: ProjectStore, view: TargetView, metric: str, now_ms: int) -> Iterator[MetricMetadata]:
    """Yield what is known of the metrics that a target gave lately."""
    matchers = [Matcher(name, MatchOp.EQUAL, value) for name, value in view.labels.items()]
    names = set(store.label_values(METRIC_NAME, [matchers], now_ms - _FRESH_MS, now_ms))
    for name, entries in store.metadata().items():
        if (not metric or name == metric) and any(name + suffix in names for suffix in _FAMILY_SUFFIXES):
            yield entries[0]


def _metadata_json(view: TargetView, entry: MetricMetadata) -> dict[str, object]:
    return {
        "target": dict(view.labels),
        "metric": entry.name,
        "type": entry.type,
        "help": entry.help,
        "unit": entry.unit,
    }


def _target_json(view: TargetView) -> dict[str, object]:
    return {
        "discoveredLabels": dict(view.discovered_labels),
        "labels": dict(view.labels),
        "scrapePool": view.pool,
        "scrapeUrl": view.url,
        "globalUrl": view.global_url or view.url,
        "lastError": view.last_error,
        "lastScrape": _NEVER if view.last_scrape_ms is None else rfc_3339(view.last_scrape_ms),
        "lastScrapeDuration": view.last_duration_s,
        "health": view.health,
        "scrapeInterval": format_duration(view.interval_ms),
        "scrapeTimeout": format_duration(view.timeout_ms),
    }


def rfc_3339(time_ms: int) -> str:
    """Return Unix milliseconds as a UTC time."""
    moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
