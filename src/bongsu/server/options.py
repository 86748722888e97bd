"""From the server's settings to the options of each part."""

from __future__ import annotations

import os
import socket
from dataclasses import fields
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bongsu import __version__
from bongsu.api.body import BodyLimits
from bongsu.api.prometheus.status import StatusFacts, prometheus_config, prometheus_flags
from bongsu.apm.settings import ApmSettings
from bongsu.control.context import ControlOptions
from bongsu.control.limits import CONTROL_LIMIT_NAMES, ControlLimits, OtherLimit
from bongsu.ingest.otlp_metrics import OtlpIngestSettings
from bongsu.ingest.otlp_translation import Strategy, Translation
from bongsu.model.errors import InvalidInput
from bongsu.promql.engine import EngineOptions
from bongsu.promql.parser.features import TYPE_AND_UNIT_LABELS, USE_START_TIMESTAMPS
from bongsu.query.service import QueryLimits
from bongsu.server.settings import LimitSettings
from bongsu.wire.otlp.limits import OtlpLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from bongsu.server.settings import OtlpSettings, Settings


def apm_settings(settings: Settings) -> ApmSettings:
    """Return how the real-time numbers are made."""
    apm = settings.apm
    return ApmSettings(
        grace_ms=apm.grace,
        apdex_ms=apm.apdex,
        root_internal=apm.internal_roots == "counted",
        exact_users=apm.exact_users,
        user_window_ms=apm.user_window,
        agent_silence_ms=apm.silence,
        gauge_lookback_ms=apm.look_back,
        agent_forget_ms=apm.forget,
        max_agents=apm.max_agents,
        max_streams=apm.max_streams,
    )


def body_limits(settings: Settings) -> BodyLimits:
    """Return the bounds of request bodies that carry telemetry."""
    most = settings.server.max_body_bytes
    return BodyLimits(max_body_bytes=most, max_decompressed_bytes=most)


def control_options(settings: Settings) -> ControlOptions:
    """Return what the control plane allows; a project may have its own value of every limit."""
    own = {name: getattr(settings.limits, name) for name in CONTROL_LIMIT_NAMES}
    others = [
        OtherLimit(setting.name, getattr(settings.limits, setting.name), f"limits.{setting.name}")
        for setting in fields(LimitSettings)
        if setting.name not in own
    ]
    others += [
        OtherLimit("max_query_samples", settings.query.max_samples, "query.max_samples"),
        OtherLimit("max_scrape_samples", settings.scrape.max_samples, "scrape.max_samples"),
        OtherLimit("max_scrape_body_bytes", settings.scrape.max_body_bytes, "scrape.max_body_bytes"),
        OtherLimit("max_agents", settings.apm.max_agents, "apm.max_agents"),
        OtherLimit("max_streams", settings.apm.max_streams, "apm.max_streams"),
    ]
    return ControlOptions(
        regions=settings.regions,
        limits=ControlLimits(**own),
        other_limits=tuple(others),
        password_length=settings.people.password_length,
        session_ms=settings.people.session,
        session_idle_ms=settings.people.session_idle,
    )


def engine_options(settings: Settings) -> EngineOptions:
    """Return how queries are evaluated."""
    return EngineOptions(
        lookback_ms=settings.query.lookback,
        max_samples=settings.query.max_samples,
        timeout_s=settings.query.timeout / 1000,
        threads=settings.query.threads or os.cpu_count() or 1,
        features=settings.features,
    )


def otlp_settings(settings: Settings) -> OtlpIngestSettings:
    """Return how OTLP metrics are stored."""
    return OtlpIngestSettings(
        max_delta_streams=settings.otlp.max_delta_streams,
        start_timestamps=keeps_starts(settings),
        translation=_translation(settings.otlp, describes=describes_series(settings)),
    )


def describes_series(settings: Settings) -> bool:
    """Tell whether series get labels of type and unit."""
    return TYPE_AND_UNIT_LABELS in settings.features


def keeps_starts(settings: Settings) -> bool:
    """Tell whether start times are kept that not every query server knows what to do with: those of OTLP and of ``_created`` samples."""
    return USE_START_TIMESTAMPS in settings.features


def _translation(otlp: OtlpSettings, *, describes: bool) -> Translation:
    """Return how OTLP names become those of series; the settings have the names of Prometheus' options."""
    switches = {
        name: getattr(otlp, name) == "yes"
        for name in (
            "promote_all_resource_attributes",
            "keep_identifying_resource_attributes",
            "promote_scope_metadata",
            "convert_histograms_to_nhcb",
            "label_name_underscore_sanitization",
            "label_name_preserve_multiple_underscores",
        )
    }
    return Translation(
        strategy=Strategy(otlp.translation_strategy),
        promote_resource_attributes=frozenset(otlp.promote_resource_attributes),
        ignore_resource_attributes=frozenset(otlp.ignore_resource_attributes),
        describes=describes,
        **switches,
    )


def otlp_limits(settings: Settings) -> OtlpLimits:
    """Return what one OTLP request may hold."""
    return OtlpLimits(**{limit.name: getattr(settings.otlp, limit.name) for limit in fields(OtlpLimits)})


def query_limits(settings: Settings) -> QueryLimits:
    """Return how many queries run at once, and how long."""
    return QueryLimits(max_concurrent=settings.query.max_concurrent, timeout_s=settings.query.timeout / 1000)


def status_facts(settings: Settings, start_ms: int, damaged_parts: Callable[[], int]) -> StatusFacts:
    """Return what the Prometheus API tells about the server."""
    flags = prometheus_flags(
        lookback_ms=settings.query.lookback,
        max_concurrent=settings.query.max_concurrent,
        max_samples=settings.query.max_samples,
        timeout_ms=settings.query.timeout,
        features=settings.features,
    )
    scrape = settings.scrape
    return StatusFacts(
        version=__version__,
        start_ms=start_ms,
        hostname=socket.gethostname(),
        flags=flags,
        damaged_parts=damaged_parts,
        config_yaml=prometheus_config(scrape_interval_ms=scrape.interval, scrape_timeout_ms=scrape.timeout),
    )


def time_zone(settings: Settings) -> tzinfo | None:
    """Return the zone of the workspace API's times, None for the machine's own."""
    if not settings.time_zone:
        return None
    try:
        return ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(
            f"setting time_zone = {settings.time_zone!r}: not a known time zone; write one like 'Asia/Seoul' or 'UTC'",
            id="bad-setting",
        ) from error
