"""Names of the features of the language that are off unless switched on; they are Prometheus' flag names."""

from __future__ import annotations

EXPERIMENTAL_FUNCTIONS = "promql-experimental-functions"
EXTENDED_RANGE_SELECTORS = "promql-extended-range-selectors"
BINOP_FILL_MODIFIERS = "promql-binop-fill-modifiers"
DELAYED_NAME_REMOVAL = "promql-delayed-name-removal"
USE_START_TIMESTAMPS = "use-start-timestamps"

ALL_FEATURES = frozenset(
    {
        EXPERIMENTAL_FUNCTIONS,
        EXTENDED_RANGE_SELECTORS,
        BINOP_FILL_MODIFIERS,
        DELAYED_NAME_REMOVAL,
        USE_START_TIMESTAMPS,
    }
)
