"""
How the targets of a workspace are scraped, beyond address, port and path: the options of a Prometheus ``scrape_config``, by
their names there.

A workspace has options, and each of its targets may have its own, which win one by one; labels are merged. Options arrive and
are kept as JSON objects (`checked_options`) and are read into `ScrapeOptions` where they are used.
"""

from __future__ import annotations

import functools
from base64 import b64encode
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import orjson

from bongsu.model.errors import InvalidInput
from bongsu.runtime.relabel import Relabeller, RelabelRule, relabel_rules
from bongsu.scrape.oauth import OAuth2Options, check_oauth2
from bongsu.scrape.option_checks import (
    check_choice,
    check_count,
    check_factor,
    check_flag,
    check_header_value,
    check_headers,
    check_interval,
    check_labels,
    check_object,
    check_params,
    check_secret,
    check_size,
    check_text,
    refuse,
)
from bongsu.scrape.proxy import check_no_proxy, check_proxy
from bongsu.scrape.tls import TlsOptions, check_tls
from bongsu.wire.exposition.negotiation import ESCAPING_SCHEMES, NATIVE_PROTOCOLS, PROTOCOLS, TEXT_PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bongsu.wire.exposition.negotiation import Format

_SCHEMES = ("http", "https")

MASK = "<secret>"
"""What is shown in the place of a secret; sent back, it leaves the stored one as it is."""

_SECRETS = (
    ("basic_auth", "password"),
    ("authorization", "credentials"),
    ("tls_config", "key"),
    ("oauth2", "client_secret"),
    ("oauth2", "tls_config", "key"),
)


@dataclass(frozen=True, slots=True)
class ScrapeOptions:
    """
    Options that were checked; None leaves it to the server's settings, 0 as a limit is none.

    Attributes
    ----------
    scrape_interval, scrape_timeout
        Milliseconds.
    basic_auth, authorization
        The value of the ``Authorization`` header; not both, and none beside `oauth2`.
    proxy_url
        Through which the target is asked, unless `no_proxy` names it; empty for none.
    body_size_limit, sample_limit, label_limit, label_name_length_limit, label_value_length_limit, target_limit
        As their names say; what goes beyond fails the scrape, beyond `target_limit` every scrape of the workspace.
    keep_dropped_targets
        Dropped targets of a workspace that are listed.
    """

    scrape_interval: int | None = None
    scrape_timeout: int | None = None
    scheme: str = "http"
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    http_headers: tuple[tuple[str, str], ...] = ()
    basic_auth: str = ""
    authorization: str = ""
    oauth2: OAuth2Options | None = None
    tls_config: TlsOptions | None = None
    proxy_url: str = field(default="", repr=False)
    no_proxy: tuple[str, ...] = ()
    proxy_connect_header: tuple[tuple[str, str], ...] = ()
    follow_redirects: bool = True
    enable_compression: bool = True
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    scrape_protocols: tuple[str, ...] = ()
    fallback_scrape_protocol: str = ""
    metric_name_escaping_scheme: str = "allow-utf-8"
    scrape_native_histograms: bool = False
    always_scrape_classic_histograms: bool = False
    convert_classic_histograms_to_nhcb: bool = False
    native_histogram_bucket_limit: int = 0
    native_histogram_min_bucket_factor: float = 0.0
    extra_scrape_metrics: bool = False
    body_size_limit: int | None = None
    sample_limit: int | None = None
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0
    target_limit: int = 0
    keep_dropped_targets: int = 0
    relabel_configs: tuple[RelabelRule, ...] = ()
    metric_relabel_configs: tuple[RelabelRule, ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Request headers beyond those of every scrape."""
        credentials = self.authorization or self.basic_auth
        return (("Authorization", credentials), *self.http_headers) if credentials else self.http_headers

    @property
    def protocols(self) -> tuple[str, ...]:
        """What is asked for, in this order."""
        return self.scrape_protocols or (
            NATIVE_PROTOCOLS if self.scrape_native_histograms else TEXT_PROTOCOLS
        )

    @property
    def metric_relabeller(self) -> Relabeller:
        """The compiled rules for scraped series; targets with the same rules share one."""
        return compiled(self.metric_relabel_configs)

    @property
    def fallback_format(self) -> Format | None:
        """How to read an answer that does not name its format."""
        return PROTOCOLS[self.fallback_scrape_protocol].format if self.fallback_scrape_protocol else None


def checked_options(value: object, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """
    Return options as they are kept: the given object, with secrets that were not sent again taken from `stored`.

    Raises
    ------
    InvalidInput
        If an option is unknown, its value is not allowed, or two contradict each other.
    """
    given = dict(check_object("options", value))
    for path in _secret_paths(given):
        if _at(given, path) == MASK:
            given = _with(given, path, _kept(stored or {}, path))
    read_options(given)
    return given


def read_options(given: Mapping[str, Any]) -> ScrapeOptions:
    """Return options that a JSON object names; raises InvalidInput as `checked_options`."""
    unknown = sorted(set(given) - set(_CHECKS))
    if unknown:
        raise InvalidInput(
            f"there is no scrape option {unknown[0][:100]!r}; there are {', '.join(sorted(_CHECKS))}",
            id="bad-scrape-option",
        )
    options = ScrapeOptions(**{name: _CHECKS[name](name, value) for name, value in given.items()})
    credentials = [name for name in _CREDENTIALS if getattr(options, name)]
    if len(credentials) > 1:
        refuse(credentials[1], f"given beside {credentials[0]!r}", "send one of them")
    interval, timeout = options.scrape_interval, options.scrape_timeout
    if interval is not None and timeout is not None and timeout > interval:
        refuse(
            "scrape_timeout",
            given["scrape_timeout"],
            f"it must not be longer than 'scrape_interval', {given['scrape_interval']}",
        )
    return options


@functools.lru_cache(maxsize=4096)
def merged_options(workspace: str, target: str) -> ScrapeOptions:
    """
    Return what holds for a target.

    Parameters
    ----------
    workspace, target
        The options of each as JSON text, empty when it has none. The cache holds one entry per workspace and per target with its
        own; beyond its size they are read again at the next change.
    """
    base: dict[str, Any] = orjson.loads(workspace) if workspace else {}
    own: dict[str, Any] = orjson.loads(target) if target else {}
    if not own.keys().isdisjoint(_CREDENTIALS):
        base = {name: value for name, value in base.items() if name not in _CREDENTIALS}
    labels = {**base.get("labels", {}), **own.get("labels", {})}
    merged = {**base, **own, "labels": labels}
    if not own.keys().isdisjoint(_TIMES) and "scrape_timeout" in merged:
        # Each was checked with its own interval; the scraper takes the shorter of both.
        interval = _CHECKS["scrape_interval"](
            "scrape_interval", merged.get("scrape_interval", merged["scrape_timeout"])
        )
        if _CHECKS["scrape_timeout"]("scrape_timeout", merged["scrape_timeout"]) > interval:
            merged["scrape_timeout"] = merged["scrape_interval"]
    return read_options(merged)


@functools.lru_cache(maxsize=4096)
def compiled(rules: tuple[RelabelRule, ...]) -> Relabeller:
    """Return compiled rules; equal ones are compiled once."""
    return Relabeller(rules)


_CREDENTIALS = ("basic_auth", "authorization", "oauth2")
_TIMES = ("scrape_interval", "scrape_timeout")


def shown_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with `MASK` in the place of every secret."""
    shown = dict(given)
    for path in _secret_paths(shown):
        if _at(shown, path):
            shown = _with(shown, path, MASK)
    return shown


def _basic_auth(option: str, value: object) -> str:
    entries = check_object(option, value, ("username", "password"))
    user = check_text(f"{option}.username", entries.get("username", ""), least=0)
    if ":" in user:
        refuse(f"{option}.username", user, "a user name cannot hold a colon")
    password = check_secret(f"{option}.password", entries.get("password", ""), least=0)
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _authorization(option: str, value: object) -> str:
    entries = check_object(option, value, ("type", "credentials"))
    kind = check_text(f"{option}.type", entries.get("type", "Bearer"))
    if kind.lower() == "basic":
        refuse(f"{option}.type", kind, "send 'basic_auth' instead")
    if not kind.isascii() or not kind.replace("-", "").isalnum():
        refuse(f"{option}.type", kind, "send a scheme such as Bearer")
    secret = check_header_value(option, check_secret(f"{option}.credentials", entries.get("credentials", "")))
    return f"{kind} {secret}"


def _protocols(option: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        refuse(option, value, f"send a list of at least one of {', '.join(PROTOCOLS)}, each once")
    return tuple(check_choice(option, item, PROTOCOLS) for item in value)


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "scrape_interval": check_interval,
    "scrape_timeout": check_interval,
    "scheme": lambda option, value: check_choice(option, value, _SCHEMES),
    "params": check_params,
    "labels": check_labels,
    "http_headers": check_headers,
    "basic_auth": _basic_auth,
    "authorization": _authorization,
    "oauth2": check_oauth2,
    "tls_config": check_tls,
    "proxy_url": check_proxy,
    "no_proxy": check_no_proxy,
    "proxy_connect_header": check_headers,
    "scrape_protocols": _protocols,
    "fallback_scrape_protocol": lambda option, value: check_choice(option, value, PROTOCOLS),
    "metric_name_escaping_scheme": lambda option, value: check_choice(option, value, ESCAPING_SCHEMES),
    "native_histogram_min_bucket_factor": check_factor,
    "body_size_limit": check_size,
    "relabel_configs": relabel_rules,
    "metric_relabel_configs": relabel_rules,
    **dict.fromkeys(
        (
            "follow_redirects",
            "enable_compression",
            "honor_labels",
            "honor_timestamps",
            "track_timestamps_staleness",
            "scrape_native_histograms",
            "always_scrape_classic_histograms",
            "convert_classic_histograms_to_nhcb",
            "extra_scrape_metrics",
        ),
        check_flag,
    ),
    **dict.fromkeys(
        (
            "sample_limit",
            "label_limit",
            "label_name_length_limit",
            "label_value_length_limit",
            "target_limit",
            "keep_dropped_targets",
            "native_histogram_bucket_limit",
        ),
        check_count,
    ),
}
OPTION_NAMES = tuple(option.name for option in fields(ScrapeOptions))


Path = tuple[str | int, ...]


def _secret_paths(given: Mapping[str, Any]) -> list[Path]:
    """Return where the secrets of an object stand, as far as it has them."""
    paths: list[Path] = [path for path in _SECRETS if _at(given, path) is not None]
    proxy = given.get("proxy_url")
    if isinstance(proxy, str) and (proxy == MASK or "@" in proxy):
        paths.append(("proxy_url",))  # with a user and a password
    for option in ("http_headers", "proxy_connect_header"):
        headers = given.get(option)
        for name, entry in headers.items() if isinstance(headers, dict) else ():
            secrets = entry.get("secrets") if isinstance(entry, dict) else None
            paths += [
                (option, name, "secrets", i) for i in range(len(secrets) if isinstance(secrets, list) else 0)
            ]
    return paths


def _at(given: Any, path: Path) -> Any:
    """Return what stands at a path, None where there is nothing; the object may have any shape."""
    for step in path:
        if isinstance(given, dict) and isinstance(step, str):
            given = given.get(step)
        elif isinstance(given, list) and isinstance(step, int) and step < len(given):
            given = given[step]
        else:
            return None
    return given


def _with(given: Any, path: Path, value: object) -> Any:
    """Return a copy of a JSON tree with another value at a path that it has."""
    if not path:
        return value
    copy: Any = list(given) if isinstance(given, list) else dict(given)
    copy[path[0]] = _with(given[path[0]], path[1:], value)
    return copy


def _kept(stored: Mapping[str, Any], path: Path) -> object:
    value = _at(stored, path)
    if value is None:
        refuse(".".join(map(str, path)), MASK, "there is no stored one to keep; send the secret itself")
    return value
