"""The syntax tree of an expression with the text of each node, so that a page can ask for each of them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bongsu.api.respond import json_response
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput
from bongsu.promql.errors import ParseError
from bongsu.promql.parser import parse, to_text
from bongsu.promql.parser.ast import Aggregate, Binary, Call, MatrixSelector, Paren, Subquery, Unary
from bongsu.promql.plan.tree import children, walk

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bongsu.api.access import AccessControl
    from bongsu.promql.parser.ast import Expr
    from bongsu.promql.plan.nodes import PlanExpr

_MAX_CHARACTERS = 20_000
_MAX_NODES = 200
"""What a page can draw, and what it may ask for one by one."""


class ConsoleTree:
    """
    The handler.

    Parameters
    ----------
    features
        What is switched on in the language.
    """

    def __init__(self, access: AccessControl, features: frozenset[str]) -> None:
        self._access = access
        self._features = features

    async def show(self, request: Request) -> Response:
        """Answer ``{"text", "kind", "label", "ranged", "children"}`` of ``?query=``."""
        await self._access.require(request, Scope.READ)
        text = request.query_params.get("query", "")
        if len(text) > _MAX_CHARACTERS:
            raise InvalidInput(
                f"the expression has {len(text)} characters, {_MAX_CHARACTERS} are allowed; ask for a part of it",
                id="bad-query",
            )
        try:
            tree = parse(text, features=self._features)
        except ParseError as error:
            raise InvalidInput(error.message, id="bad-query") from error
        if sum(1 for _ in walk(tree)) > _MAX_NODES:
            raise InvalidInput(
                f"the expression has more than {_MAX_NODES} steps; ask for a part of it", id="bad-query"
            )
        return json_response(_node(tree), headers={"Cache-Control": "no-store"})


def _node(expr: PlanExpr) -> dict[str, Any]:
    if isinstance(expr, Paren):
        return _node(expr.expr)
    return {
        "text": _text(expr),
        "kind": type(expr).__name__,
        "label": _label(expr),
        "ranged": isinstance(expr, MatrixSelector | Subquery),
        "children": [_node(child) for child in children(expr)],
    }


def _label(expr: PlanExpr) -> str:
    if isinstance(expr, Aggregate):
        word = "without" if expr.without else "by"
        return f"{expr.op.value} {word} ({', '.join(expr.grouping)})" if expr.grouping else expr.op.value
    if isinstance(expr, Call):
        return f"{expr.function.name}()"
    if isinstance(expr, Binary | Unary):
        return expr.op.value
    if isinstance(expr, Subquery):
        return "subquery"
    return _text(expr)


def _text(expr: PlanExpr) -> str:
    # A tree that was only parsed holds none of the nodes that plans add.
    return to_text(cast("Expr", expr))
