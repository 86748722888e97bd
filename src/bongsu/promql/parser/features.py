"""Names of the features of the language that are off unless switched on; they are Prometheus' flag names."""

from __future__ import annotations

EXPERIMENTAL_FUNCTIONS = "promql-experimental-functions"
EXTENDED_RANGE_SELECTORS = "promql-extended-range-selectors"
BINOP_FILL_MODIFIERS = "promql-binop-fill-modifiers"
DELAYED_NAME_REMOVAL = "promql-delayed-name-removal"
USE_START_TIMESTAMPS = "use-start-timestamps"
TYPE_AND_UNIT_LABELS = "type-and-unit-labels"
"""What a metric is, is told by the label ``__type__`` and not guessed from its name; no matter of the grammar."""

ALL_FEATURES = frozenset(
    {
        EXPERIMENTAL_FUNCTIONS,
        EXTENDED_RANGE_SELECTORS,
        BINOP_FILL_MODIFIERS,
        DELAYED_NAME_REMOVAL,
        USE_START_TIMESTAMPS,
    }
)
"""What makes the language larger, or its names last longer."""
