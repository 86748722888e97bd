"""What ``/features`` tells: by category, what this server has and whether it is switched on, under Prometheus' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.promql.parser.ast import AggregateOp, BinaryOp
from bongsu.promql.parser.features import (
    ALL_FEATURES,
    BINOP_FILL_MODIFIERS,
    DELAYED_NAME_REMOVAL,
    EXPERIMENTAL_FUNCTIONS,
    EXTENDED_RANGE_SELECTORS,
    TYPE_AND_UNIT_LABELS,
    USE_START_TIMESTAMPS,
)
from bongsu.promql.parser.functions import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

_API = (
    "admin",
    "exclude_alerts",
    "label_values_match",
    "lifecycle",
    "otlp_write_receiver",
    "query_stats",
    "remote_write_receiver",
    "time_range_labels",
    "time_range_series",
)
_API_MISSING = frozenset({"lifecycle"})


def feature_table(
    enabled: frozenset[str], *, missing_functions: frozenset[str] = frozenset()
) -> dict[str, Mapping[str, bool]]:
    """
    Return category, feature, and whether it is on.

    Parameters
    ----------
    enabled
        Names of the features that are switched on.
    missing_functions
        Functions of the language that the engine refuses.
    """
    functions = {
        name: name not in missing_functions and set(function.features) <= enabled
        for name, function in FUNCTIONS.items()
    }
    operators: dict[str, bool] = {op.value: True for op in BinaryOp}
    operators |= {op.value: not op.is_experimental or EXPERIMENTAL_FUNCTIONS in enabled for op in AggregateOp}
    operators |= {"fill": BINOP_FILL_MODIFIERS in enabled}
    return {
        "api": {name: name not in _API_MISSING for name in _API},
        "otlp_receiver": {"http": True},
        "prometheus": {name: name in enabled for name in sorted({*ALL_FEATURES, TYPE_AND_UNIT_LABELS})},
        "promql": {
            "anchored": EXTENDED_RANGE_SELECTORS in enabled,
            "at_modifier": True,
            "bool": True,
            "by": True,
            "delayed_name_removal": DELAYED_NAME_REMOVAL in enabled,
            "duration_expr": True,
            "group_left": True,
            "group_right": True,
            "ignoring": True,
            "negative_offset": True,
            "offset": True,
            "on": True,
            "per_query_lookback_delta": True,
            "smoothed": EXTENDED_RANGE_SELECTORS in enabled,
            "start_timestamps": USE_START_TIMESTAMPS in enabled,
            "subqueries": True,
            "without": True,
        },
        "promql_functions": dict(sorted(functions.items())),
        "promql_operators": dict(sorted(operators.items())),
        "rules": {},
        "scrape": {},
        "tsdb": {"delete_series": True, "exemplars": True, "out_of_order": True},
    }
