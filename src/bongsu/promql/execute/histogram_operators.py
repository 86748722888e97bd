"""Native histograms in PromQL."""

from __future__ import annotations

from typing import Any

from bongsu.promql.errors import NotImplementedYet


def combine_cells(*args: Any) -> Any:
    """Refuse: native histograms are not built yet."""
    del args
    raise NotImplementedYet("native histograms in this operation")


def negated(histograms: Any) -> Any:
    """Return histograms with their sign changed; None when there are none."""
    if histograms is None:
        return None
    raise NotImplementedYet("negation of native histograms")
