"""
Settings: one TOML file, the environment, and flags, in that order of growing strength.

A setting ``query.timeout`` is ``timeout`` in the file's ``[query]`` table and ``BONGSU_QUERY_TIMEOUT`` in the environment.
Unknown settings and values of the wrong kind are errors that name the setting, the value and what is allowed.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput
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


_OTHER_VARIABLES = frozenset({"BONGSU_ADMIN_TOKEN", "BONGSU_CACHE_DIR", "BONGSU_KEY", "BONGSU_URL"})
"""Variables that are read elsewhere: secrets and places, which are no settings of the server."""

_AGENT_VARIABLES = "BONGSU_AGENT_"
"""Begins the variables of the agent, which may run beside the server."""


_ORIGIN = re.compile(
    r"\*|https?://(\*\.)?[A-Za-z0-9._-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)
"""An origin as browsers send it, a whole tree of names, or every origin."""


_REGION = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a header and the column of a region take."""


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


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    flags: Mapping[str, object] | None = None,
    features: frozenset[str] = frozenset(),
) -> Settings:
    """
    Return the settings of a file, the environment and flags; later ones win.

    Parameters
    ----------
    flags
        Dotted names, as in ``{"server.listen": "127.0.0.1:0"}``.

    Raises
    ------
    InvalidInput
        At unknown settings and values that are not allowed; the message names all of them.
    """
    mistakes: list[InvalidInput] = []
    unknown = features - KNOWN_FEATURES
    if unknown:
        mistakes.append(
            InvalidInput(
                f"unknown feature {min(unknown)!r}; known: {', '.join(sorted(KNOWN_FEATURES))}",
                id="unknown-feature",
            )
        )
    given = _flatten(_read(file)) if file else {}
    given |= {name: environment[_variable(name)] for name in _names() if _variable(name) in environment}
    given |= flags or {}
    settings = Settings(features=features & KNOWN_FEATURES)
    for name, value in given.items():
        try:
            settings = _apply(settings, name, value)
        except InvalidInput as mistake:
            mistakes.append(mistake)
    mistakes += _contradictions(settings)
    if mistakes:
        raise InvalidInput("\n".join(mistake.message for mistake in mistakes), id=mistakes[0].id)
    return settings


def stray_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return sentences about variables that look like settings but are none, most likely misspelt."""
    known = {_variable(name) for name in _names()} | _OTHER_VARIABLES
    strays = sorted(
        name
        for name in environment
        if name.startswith("BONGSU_") and not name.startswith(_AGENT_VARIABLES) and name not in known
    )
    return [f"the environment variable {name} is not a setting{_suggestion(name, known)}" for name in strays]


def setting_rows() -> list[tuple[str, str, str, str]]:
    """Return name, variable, default and description of every setting; what the documentation's table is made of."""
    defaults = Settings()
    rows = []
    for name in _names():
        spec = _field(name)
        value = _get(defaults, name)
        shown = (
            ",".join(value) if isinstance(value, tuple) else _shown(value, duration=spec.metadata["duration"])
        )
        rows.append((name, _variable(name), shown, spec.metadata["doc"]))
    return rows


def _shown(value: object, *, duration: bool) -> str:
    from bongsu.model.durations import format_duration

    return format_duration(value) if duration and isinstance(value, int) else str(value)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise InvalidInput(
            f"cannot read the configuration {file}: {error.strerror}", id="bad-configuration"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}", id="bad-configuration") from error


def _flatten(tables: Mapping[str, Any]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": v for inner, v in value.items()}
        else:
            flat[name] = value
    return flat


def _names() -> list[str]:
    names = []
    for section in fields(Settings):
        if section.metadata:
            names.append(section.name)
            continue
        table: Any = section.default_factory
        if dataclasses.is_dataclass(table):
            names += [f"{section.name}.{inner.name}" for inner in fields(table)]
    return names


def _variable(name: str) -> str:
    return "BONGSU_" + name.replace(".", "_").upper()


def _owner(name: str) -> tuple[Any, str]:
    section, _, inner = name.rpartition(".")
    if not section:
        return Settings, inner
    owner = get_type_hints(Settings)[section]
    return owner, inner


def _field(name: str) -> dataclasses.Field[Any]:
    owner, inner = _owner(name)
    return next(spec for spec in fields(owner) if spec.name == inner)


def _get(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _apply(settings: Settings, name: str, value: object) -> Settings:
    if name not in _names():
        raise InvalidInput(
            f"unknown setting {name!r}{_suggestion(name, _names())}; `bongsu settings` lists all",
            id="unknown-setting",
        )
    owner, inner = _owner(name)
    converted = _convert(name, value, get_type_hints(owner)[inner], _field(name).metadata)
    change: dict[str, Any] = {inner: converted}
    if owner is not Settings:
        section = name.partition(".")[0]
        change = {section: dataclasses.replace(getattr(settings, section), **change)}
    return dataclasses.replace(settings, **change)


def _convert(name: str, value: object, kind: object, rules: Mapping[str, Any]) -> object:
    converters: dict[object, Callable[[object], object]] = {
        int: _duration if rules["duration"] else _integer,
        str: _text,
        tuple[str, ...]: _texts,
    }
    try:
        converted = converters[kind](value)
    except (ValueError, InvalidInput) as error:
        shown = "<secret>" if rules["secret"] else repr(value)
        raise InvalidInput(f"setting {name} = {shown}: {error}", id="bad-setting") from error
    if rules["choices"] and converted not in rules["choices"]:
        raise InvalidInput(
            f"setting {name} = {value!r}: choose one of {', '.join(rules['choices'])}", id="bad-setting"
        )
    if rules["minimum"] is not None and isinstance(converted, int) and converted < rules["minimum"]:
        least = _shown(rules["minimum"], duration=rules["duration"])
        raise InvalidInput(f"setting {name} = {value!r}: at least {least} is needed", id="bad-setting")
    return converted


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("a whole number is needed")  # noqa: TRY004 - one kind of error for every bad value
    try:
        return int(value)
    except ValueError:
        raise ValueError("a whole number is needed") from None


def _duration(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("a duration such as '15s' is needed")  # noqa: TRY004 - as above
    return parse_duration(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is needed")  # noqa: TRY004 - as above
    return value


def _texts(value: object) -> tuple[str, ...]:
    items = [item for item in value.split(",") if item.strip()] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError("a list of texts is needed")
    return tuple(item.strip() for item in items)


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _contradictions(settings: Settings) -> list[InvalidInput]:
    """Return what is wrong with values that are each of the right kind."""
    server, scrape = settings.server, settings.scrape
    port = server.listen.rpartition(":")[2]
    sentences = []
    if not port.isdecimal() or int(port) > 65_535:
        sentences.append(
            f"setting server.listen = {server.listen!r}: write HOST:PORT with a port of 0 to 65535"
        )
    grpc_port = settings.otlp.grpc_listen.rpartition(":")[2]
    if settings.otlp.grpc_listen and not (grpc_port.isdecimal() and int(grpc_port) <= 65_535):
        sentences.append(
            f"setting otlp.grpc_listen = {settings.otlp.grpc_listen!r}: write HOST:PORT with a port of 0 to 65535"
        )
    sentences += [
        f"setting regions: {region!r} cannot be sent in a header; write letters, digits, '-', '_' and '.', at most 64"
        for region in settings.regions
        if not _REGION.fullmatch(region)
    ]
    if not settings.regions:
        sentences.append("setting regions is empty; name at least one, the first is the default")
    if scrape.timeout > scrape.interval:
        sentences.append(
            f"setting scrape.timeout ({scrape.timeout} ms) is longer than scrape.interval ({scrape.interval} ms); "
            "make it at most as long"
        )
    if settings.openid.issuer and not settings.openid.client_id:
        sentences.append("setting openid.issuer is given without openid.client_id; give both")
    if settings.openid.client_secret and settings.openid.client_secret_file:
        sentences.append(
            "settings openid.client_secret and openid.client_secret_file are both given; give one"
        )
    if settings.people.session_idle > settings.people.session:
        sentences.append("setting people.session_idle is longer than people.session; make it at most as long")
    if server.tls_key and not server.tls_certificate:
        sentences.append("setting server.tls_key is given without server.tls_certificate; give both")
    otlp = settings.otlp
    if otlp.promote_resource_attributes and otlp.promote_all_resource_attributes == "yes":
        sentences.append(
            "setting otlp.promote_resource_attributes is given beside otlp.promote_all_resource_attributes; give one of them"
        )
    if otlp.ignore_resource_attributes and otlp.promote_all_resource_attributes != "yes":
        sentences.append(
            "setting otlp.ignore_resource_attributes is given without otlp.promote_all_resource_attributes; give both"
        )
    sentences += [
        f"setting server.cors_origins: {origin!r} is no origin; write https://HOST, https://HOST:PORT, https://*.HOST or *, without a path"
        for origin in server.cors_origins
        if not _ORIGIN.fullmatch(origin)
    ]
    networks = {
        "server.trusted_proxies": server.trusted_proxies,
        "scrape.allowed_networks": scrape.allowed_networks,
        "scrape.denied_networks": scrape.denied_networks,
    }
    sentences += [
        f"setting {name}: {network!r} is no address or network; write one like 10.0.0.0/8"
        for name, given in networks.items()
        for network in given
        if not _is_network(network)
    ]
    return [InvalidInput(sentence, id="bad-setting") for sentence in sentences]


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
