"""Native histograms in PromQL."""

from __future__ import annotations

from typing import Any

from bongsu.promql.errors import NotImplementedYet


def aggregate_histograms(*args: Any) -> Any:
    """Refuse: native histograms are not built yet."""
    del args
    raise NotImplementedYet("native histograms in this operation")
