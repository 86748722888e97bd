from __future__ import annotations

from bongsu.promql.parser import parse
from bongsu.query.exemplars import selectors_of


def test_every_selector_of_a_query_counts_wherever_it_stands() -> None:
    query = (
        "sum by (x) (rate(a[5m])) / on(x) group_left topk(2, b offset 1h)"
        " + -max_over_time(rate(c[1m])[1h:1m]) > bool scalar(d)"
    )

    assert ["a", "b", "c", "d"] == [selector.name for selector in selectors_of(parse(query))]
    assert [] == list(selectors_of(parse("vector(1) + time()")))
