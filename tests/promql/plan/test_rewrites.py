from __future__ import annotations

from bongsu.promql.parser import parse, resolve_durations
from bongsu.promql.parser.ast import Binary, NumberLiteral
from bongsu.promql.plan import explain, make_plan
from bongsu.promql.plan.nodes import Once, PlanExpr, Shared
from bongsu.promql.plan.tree import walk


def plan(text: str, n_steps: int = 10) -> PlanExpr:
    expr = resolve_durations(parse(text, features=frozenset()), step_ms=1_000, range_ms=9_000)
    return make_plan(expr, n_steps=n_steps)


def marked(tree: PlanExpr, kind: type[Once | Shared]) -> list[PlanExpr]:
    return [node.expr for node in walk(tree) if isinstance(node, kind)]


def test_arithmetic_on_numbers_is_folded_with_the_operators_own_rules() -> None:
    folded = plan("up * (-(2 ^ 3 ^ 2) % 100 + (1 > bool 0))")
    assert isinstance(folded, Binary)
    assert NumberLiteral(-11.0) == folded.rhs


def test_the_largest_expression_that_never_changes_is_evaluated_once() -> None:
    tree = plan("sum(rate(a[5m] @ 100)) / b")
    assert [plan("sum(rate(a[5m] @ 100))", 1)] == marked(tree, Once)


def test_what_asks_for_the_time_is_evaluated_at_every_step() -> None:
    for text in ("predict_linear(a[5m] @ 100, 60)", "time() + a @ 100", "timestamp(a @ 100)", "hour()"):
        assert not any(isinstance(node, Once) for node in [plan(text)]), text


def test_a_single_step_needs_no_marks() -> None:
    assert [] == marked(plan("a @ 5", 1), Once)


def test_repeated_expressions_are_shared_by_the_largest() -> None:
    tree = plan("abs(a + b) / (1 + abs(a + b))")
    assert [plan("abs(a + b)")] * 2 == marked(tree, Shared)


def test_what_an_aggregation_streams_is_not_shared() -> None:
    assert [] == marked(plan("sum(rate(a[5m])) / count(rate(a[5m]))"), Shared)
    assert [plan("sum(rate(a[5m]))")] * 2 == marked(plan("sum(rate(a[5m])) + sum(rate(a[5m]))"), Shared)


def test_explain_shows_what_flows_and_what_is_shared() -> None:
    assert (
        "combine /\n"
        "  aggregate sum by (job): block by block, memory for the groups\n"
        "    call rate()\n"
        "      window a[5m]\n"
        "  aggregate topk: of the whole vector\n"
        "    constant 3\n"
        "    select b"
    ) == "\n".join(explain(plan("sum by (job) (rate(a[5m])) / topk(3, b)")).lines())


def test_every_step_can_be_asked_for_alone() -> None:
    steps = [explain(plan("abs(a + b @ 5) / (2 * abs(a + b @ 5))"))]
    for step in steps:
        steps += step.below
        parse(step.text, features=frozenset())

    assert {"abs(a + b @ 5.000)", "b @ 5.000", "2"} <= {step.text for step in steps}
