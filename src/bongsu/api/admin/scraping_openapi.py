"""The part of the admin API's OpenAPI document that tells of workspaces and scrape options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.api.openapi import TEXT, Schema, array, record
from bongsu.api.target_test import TRIAL_SCHEMA
from bongsu.control.values import TargetHealth
from bongsu.runtime.relabel import Action
from bongsu.wire.exposition.negotiation import ESCAPING_SCHEMES, PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

_FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0, "description": "0 is none"}
_DURATION: Schema = {"type": "string", "description": "as in 15s or 1m30s, above 0"}
_OPTIONAL: Schema = {"type": ["string", "null"]}
_PROTOCOL: Schema = {"enum": list(PROTOCOLS)}
_SECRET: Schema = {"type": "string", "description": "shown as <secret>; sent back so, it stays as it is"}


def _optional(fields: Mapping[str, Schema]) -> Schema:
    return record({}, fields)


def _map_of(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


_RULE = _optional(
    {
        "action": {"enum": list(Action)},
        "source_labels": array(TEXT),
        "separator": TEXT,
        "target_label": TEXT,
        "regex": {"type": "string", "description": "RE2, anchored at both ends"},
        "modulus": {"type": "integer", "minimum": 0},
        "replacement": TEXT,
    }
)

_TLS = _optional(
    {
        "ca": TEXT,
        "cert": TEXT,
        "key": _SECRET,
        "server_name": TEXT,
        "insecure_skip_verify": _FLAG,
        "min_version": {"enum": ["TLS12", "TLS13"]},
    }
)
_HEADERS = _map_of(_optional({"values": array(TEXT), "secrets": array(_SECRET)}))

OPTIONS: dict[str, Schema] = {
    "scrape_interval": _DURATION,
    "scrape_timeout": _DURATION,
    "scheme": {"enum": ["http", "https"]},
    "params": _map_of(array(TEXT)),
    "labels": _map_of(TEXT),
    "http_headers": _HEADERS,
    "basic_auth": _optional({"username": TEXT, "password": _SECRET}),
    "authorization": _optional({"type": TEXT, "credentials": _SECRET}),
    "oauth2": _optional(
        {
            "client_id": TEXT,
            "client_secret": _SECRET,
            "token_url": TEXT,
            "scopes": array(TEXT),
            "endpoint_params": _map_of(TEXT),
            "tls_config": _TLS,
        }
    ),
    "tls_config": _TLS,
    "proxy_url": {"type": "string", "description": "shown as <secret> where it has a password"},
    "no_proxy": TEXT,
    "proxy_connect_header": _HEADERS,
    "follow_redirects": _FLAG,
    "enable_compression": _FLAG,
    "honor_labels": _FLAG,
    "honor_timestamps": _FLAG,
    "track_timestamps_staleness": _FLAG,
    "scrape_protocols": array(_PROTOCOL),
    "fallback_scrape_protocol": _PROTOCOL,
    "metric_name_escaping_scheme": {"enum": list(ESCAPING_SCHEMES)},
    "scrape_native_histograms": _FLAG,
    "always_scrape_classic_histograms": _FLAG,
    "convert_classic_histograms_to_nhcb": _FLAG,
    "native_histogram_bucket_limit": _COUNT,
    "native_histogram_min_bucket_factor": {"type": "number", "minimum": 0},
    "extra_scrape_metrics": _FLAG,
    "body_size_limit": {
        "type": ["integer", "string"],
        "description": "bytes, or a size such as 10MB; 0 is none",
    },
    "sample_limit": _COUNT,
    "label_limit": _COUNT,
    "label_name_length_limit": _COUNT,
    "label_value_length_limit": _COUNT,
    "target_limit": _COUNT,
    "keep_dropped_targets": _COUNT,
    "relabel_configs": array(_RULE),
    "metric_relabel_configs": array(_RULE),
}
"""The schema of every scrape option."""


def scraping_schemas(region: Schema) -> dict[str, Schema]:
    """Return the schemas of the calls about workspaces."""
    options: Schema = {"$ref": "#/components/schemas/ScrapeOptions"}
    workspace = {
        "jobId": TEXT,
        "jobName": TEXT,
        "region": region,
        "metricsPath": TEXT,
        "description": _OPTIONAL,
        "reservedJobCd": _OPTIONAL,
        "scrape": options,
    }
    target = {
        "targetId": TEXT,
        "hostId": TEXT,
        "hostNm": TEXT,
        "svrIp": TEXT,
        "port": {"type": "integer"},
        "health": {"enum": list(TargetHealth)},
        "reason": _OPTIONAL,
        "scrape": options,
    }
    return {
        "Workspace": record(workspace),
        "WorkspaceTarget": record(target),
        "TargetTrial": TRIAL_SCHEMA,
        "TrialTarget": record({"hostId": TEXT, "port": {"type": "integer", "minimum": 1, "maximum": 65_535}}),
        "ScrapeOptions": _optional(OPTIONS),
        "ScrapeOptionsChange": _optional(
            {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in OPTIONS.items()}
        ),
    }
