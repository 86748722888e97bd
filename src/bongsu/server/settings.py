"""
Every setting, with its default, its bounds and what it does, declared once.

A duration is an integer number of milliseconds here, and written as ``15s`` outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bongsu.runtime.logs import FORMATS, LEVELS

KNOWN_FEATURES = frozenset(
    {
        "promql-experimental-functions",
        "promql-extended-range-selectors",
        "promql-binop-fill-modifiers",
        "promql-delayed-name-removal",
        "use-start-timestamps",
        "type-and-unit-labels",
    }
)
"""What ``--enable-feature`` takes; the names are Prometheus'."""

PERMANENT_FEATURES = frozenset(
    {
        "exemplar-storage",
        "native-histograms",
        "ooo-native-histograms",
        "otlp-deltatocumulative",
        "promql-at-modifier",
        "promql-duration-expr",
        "promql-negative-offset",
    }
)
"""What a Prometheus, of today or of an earlier version, has to be told and is always on here: taken, so that its flags can stay."""


def _setting(
    default: Any,
    doc: str,
    *,
    minimum: float | None = None,
    choices: tuple[str, ...] = (),
    duration: bool = False,
    secret: bool = False,
) -> Any:
    metadata = {"doc": doc, "minimum": minimum, "choices": choices, "duration": duration, "secret": secret}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the server listens and keeps its data."""

    listen: str = _setting(
        "127.0.0.1:9595", "address and port to listen on; an empty host means every address"
    )
    data: str = _setting("bongsu-data", "folder of everything that is stored")
    watch_itself: str = _setting(
        "yes", "whether the server's own metrics are stored in the first project", choices=("yes", "no")
    )
    external_url: str = _setting("", "URL under which users reach this server; default: from `listen`")
    tls_certificate: str = _setting(
        "", "PEM file of the certificate, with its chain, to speak HTTPS; read again when it changes"
    )
    tls_key: str = _setting(
        "", "PEM file of the certificate's private key; default: in the certificate's file"
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed"
    )
    cors_origins: tuple[str, ...] = _setting(
        ("*",),
        "origins whose pages may call /prometheus and /open in a browser, such as https://grafana.example or "
        "https://*.example.com; *: every one, with a key in a header",
    )
    database: str = _setting("", "URL of the control database; default: SQLite in the data folder")
    stop_timeout: int = _setting(
        30_000, "how long requests may take to end after SIGTERM", minimum=0, duration=True
    )
    max_body_bytes: int = _setting(64 << 20, "largest request body, after decompression", minimum=1024)

    @property
    def tls_files(self) -> tuple[Path, Path]:
        """Files of the certificate and of its key; meaningful when `tls_certificate` is set."""
        return Path(self.tls_certificate), Path(self.tls_key or self.tls_certificate)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged, and how."""

    level: str = _setting("info", "least severe level that is logged", choices=LEVELS)
    format: str = _setting("auto", "lines for people or JSON; auto looks at the terminal", choices=FORMATS)


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """Limits of PromQL queries."""

    timeout: int = _setting(120_000, "longest time that a query may take", minimum=1, duration=True)
    lookback: int = _setting(300_000, "how far an instant selector looks back", minimum=1, duration=True)
    max_samples: int = _setting(50_000_000, "most samples that a query may hold at once", minimum=1)
    max_concurrent: int = _setting(20, "queries that run at the same time; more wait", minimum=1)
    threads: int = _setting(0, "threads of one query; 0: one per processor", minimum=0)
    cache_bytes: int = _setting(
        32 << 20,
        "memory for answers of range queries that are asked again with the time moved on; 0: none",
        minimum=0,
    )


@dataclass(frozen=True, slots=True)
class ScrapeSettings:
    """How targets are scraped."""

    interval: int = _setting(15_000, "time between two scrapes of a target", minimum=1000, duration=True)
    timeout: int = _setting(10_000, "longest time that a scrape may take", minimum=100, duration=True)
    max_body_bytes: int = _setting(64 << 20, "largest answer of a target, after decompression", minimum=1024)
    max_samples: int = _setting(
        500_000, "most samples of one scrape; a larger one fails; 0: no limit", minimum=0
    )
    allowed_networks: tuple[str, ...] = _setting(
        (),
        "networks that every project's targets may reach although they are closed, such as 127.0.0.0/8; registered "
        "addresses need no entry",
    )
    denied_networks: tuple[str, ...] = _setting(
        (),
        "networks that are closed to targets beside loopback, link-local, metadata and multicast addresses",
    )
    max_bytes_in_flight: int = _setting(
        512 << 20, "memory of all answers that are being fetched or written", minimum=1 << 20
    )


@dataclass(frozen=True, slots=True)
class ApmSettings:
    """Real-time application numbers."""

    grace: int = _setting(
        8_000, "how long a tick waits for late spans before it is sealed", minimum=0, duration=True
    )
    apdex: int = _setting(1_200, "Apdex threshold T: satisfied up to T", minimum=1, duration=True)
    internal_roots: str = _setting(
        "ignored", "whether root spans of kind INTERNAL are transactions", choices=("ignored", "counted")
    )
    exact_users: int = _setting(
        100_000, "distinct users of a project that are counted exactly; more are estimated", minimum=0
    )
    user_window: int = _setting(
        300_000,
        "how long a user counts after a transaction; a multiple of 5s",
        minimum=5_000,
        duration=True,
    )
    silence: int = _setting(
        15_000,
        "shortest silence after which an agent is inactive; three of its own intervals where those are longer",
        minimum=15_000,
        duration=True,
    )
    look_back: int = _setting(
        15_000,
        "shortest age at which a gauge counts no more; two and a half of its own intervals where those are longer",
        minimum=5_000,
        duration=True,
    )
    forget: int = _setting(
        24 * 3_600_000,
        "silence after which an inactive agent is listed no more",
        minimum=60_000,
        duration=True,
    )
    calls_per_second: int = _setting(
        0,
        "calls of the real-time API that one token may make a second, over 15 seconds; more are answered with 429; 0: any",
        minimum=0,
    )
    max_agents: int = _setting(2_000, "agents of a project", minimum=1)
    max_streams: int = _setting(
        200_000, "streams of gauges and duration histograms behind a project's real-time numbers", minimum=1
    )


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Where OTLP is taken beside HTTP, what one request may hold, and how it becomes series."""

    grpc_listen: str = _setting(
        "", "address and port of OTLP over gRPC, which needs the extra `grpc`; default: not offered"
    )
    max_spans: int = _setting(50_000, "spans of one request", minimum=1)
    max_points: int = _setting(100_000, "data points of one request", minimum=1)
    max_groups: int = _setting(10_000, "resources and scopes of one request", minimum=1)
    max_messages: int = _setting(2_000_000, "parts of any kind in one request", minimum=1)
    max_attributes: int = _setting(1_024, "attributes of one item", minimum=1)
    max_nesting: int = _setting(8, "depth of arrays and maps in an attribute", minimum=0)
    max_buckets: int = _setting(2_048, "buckets of one histogram point", minimum=1)
    max_delta_streams: int = _setting(
        100_000, "streams in delta temporality whose totals are kept for a project", minimum=0
    )
    translation_strategy: str = _setting(
        "UnderscoreEscapingWithSuffixes",
        "how names of metrics and attributes are written",
        choices=(
            "UnderscoreEscapingWithSuffixes",
            "UnderscoreEscapingWithoutSuffixes",
            "NoUTF8EscapingWithSuffixes",
            "NoTranslation",
        ),
    )
    promote_resource_attributes: tuple[str, ...] = _setting(
        (), "attributes of the resource that become labels of all its series"
    )
    promote_all_resource_attributes: str = _setting(
        "no", "whether all of them become labels", choices=("yes", "no")
    )
    ignore_resource_attributes: tuple[str, ...] = _setting((), "attributes that do not, where all others do")
    keep_identifying_resource_attributes: str = _setting(
        "no", "whether target_info has what makes `job` and `instance` too", choices=("yes", "no")
    )
    promote_scope_metadata: str = _setting(
        "no", "whether name, version and attributes of the scope become labels", choices=("yes", "no")
    )
    convert_histograms_to_nhcb: str = _setting(
        "no", "whether histograms become native ones with their own bounds", choices=("yes", "no")
    )
    label_name_underscore_sanitization: str = _setting(
        "yes", "whether a label that begins with one underscore gets `key` in front", choices=("yes", "no")
    )
    label_name_preserve_multiple_underscores: str = _setting(
        "yes", "whether several underscores in a row stay in labels", choices=("yes", "no")
    )


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """How people sign in to the console, and what is kept of what they do."""

    session: int = _setting(
        7 * 86_400_000, "how long a browser stays signed in at most", minimum=60_000, duration=True
    )
    session_idle: int = _setting(
        3 * 86_400_000,
        "how long a browser stays signed in without a call",
        minimum=300_000,
        duration=True,
    )
    password_length: int = _setting(12, "least characters of a new password", minimum=8)
    guesses_per_user: int = _setting(
        10,
        "wrong passwords for a user in `people.guess_window`; more are answered with 429; 0: any",
        minimum=0,
    )
    guesses_per_address: int = _setting(
        50, "wrong passwords from an address in `people.guess_window`; 0: any", minimum=0
    )
    guess_window: int = _setting(
        900_000, "time over which wrong passwords are counted", minimum=1_000, duration=True
    )
    key_sign_in: str = _setting(
        "yes", "whether keys sign in to the console too, once there are users", choices=("yes", "no")
    )
    audit_retention: int = _setting(
        365 * 86_400_000, "how long the audit trail is kept; 0: for ever", minimum=0, duration=True
    )


@dataclass(frozen=True, slots=True)
class OpenIdSettings:
    """Signing in at an OpenID Connect provider; off without an issuer."""

    issuer: str = _setting("", "address of the provider, exactly as it calls itself")
    client_id: str = _setting("", "what the provider knows this server by")
    client_secret: str = _setting("", "the client's secret; empty for a public client", secret=True)
    client_secret_file: str = _setting("", "file that holds the secret, instead of the setting")
    scopes: tuple[str, ...] = _setting(("openid", "profile", "email"), "what the provider is asked for")
    name_claim: str = _setting("email", "claim that becomes a user's name")
    roles_claim: str = _setting("groups", "claim with a person's groups; a dot leads into an object")
    roles: tuple[str, ...] = _setting(
        (),
        "roles by group, as in `sre -> *=owner` or `shop-team -> shop=editor`; given, the provider says all roles at every sign-in",
    )
    first_roles: tuple[str, ...] = _setting(
        (), "roles of who signs in for the first time, as in `shop=viewer`, where `openid.roles` is empty"
    )
    allowed_domains: tuple[str, ...] = _setting(
        (), "when given, only people with an address of these domains come in"
    )
    allowed_emails: tuple[str, ...] = _setting((), "when given, these addresses come in too")
    verified_email: str = _setting(
        "yes", "whether the provider must say that it has checked the address", choices=("yes", "no")
    )
    label: str = _setting("Single sign-on", "what the button on the sign-in page says")


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits of each project, 0 meaning none."""

    max_series: int = _setting(1_000_000, "series of a project", minimum=0)
    max_samples_per_second: int = _setting(
        0, "samples a second that a project may send, over 15 seconds; more are answered with 429", minimum=0
    )
    retention_bytes: int = _setting(
        0, "bytes that the blocks of a project may take; the oldest leave first", minimum=0
    )
    max_labels_per_series: int = _setting(64, "labels of one series", minimum=0)
    max_label_name_bytes: int = _setting(1_024, "bytes of a label name", minimum=0)
    max_label_value_bytes: int = _setting(8_192, "bytes of a label value", minimum=0)
    max_targets_per_server: int = _setting(
        5, "collection targets of one server over all workspaces", minimum=0
    )
    max_workspaces: int = _setting(500, "workspaces of a project", minimum=0)
    max_servers: int = _setting(5_000, "servers of a project", minimum=0)
    max_keys: int = _setting(100, "keys of a project", minimum=0)
    max_layouts: int = _setting(500, "layouts of charts of a project", minimum=0)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; durations are integer milliseconds here, and written as ``15s`` outside."""

    server: ServerSettings = field(default_factory=ServerSettings)
    log: LogSettings = field(default_factory=LogSettings)
    query: QuerySettings = field(default_factory=QuerySettings)
    scrape: ScrapeSettings = field(default_factory=ScrapeSettings)
    apm: ApmSettings = field(default_factory=ApmSettings)
    otlp: OtlpSettings = field(default_factory=OtlpSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    openid: OpenIdSettings = field(default_factory=OpenIdSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    regions: tuple[str, ...] = _setting(("kr", "kr2", "jp", "us"), "region codes; the first is the default")
    time_zone: str = _setting("", "time zone of `lstModYmdt` in the workspace API; default: the machine's")
    features: frozenset[str] = frozenset()

    @property
    def host(self) -> str:
        """Host part of `server.listen`; every address when it is empty."""
        return self.server.listen.rpartition(":")[0].strip("[]") or "0.0.0.0"  # noqa: S104 - asked for by the operator

    @property
    def port(self) -> int:
        """Port part of `server.listen`."""
        return int(self.server.listen.rpartition(":")[2])

    @property
    def data_folder(self) -> Path:
        """The data folder as an absolute path."""
        return Path(self.server.data).expanduser().absolute()
