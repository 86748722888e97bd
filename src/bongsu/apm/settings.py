"""Settings of the real-time numbers; each default says why."""

from __future__ import annotations

from dataclasses import dataclass

TICK_MS = 5_000
"""Length of a tick; ticks begin at multiples of it since the Unix epoch. The API's numbers are defined by it."""


@dataclass(frozen=True, slots=True)
class ApmLimits:
    """What one project may have, 0 meaning no limit; a project's own values, or those of the settings of the same names."""

    max_agents: int
    max_streams: int


@dataclass(frozen=True, slots=True)
class ApmSettings:
    """
    Settings of one project's numbers; times in milliseconds, counts 0 meaning none where that makes sense.

    Attributes
    ----------
    grace_ms
        How long after its end a tick stays open. OpenTelemetry's span processors hold ended spans for up to 5 s, so
        the last span of a tick leaves its application 5 s after the tick's end; 3 s are for the way.
    user_window_ms
        How long a user counts after the end of their last transaction. A multiple of the tick.
    exact_users
        Distinct users of a project that are counted exactly; beyond it a HyperLogLog with an error of 0.8 % counts.
    agent_silence_ms
        Shortest silence after which an agent is inactive: three ticks.
    agent_silence_intervals
        The silence in intervals between an agent's reports, where that is longer.
    gauge_lookback_ms
        Shortest age at which a gauge's newest point still counts.
    gauge_lookback_intervals
        That age in intervals between the gauge's points, where that is longer: one lost report does no harm.
    agent_forget_ms
        Silence after which an inactive agent is no longer listed; autoscaling makes and removes many.
    apdex_ms
        Apdex threshold T: satisfied up to T, tolerated up to 4 T, frustrated beyond and when failed.
    max_skew_ms
        An application's clock that is further off than this is corrected by the time of arrival.
    root_internal
        Root spans of kind INTERNAL are transactions too (batch programs).
    max_agents
        Agents of one project; reports of further ones are refused with an error that names this setting.
    max_streams
        Streams of gauges and duration histograms of one project; while there are more, new ones are not taken. One takes
        about 500 bytes.
    max_kept_transactions
        Slowest and failed transactions that are kept for looking at; one takes about 600 bytes.
    keep_transactions_ms
        Age at which they and the hit maps go.
    max_waiting_spans
        Spans that wait for their transaction to be kept or not; one takes some 1.5 KB.
    max_kept_spans
        Spans of kept transactions; one takes some 1 KB.
    max_statistics
        Rows of statistics by statement, address, exception and service; one takes some 500 bytes.
    max_statistics_per_step
        Rows of one kind in five minutes; what comes beyond is counted together.
    max_open_spans
        Ids of spans that are remembered to find nested and repeated ones, per project.
    """

    grace_ms: int = 8_000
    user_window_ms: int = 300_000
    exact_users: int = 100_000
    agent_silence_ms: int = 15_000
    agent_silence_intervals: float = 3.0
    gauge_lookback_ms: int = 15_000
    gauge_lookback_intervals: float = 2.5
    agent_forget_ms: int = 24 * 3_600_000
    apdex_ms: int = 1_200
    max_skew_ms: int = 60_000
    root_internal: bool = False
    max_agents: int = 2_000
    max_streams: int = 200_000
    max_kept_transactions: int = 20_000
    keep_transactions_ms: int = 24 * 3_600_000
    max_waiting_spans: int = 20_000
    max_kept_spans: int = 50_000
    max_statistics: int = 50_000
    max_statistics_per_step: int = 1_000
    max_open_spans: int = 500_000

    @property
    def limits(self) -> ApmLimits:
        """What a project may have that has no values of its own."""
        return ApmLimits(self.max_agents, self.max_streams)
