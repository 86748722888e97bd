"""
From a place that is registered to the target that is scraped: labels before relabelling, relabelling, address, times.

Before relabelling a target has Prometheus' labels (``__address__``, ``__scheme__``, ``__metrics_path__``, ``__scrape_interval__``,
``__scrape_timeout__``, ``__param_<name>``), those of its workspace, and ``__meta_bongsu_...`` that tell where it comes from.
Relabelling may change any of them or drop the target; labels that begin with two underscores are gone afterwards.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bongsu.model.durations import format_duration, parse_duration
from bongsu.model.errors import InvalidInput
from bongsu.model.labels import METRIC_NAME
from bongsu.scrape.options import ScrapeOptions, compiled, merged_options
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.scrape.reach import Reach
    from bongsu.storage.contract import ProjectStore

_PARAM = "__param_"
_MODES = (
    "scrape_native_histograms",
    "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb",
)
"""Options that rules can change, by labels of their names between ``__``."""
_ADDRESS = "__address__"
_INSTANCE = "instance"
_SCHEMES = ("http", "https")
_FORBIDDEN = frozenset("/?#@\\ \t\r\n")
"""Characters that would make more of an address than a host and a port."""


@dataclass(frozen=True, slots=True)
class Place:
    """
    A target as it is registered.

    Attributes
    ----------
    address
        Host and port, an IPv6 address in brackets.
    path
        Path of the metrics; a query may follow it.
    labels
        Labels of all its series: ``job``, ``openmetrics_id`` and the like.
    meta
        What else is known, for relabelling; the names lack their prefix.
    """

    id: str
    address: str
    path: str
    labels: tuple[tuple[str, str], ...]
    meta: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ScrapeDefaults:
    """What holds where a workspace and a target say nothing; times in milliseconds."""

    interval_ms: int = 15_000
    timeout_ms: int = 10_000
    limits: ScrapeLimits = field(default=ScrapeLimits())


@dataclass(frozen=True, slots=True)
class Discovered:
    """What became of a place; `target` is None when relabelling dropped it."""

    target: ScrapeTarget | None
    options: ScrapeOptions


def discover(
    place: Place, workspace: str, own: str, defaults: ScrapeDefaults, store: ProjectStore, reach: Reach
) -> Discovered:
    """
    Return the target that a place gives.

    Parameters
    ----------
    workspace, own
        Options of the workspace and of the target, as JSON text; empty for none.
    reach
        Which addresses the place may lead to, also after relabelling.
    """
    try:
        options, refusal = merged_options(workspace, own), ""
    except InvalidInput as error:
        # Written by another version of this program, or by hand.
        options, refusal = ScrapeOptions(), error.message
    rules = compiled(options.relabel_configs)
    if not rules:
        return Discovered(_plain_target(place, options, defaults, store, reach, refusal), options)
    after = rules.apply(labels_before(place, options, defaults))
    if after is None:
        return Discovered(None, options)
    return Discovered(_relabelled_target(place, after, options, defaults, store, reach, refusal), options)


def labels_before(place: Place, options: ScrapeOptions, defaults: ScrapeDefaults) -> dict[str, str]:
    """Return the labels that relabelling sees."""
    interval, timeout = _own_times(options, defaults)
    return {
        **{f"__meta_bongsu_{name}": value for name, value in place.meta},
        **dict(place.labels),
        **dict(options.labels),
        _ADDRESS: place.address,
        "__scheme__": options.scheme,
        "__metrics_path__": place.path,
        "__scrape_interval__": format_duration(interval),
        "__scrape_timeout__": format_duration(timeout),
        **{f"__{name}__": str(getattr(options, name)).lower() for name in _MODES},
        **{_PARAM + name: values[0] for name, values in options.params if values},
    }


def _own_times(options: ScrapeOptions, defaults: ScrapeDefaults) -> tuple[int, int]:
    interval = options.scrape_interval or defaults.interval_ms
    return interval, min(options.scrape_timeout or defaults.timeout_ms, interval)


def _limits(options: ScrapeOptions, defaults: ScrapeDefaults) -> ScrapeLimits:
    if options.body_size_limit is None and options.sample_limit is None:
        return defaults.limits
    return ScrapeLimits(
        defaults.limits.max_body_bytes if options.body_size_limit is None else options.body_size_limit,
        defaults.limits.max_samples if options.sample_limit is None else options.sample_limit,
    )


def _series_labels(labels: Mapping[str, str], address: str) -> tuple[tuple[str, str], ...]:
    kept = {
        name: value
        for name, value in labels.items()
        if value and not name.startswith("__") and name != METRIC_NAME
    }
    if not labels.get(_INSTANCE):
        kept[_INSTANCE] = address
    return tuple(kept.items())


def _plain_target(
    place: Place,
    options: ScrapeOptions,
    defaults: ScrapeDefaults,
    store: ProjectStore,
    reach: Reach,
    refusal: str,
) -> ScrapeTarget:
    """Return the target of a place without rules, the everyday case: a hundred thousand of them are made at a start."""
    interval_ms, timeout_ms = _own_times(options, defaults)
    return ScrapeTarget(
        id=place.id,
        url=_joined(options.scheme, place.address, place.path, _query(options.params)),
        labels=_series_labels({**dict(place.labels), **dict(options.labels)}, place.address),
        store=store,
        interval_s=interval_ms / 1000,
        timeout_s=timeout_ms / 1000,
        limits=_limits(options, defaults),
        options=options,
        reach=reach,
        refusal=refusal,
    )


def _relabelled_target(
    place: Place,
    after: Mapping[str, str],
    options: ScrapeOptions,
    defaults: ScrapeDefaults,
    store: ProjectStore,
    reach: Reach,
    refusal: str,
) -> ScrapeTarget:
    interval_ms, timeout_ms = _times(after)
    return ScrapeTarget(
        id=place.id,
        url=_url(after, options),
        labels=_series_labels(after, after.get(_ADDRESS, "")),
        store=store,
        interval_s=(interval_ms or defaults.interval_ms) / 1000,
        timeout_s=(timeout_ms or defaults.timeout_ms) / 1000,
        limits=_limits(options, defaults),
        options=_with_modes(options, after),
        reach=reach,
        refusal=refusal or _fault(after, interval_ms, timeout_ms),
    )


def _with_modes(options: ScrapeOptions, after: Mapping[str, str]) -> ScrapeOptions:
    """Return options as rules left them; the same object where they left all as it was, which caches go by."""
    modes = {name: after.get(f"__{name}__") == "true" for name in _MODES}
    if all(getattr(options, name) == wanted for name, wanted in modes.items()):
        return options
    return replace(
        options,
        scrape_native_histograms=modes["scrape_native_histograms"],
        always_scrape_classic_histograms=modes["always_scrape_classic_histograms"],
        convert_classic_histograms_to_nhcb=modes["convert_classic_histograms_to_nhcb"],
    )


def _times(after: Mapping[str, str]) -> tuple[int, int]:
    """Return interval and timeout; 0 for one that is no duration."""
    return _duration(after.get("__scrape_interval__", "")), _duration(after.get("__scrape_timeout__", ""))


@functools.lru_cache(maxsize=1024)
def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except InvalidInput:
        return 0


def _fault(after: Mapping[str, str], interval_ms: int, timeout_ms: int) -> str:
    """Return why a target cannot be scraped after relabelling; empty when it can."""
    address, scheme = after.get(_ADDRESS, ""), after.get("__scheme__", "")
    if not address or not _FORBIDDEN.isdisjoint(address):
        return (
            f"'relabel_configs' make the address {address[:100]!r}; '__address__' must be a host and a port"
        )
    if scheme not in _SCHEMES:
        return f"'relabel_configs' make the scheme {scheme[:100]!r}; '__scheme__' must be http or https"
    if not interval_ms or not timeout_ms or timeout_ms > interval_ms:
        times = (
            f"{after.get('__scrape_interval__', '')[:40]!r} and {after.get('__scrape_timeout__', '')[:40]!r}"
        )
        return f"'relabel_configs' make the interval and the timeout {times}; both must be durations, the timeout at most as long"
    return ""


def _url(after: Mapping[str, str], options: ScrapeOptions) -> str:
    path = after.get("__metrics_path__", "") or "/metrics"
    if not path.startswith("/"):
        path = "/" + path
    parameters = {name: list(values) for name, values in options.params}
    for name, value in after.items():
        if name.startswith(_PARAM):
            # Relabelling sees the first value only, and so it changes the first one only.
            parameters[name.removeprefix(_PARAM)] = [
                value,
                *parameters.get(name.removeprefix(_PARAM), [])[1:],
            ]
    for name in [name for name in parameters if parameters[name] and _PARAM + name not in after]:
        del parameters[name][0]
    query = _query(tuple((name, tuple(values)) for name, values in parameters.items()))
    return _joined(after.get("__scheme__", "http"), after.get(_ADDRESS, ""), path, query)


def _joined(scheme: str, address: str, path: str, query: str) -> str:
    joint = "" if not query else "&" if "?" in path else "?"
    return f"{scheme}://{address}{path}{joint}{query}"


@functools.lru_cache(maxsize=1024)
def _query(parameters: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    return urlencode(sorted(parameters), doseq=True)


def over_target_limit(targets: int, limit: int) -> str:
    """Return the refusal of all targets of a workspace that has too many."""
    return (
        f"the workspace has {targets} targets, {limit} are allowed; remove some, or raise its option 'target_limit'"
        if limit and targets > limit
        else ""
    )
