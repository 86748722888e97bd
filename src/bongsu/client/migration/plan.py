"""
From a ``prometheus.yml`` to workspaces with their targets and scrape options, and a list of what has no place here.

Files that the configuration names, of secrets, certificates and targets, are read once, now; nothing is followed afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bongsu.client.migration.discovery import DISCOVERIES, TargetGroup, discover
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OPTIONS = (
    "scrape_interval",
    "scrape_timeout",
    "scheme",
    "params",
    "http_headers",
    "basic_auth",
    "authorization",
    "oauth2",
    "tls_config",
    "proxy_url",
    "no_proxy",
    "proxy_connect_header",
    "follow_redirects",
    "enable_compression",
    "honor_labels",
    "honor_timestamps",
    "track_timestamps_staleness",
    "scrape_protocols",
    "fallback_scrape_protocol",
    "metric_name_escaping_scheme",
    "scrape_native_histograms",
    "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "extra_scrape_metrics",
    "body_size_limit",
    "sample_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "target_limit",
    "keep_dropped_targets",
    "relabel_configs",
    "metric_relabel_configs",
)
"""Fields of a ``scrape_config`` that are scrape options of a workspace, under the same names."""

_OF_GLOBAL = frozenset(OPTIONS) - {"scheme", "params", "relabel_configs", "metric_relabel_configs"}
_LATER = {
    "rule_files": "rules are not evaluated yet; keep the files for later",
    "scrape_config_files": "merge these files into one configuration and import that",
    "alerting": "there is no alerting yet",
    "remote_write": "this server stores samples itself",
    "remote_read": "this server stores samples itself; bongsu import prometheus brings old ones in",
    "storage": "limits and retention are set per project",
    "tracing": "the server traces nothing of its own",
    "otlp": "there are no such settings here",
    "runtime": "there are no such settings here",
}
_FILES = {
    ("basic_auth", "password_file"): "password",
    ("basic_auth", "username_file"): "username",
    ("authorization", "credentials_file"): "credentials",
    ("oauth2", "client_secret_file"): "client_secret",
    ("tls_config", "ca_file"): "ca",
    ("tls_config", "cert_file"): "cert",
    ("tls_config", "key_file"): "key",
}
"""Options that name a file, and those that hold its content."""

_MAX_NAME = 100
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")
_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^:/\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """One address to scrape, with labels of its own."""

    host: str
    port: int
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class PlannedJob:
    """
    One workspace.

    Attributes
    ----------
    source
        The ``job_name`` that it came from; `name` is what a workspace may be called.
    """

    source: str
    name: str
    metrics_path: str
    options: dict[str, Any] = field(default_factory=dict)
    targets: list[PlannedTarget] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """
    All workspaces, and what could not be carried over.

    Attributes
    ----------
    rule_files
        Files with rules that the configuration names and that exist.
    notes
        One sentence each, beginning with the place in the configuration.
    """

    jobs: list[PlannedJob] = field(default_factory=list)
    rule_files: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, place: str, sentence: str) -> None:
        """Keep what could not be carried over."""
        self.notes.append(f"{place}: {sentence}")


def read_plan(file: Path) -> Plan:
    """
    Return what a configuration asks for.

    Raises
    ------
    InvalidInput
        If the file cannot be read, is no YAML, or no configuration.
    """
    document = _load(file)
    plan = Plan()
    given = document.get("global") or {}
    for name in sorted(given.keys() - _OF_GLOBAL):
        plan.note(f"global.{name}", _global_note(name))
    for name, sentence in _LATER.items():
        if document.get(name):
            plan.note(name, sentence)
    for name in sorted(document.keys() - _LATER.keys() - {"global", "scrape_configs"}):
        plan.note(name, "this field is not known here")
    plan.rule_files = [
        path
        for pattern in document.get("rule_files") or ()
        for path in sorted(file.parent.glob(str(pattern)))
    ]
    defaults = {name: value for name, value in given.items() if name in _OF_GLOBAL}
    names: set[str] = set()
    for config in document.get("scrape_configs") or ():
        _plan_job(plan, config, defaults, file.parent, names)
    return plan


def _load(file: Path) -> dict[str, Any]:
    import yaml  # slow to load, and needed here only

    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {file}: {error}", id="cannot-read-source") from error
    except yaml.YAMLError as error:
        raise InvalidInput(f"{file} is not YAML: {error}", id="bad-prometheus-config") from error
    if not isinstance(document, dict) or not isinstance(document.get("scrape_configs") or [], list):
        raise InvalidInput(
            f"{file} is no configuration of Prometheus: it has no list 'scrape_configs'",
            id="bad-prometheus-config",
        )
    return document


def _global_note(name: str) -> str:
    if name == "external_labels":
        return "labels for all series are given per workspace, with the scrape option 'labels'"
    return "there is no such setting here"


def _plan_job(plan: Plan, config: object, defaults: Mapping[str, Any], folder: Path, names: set[str]) -> None:
    if not isinstance(config, dict) or not isinstance(config.get("job_name"), str):
        plan.note("scrape_configs", "an entry has no job_name and was left out")
        return
    source = config["job_name"]
    place = f"scrape_configs[{source}]"
    job = PlannedJob(source, _workspace_name(source, names), str(config.get("metrics_path", "/metrics")))
    if job.name != source:
        plan.note(f"{place}.job_name", f"the workspace, and so the label job, is called {job.name!r}")
    options = {**defaults, **{name: config[name] for name in OPTIONS if name in config}}
    _inline_old_auth(config, options)
    job.options = {
        name: _with_files(plan, f"{place}.{name}", name, value, folder) for name, value in options.items()
    }
    known = {*OPTIONS, "job_name", "metrics_path", "bearer_token", "bearer_token_file", *DISCOVERIES}
    for name in sorted(config.keys() - known):
        plan.note(
            f"{place}.{name}",
            "its targets are not discovered here; register them with the admin or workspace API"
            if name.endswith("_sd_configs")
            else "there is no such option",
        )
    _note_lost_labels(plan, place, job.options)
    for group in discover(config, folder, lambda at, sentence: plan.note(f"{place}.{at}", sentence)):
        job.targets += _targets(plan, place, group, str(job.options.get("scheme", "http")))
    plan.jobs.append(job)


def _workspace_name(source: str, names: set[str]) -> str:
    """Return a name of letters, digits, '-' and '_' that no other job has."""
    name = _UNFIT.sub("-", source).strip("-")[:_MAX_NAME] or "job"
    number = 1
    while name in names:
        number += 1
        name = f"{name[: _MAX_NAME - 5]}-{number}"
    names.add(name)
    return name


def _inline_old_auth(config: Mapping[str, Any], options: dict[str, Any]) -> None:
    """Take the fields that ``authorization`` has replaced."""
    if "bearer_token" in config:
        options["authorization"] = {"credentials": config["bearer_token"]}
    elif "bearer_token_file" in config:
        options["authorization"] = {"credentials_file": config["bearer_token_file"]}


def _with_files(plan: Plan, place: str, name: str, value: Any, folder: Path) -> Any:
    """Return an option with the content of the files that it names."""
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    if name == "oauth2" and "tls_config" in filled:
        filled["tls_config"] = _with_files(
            plan, f"{place}.tls_config", "tls_config", filled["tls_config"], folder
        )
    for (option, from_file), to in _FILES.items():
        if option != name or from_file not in filled:
            continue
        path = folder / str(filled.pop(from_file))
        try:
            filled[to] = path.read_text().rstrip("\n") if option != "tls_config" else path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            plan.note(f"{place}.{from_file}", f"cannot be read: {error}")
    return filled


def _note_lost_labels(plan: Plan, place: str, options: Mapping[str, Any]) -> None:
    """Tell of rules that use labels which only Prometheus' discoveries give."""
    rules = options.get("relabel_configs") or []
    used = {
        label
        for rule in rules
        if isinstance(rule, dict)
        for label in rule.get("source_labels") or ()
        if isinstance(label, str) and label.startswith("__meta_")
    }
    for label in sorted(used):
        plan.note(
            f"{place}.relabel_configs",
            f"the label {label} is not there: targets are registered, not discovered",
        )


def _targets(plan: Plan, place: str, group: TargetGroup, scheme: str) -> Iterator[PlannedTarget]:
    for address in group.targets:
        match = _ADDRESS.fullmatch(address)
        if match is None:
            plan.note(f"{place}.{group.place}", f"{address!r} is no HOST:PORT and was left out")
            continue
        port = int(match["port"]) if match["port"] else _PORTS.get(scheme, 80)
        yield PlannedTarget(match["six"] or match["host"], port, group.labels)
