"""JSON schemas of what the API takes and gives, for its OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]  # a JSON object of any depth

TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
NUMBER: Json = {"type": "number"}
_BOOLEAN: Json = {"type": "boolean"}


def list_of(item: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": item}


def map_of(value: Json) -> Json:
    """Return the schema of an object with any names."""
    return {"type": "object", "additionalProperties": value}


def fields(_optional: Mapping[str, Json] | None = None, /, **required: Json) -> Json:
    """Return the schema of an object that has the given fields."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(_optional or {})},
    }


def _pair(*items: Json) -> Json:
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


TEXTS = list_of(TEXT)
LABELS = map_of(TEXT)

_POINT = _pair(NUMBER, TEXT)
_HISTOGRAM = fields({"buckets": list_of(_pair(COUNT, TEXT, TEXT, TEXT))}, count=TEXT, sum=TEXT)
_HISTOGRAM_POINT = _pair(NUMBER, _HISTOGRAM)
_VECTOR_ROW = fields({"value": _POINT, "histogram": _HISTOGRAM_POINT}, metric=LABELS)
_MATRIX_ROW = fields({"values": list_of(_POINT), "histograms": list_of(_HISTOGRAM_POINT)}, metric=LABELS)
_STATS = fields({"plan": {"type": "object"}}, timings=map_of(NUMBER), samples=map_of(COUNT))


def _result(kind: str, result: Json) -> Json:
    return fields({"stats": _STATS}, resultType={"const": kind}, result=result)


QUERY_DATA: Json = {
    "oneOf": [
        _result("vector", list_of(_VECTOR_ROW)),
        _result("matrix", list_of(_MATRIX_ROW)),
        _result("scalar", _POINT),
        _result("string", _POINT),
    ]
}
EXEMPLARS = list_of(
    fields(seriesLabels=LABELS, exemplars=list_of(fields(labels=LABELS, value=TEXT, timestamp=NUMBER)))
)
_METADATA_ENTRY = {"type": TEXT, "help": TEXT, "unit": TEXT}
METADATA = map_of(list_of(fields(**_METADATA_ENTRY)))
TARGET_METADATA = list_of(fields(target=LABELS, metric=TEXT, **_METADATA_ENTRY))
TARGETS = fields(
    activeTargets=list_of(
        fields(
            discoveredLabels=LABELS,
            labels=LABELS,
            scrapePool=TEXT,
            scrapeUrl=TEXT,
            globalUrl=TEXT,
            lastError=TEXT,
            lastScrape=TEXT,
            lastScrapeDuration=NUMBER,
            health={"enum": ["up", "down", "unknown"]},
            scrapeInterval=TEXT,
            scrapeTimeout=TEXT,
        )
    ),
    droppedTargets=list_of(fields(discoveredLabels=LABELS, scrapePool=TEXT)),
    droppedTargetCounts=map_of(COUNT),
)
FAMILY = fields(
    name=TEXT,
    help=TEXT,
    type={"enum": ["COUNTER", "GAUGE", "HISTOGRAM", "SUMMARY", "UNTYPED"]},
    metric=list_of({"type": "object"}),
)
RELABEL_STEPS = fields(
    steps=list_of(fields(rule={"type": "object"}, output=LABELS, keep={"type": "boolean"}))
)
RUNTIME = fields(
    startTime=TEXT,
    CWD=TEXT,
    hostname=TEXT,
    serverTime=TEXT,
    reloadConfigSuccess=_BOOLEAN,
    lastConfigTime=TEXT,
    timeSeriesCount=COUNT,
    corruptionCount=COUNT,
    goroutineCount=COUNT,
    GOMAXPROCS=COUNT,
    GOMEMLIMIT=COUNT,
    GOGC=TEXT,
    GODEBUG=TEXT,
    storageRetention=TEXT,
)
_TOP = list_of(fields(name=TEXT, value=COUNT))
TSDB = fields(
    headStats=fields(
        numSeries=COUNT,
        numLabelPairs=COUNT,
        chunkCount=COUNT,
        minTime={"type": "integer"},
        maxTime={"type": "integer"},
    ),
    seriesCountByMetricName=_TOP,
    labelValueCountByLabelName=_TOP,
    memoryInBytesByLabelName=_TOP,
    seriesCountByLabelValuePair=_TOP,
)
_INTEGER: Json = {"type": "integer"}
BLOCKS = fields(
    blocks=list_of(
        fields(
            ulid=TEXT,
            minTime=_INTEGER,
            maxTime=_INTEGER,
            stats=fields(numSamples=COUNT, numSeries=COUNT, numChunks=COUNT),
            compaction=fields(level=COUNT, sources=TEXTS),
            version=COUNT,
        )
    )
)
NOTIFICATIONS = list_of(fields(text=TEXT, date=TEXT, active=_BOOLEAN))
REPLAY = fields(min=COUNT, max=COUNT, current=COUNT, state=TEXT)
SEARCH_LINE: Json = {
    "oneOf": [
        fields(results=list_of(fields({"score": NUMBER, **_METADATA_ENTRY}, name=TEXT))),
        fields({"warnings": TEXTS}, status=TEXT, has_more=_BOOLEAN),
    ],
    "description": "Each line is one of these; the last one has the status.",
}
ERROR = fields(status={"const": "error"}, errorType=TEXT, error=TEXT)


def envelope(data: Json) -> Json:
    """Return the schema of a good answer around its data."""
    return fields({"warnings": TEXTS, "infos": TEXTS}, status={"const": "success"}, data=data)


_TIME: Json = {"type": ["string", "number"], "examples": ["1435781451.781", "2015-07-01T20:10:51.781Z"]}
_DURATION: Json = {"type": ["string", "number"], "examples": ["15s", "0.5"]}
_LIMIT: Json = {"type": ["integer", "string"], "minimum": 0}


def _words(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}


_TRUTH = _words("true", "false", "1", "0")

EXPORT_LINE: Json = {
    "type": "object",
    "properties": {
        "metric": map_of(TEXT),
        "values": list_of({}),
        "timestamps": list_of({"type": "integer"}),
        "nan_bits": list_of(list_of({})),
        "starts": list_of({"type": "integer"}),
        "histograms": list_of({"type": "object"}),
    },
    "required": ["metric", "values", "timestamps"],
}

PARAMETERS: Mapping[str, tuple[Json, str]] = {
    "query": (TEXT, "A PromQL expression."),
    "time": (_TIME, "The moment of evaluation; now when left out."),
    "start": (_TIME, "First time, included."),
    "end": (_TIME, "Last time, included."),
    "step": (_DURATION, "Time between two points; at most 11,000 points."),
    "timeout": (_DURATION, "Time that the query may take, waiting included; the server's own limit holds in any case."),
    "lookback_delta": (_DURATION, "How far a selector looks back."),
    "limit": (_LIMIT, "Most entries or series; 0 means all."),
    "nocache": (_TRUTH, "Evaluate everything anew, and use no earlier answer."),
    "run": (_TRUTH, "Evaluate the expression, and tell what each step of its plan cost."),
    "limit_per_metric": (_LIMIT, "Most entries of one metric; 0 means all."),
    "stats": (TEXT, "Ask for statistics with `true` or `all`."),
    "match[]": (list_of(TEXT), "Selectors; a series needs to match one of them."),
    "metric": (TEXT, "Only this metric."),
    "state": (_words("active", "dropped", "any"), "Which targets."),
    "scrapePool": (TEXT, "Name of a workspace."),
    "metric_name_pattern": (TEXT, "A regular expression that the whole name of a metric fits."),
    "labels": (TEXT, "A JSON object of label names and values."),
    "match_target": (TEXT, "A selector on the labels of targets."),
    "type": (_words("alert", "record"), "Only rules of this kind."),
    "exclude_alerts": (_TRUTH, "Leave out the alerts of alerting rules."),
    "group_limit": (_LIMIT, "Most groups in one answer."),
    "skip_head": (_TRUTH, "Leave out the newest samples."),
    "openapi_version": (_words("3.1", "3.2"), "Version of OpenAPI that the document follows."),
    "label": (TEXT, "The label whose values are searched."),
    "search[]": (list_of(TEXT), "Texts, at most 32; an entry needs to fit one of them."),
    "fuzz_threshold": (_LIMIT, "Least score, 0 to 100, of an entry that contains no text; 0: it must contain one."),
    "fuzz_alg": (_words("subsequence", "jarowinkler"), "How texts are compared."),
    "case_sensitive": (_TRUTH, "Whether case matters; it does unless switched off."),
    "sort_by": (_words("alpha", "score"), "By text, or best first."),
    "sort_dir": (_words("asc", "dsc"), "Direction, by text only."),
    "include_score": (_TRUTH, "Add the score of each entry."),
    "include_metadata": (_TRUTH, "Add type, help and unit of each metric."),
    "batch_size": (_LIMIT, "Entries in one line."),
    "format": (_words("json", "openmetrics", "prometheus"), "JSON lines, or exposition text with timestamps."),
    "max_rows_per_line": (_LIMIT, "Samples of one line of JSON at most; at least 1."),
}  # fmt: skip
"""Schema and meaning of each parameter; in all calls a name means the same."""
