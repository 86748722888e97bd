"""Type checking: what an expression may be made of, in Prometheus' words."""

from __future__ import annotations

from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.errors import ParseError
from bongsu.promql.parser.ast import (
    Aggregate,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    Expr,
    MatrixSelector,
    Paren,
    Span,
    Subquery,
    Unary,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from bongsu.runtime.regex import full_matcher

_DOCUMENTED = {ValueType.VECTOR: "instant vector", ValueType.MATRIX: "range vector"}
_TRIMS = frozenset({BinaryOp.TRIM_LOWER, BinaryOp.TRIM_UPPER})
_OPERAND_TYPES = frozenset({ValueType.SCALAR, ValueType.VECTOR})


def check_types(expr: Expr, text: str) -> None:
    """
    Raise ParseError for the first part of `expr` whose type doesn't fit.

    Operators are checked while they are read, by `operator_fault`.
    """
    _Checker(text).check(expr)


def operator_fault(
    op: BinaryOp, lhs: Expr, rhs: Expr, *, return_bool: bool, matching: VectorMatching, place: Span
) -> tuple[str, Span] | None:
    """
    Return what is wrong with an operator between these operands, and where, or None.

    Parameters
    ----------
    place
        Where the operator itself stands.
    """
    types = (lhs.value_type, rhs.value_type)
    odd = next((side for side in (lhs, rhs) if side.value_type not in _OPERAND_TYPES), None)
    both = set(matching.labels) & set(matching.include) if matching.on else set()
    if return_bool and not op.is_comparison:
        return "bool modifier can only be used on comparison operators", place
    if odd is not None:
        return "binary expression must contain only scalar and instant vector types", odd.span
    if types == (ValueType.SCALAR, ValueType.SCALAR) and op.is_comparison and not return_bool:
        return "comparisons between scalars must use BOOL modifier", place
    if types == (ValueType.SCALAR, ValueType.SCALAR) and op in _TRIMS:
        return f'operator "{op}" not allowed for Scalar operations', place
    if both:
        return f'label "{min(both)}" must not occur in ON and GROUP clause at once', place
    fault = _matching_fault(op, types, matching)
    return None if fault is None else (fault, Span(lhs.span.start, rhs.span.end))


def _matching_fault(op: BinaryOp, types: tuple[ValueType, ValueType], matching: VectorMatching) -> str | None:
    fills = matching.fill_left is not None or matching.fill_right is not None
    if ValueType.SCALAR in types:
        if op.is_set:
            return f'set operator "{op}" not allowed in binary scalar expression'
        if matching.labels:
            return "vector matching only allowed between instant vectors"
        return "filling in missing series only allowed between instant vectors" if fills else None
    if op.is_set and matching.card in {Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY}:
        return f'no grouping allowed for "{op}" operation'
    return "filling in missing series not allowed for set operators" if op.is_set and fills else None


class _Checker:
    def __init__(self, text: str) -> None:
        self._text = text

    def check(self, expr: Expr) -> None:
        match expr:
            case Paren():
                self.check(expr.expr)
            case Unary():
                self._unary(expr)
            case VectorSelector():
                self._selector(expr)
            case MatrixSelector():
                self._selector(expr.selector)
            case Subquery():
                self._subquery(expr)
            case Binary():
                self.check(expr.lhs)
                self.check(expr.rhs)
            case Aggregate():
                self._aggregate(expr)
            case Call():
                self._call(expr)
            case _:
                pass

    def _fault(self, detail: str, span: Span) -> ParseError:
        return ParseError(detail, text=self._text, span=span)

    def _expect(self, expr: Expr, wanted: ValueType, context: str) -> None:
        self.check(expr)
        found = expr.value_type
        if found is not wanted:
            raise self._fault(
                f"expected type {_DOCUMENTED.get(wanted, wanted)} in {context}, got {_DOCUMENTED.get(found, found)}",
                expr.span,
            )

    def _unary(self, unary: Unary) -> None:
        self.check(unary.expr)
        if unary.value_type not in _OPERAND_TYPES:
            raise self._fault(
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f'got "{_DOCUMENTED.get(unary.value_type, unary.value_type)}"',
                unary.span,
            )

    def _subquery(self, subquery: Subquery) -> None:
        self.check(subquery.expr)
        found = subquery.expr.value_type
        if found is not ValueType.VECTOR:
            raise self._fault(
                f"subquery is only allowed on instant vector, got {found} instead", subquery.span
            )

    def _aggregate(self, aggregate: Aggregate) -> None:
        self._expect(aggregate.expr, ValueType.VECTOR, "aggregation expression")
        wanted = aggregate.op.parameter_type
        if aggregate.param is not None and wanted is not None:
            self._expect(aggregate.param, wanted, "aggregation parameter")

    def _call(self, call: Call) -> None:
        self._count(call)
        context = f'call to function "{call.function.name}"'
        types = call.function.arg_types
        for position, arg in enumerate(call.args):
            if call.function.name == "info" and position == 1:
                self._label_selectors(arg, context)
            else:
                self._expect(arg, types[min(position, len(types) - 1)], context)

    def _count(self, call: Call) -> None:
        function, given = call.function, len(call.args)
        wanted = len(function.arg_types)
        fault = None
        if function.variadic == 0:
            fault = f"{wanted}" if given != wanted else None
        elif given < wanted - 1:
            fault = f"at least {wanted - 1}"
        elif 0 < function.variadic < given - wanted + 1:
            fault = f"at most {wanted - 1 + function.variadic}"
        if fault is not None:
            raise self._fault(
                f'expected {fault} argument(s) in call to "{function.name}", got {given}', call.span
            )

    def _label_selectors(self, arg: Expr, context: str) -> None:
        """Check the second argument of ``info``: matchers only, which may all match the empty value."""
        if not isinstance(arg, VectorSelector):
            raise self._fault(
                f"expected label selectors in {context}, got {_DOCUMENTED.get(arg.value_type, arg.value_type)} instead",
                arg.span,
            )
        if arg.name:
            raise self._fault("expected label selectors only, got vector selector instead", arg.span)

    def _selector(self, selector: VectorSelector) -> None:
        if not any(map(_rejects_empty, selector.matchers)):
            raise self._fault("vector selector must contain at least one non-empty matcher", selector.span)


def _rejects_empty(matcher: Matcher) -> bool:
    match matcher.op:
        case MatchOp.EQUAL:
            return matcher.value != ""
        case MatchOp.NOT_EQUAL:
            return matcher.value == ""
        case MatchOp.REGEX:
            return not full_matcher(matcher.value)("")
        case MatchOp.NOT_REGEX:
            return full_matcher(matcher.value)("")
