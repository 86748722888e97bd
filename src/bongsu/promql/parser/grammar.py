"""
Grammar of expressions, by recursive descent.

Precedence from high: modifiers and brackets; ``^`` (right-associative); signs and ``* / % atan2``; ``+ -``; comparisons and
histogram trims; ``and unless``; ``or``.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from bongsu.model.labels import METRIC_NAME
from bongsu.promql.errors import ParseError
from bongsu.promql.parser.ast import (
    Aggregate,
    AggregateOp,
    At,
    AtBound,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    Expr,
    Extent,
    MatrixSelector,
    NumberLiteral,
    Paren,
    Span,
    StringLiteral,
    Subquery,
    Unary,
    UnaryOp,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from bongsu.promql.parser.checks import check_types, operator_fault
from bongsu.promql.parser.cursor import Cursor
from bongsu.promql.parser.duration_grammar import literal_value, parse_offset, parse_range
from bongsu.promql.parser.features import (
    BINOP_FILL_MODIFIERS,
    EXPERIMENTAL_FUNCTIONS,
    EXTENDED_RANGE_SELECTORS,
)
from bongsu.promql.parser.functions import FUNCTIONS
from bongsu.promql.parser.lexer import Kind, Token
from bongsu.promql.parser.printer import number_text
from bongsu.promql.parser.selector_grammar import name_matcher, parse_labels, parse_matchers
from bongsu.promql.parser.strings import unquote

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from bongsu.model.matchers import Matcher

MAX_HEIGHT = 200
"""Levels of a syntax tree, chains of operators counted too: every pass over the tree recurses, a few frames a level."""

_MAX_TIMESTAMP_S = 2**63 / 1000
"""`@` is int64 milliseconds."""

_PRECEDENCE = {
    BinaryOp.OR: 1,
    BinaryOp.AND: 2, BinaryOp.UNLESS: 2,
    BinaryOp.EQ: 3, BinaryOp.NE: 3, BinaryOp.GT: 3, BinaryOp.LT: 3, BinaryOp.GE: 3, BinaryOp.LE: 3,
    BinaryOp.TRIM_UPPER: 3, BinaryOp.TRIM_LOWER: 3,
    BinaryOp.ADD: 4, BinaryOp.SUB: 4,
    BinaryOp.MUL: 5, BinaryOp.DIV: 5, BinaryOp.MOD: 5, BinaryOp.ATAN2: 5,
    BinaryOp.POW: 6,
}  # fmt: skip
_BY_TEXT = {op.value: (op, precedence) for op, precedence in _PRECEDENCE.items()}
_LOWEST, _POWER = 1, _PRECEDENCE[BinaryOp.POW]

_METRIC_KEYWORDS = frozenset(
    {
        "offset", "anchored", "smoothed", "by", "without", "fill", "fill_left", "fill_right",
        "start", "end", "step", "range", "min_of", "max_of", "and", "or", "unless",
    }
)  # fmt: skip
"""Reserved words that may be metric names without quotes."""

_CALL_KEYWORDS = frozenset({"start", "end", "step", "range", "min_of", "max_of"})
_OPERAND = "an expression"
_GROUPING = {"group_left": Cardinality.MANY_TO_ONE, "group_right": Cardinality.ONE_TO_MANY}


def parse(text: str, *, features: AbstractSet[str] = frozenset()) -> Expr:
    """
    Return the type-checked syntax tree of a PromQL expression.

    Parameters
    ----------
    text
        The query.
    features
        Names of the features that are on (`bongsu.promql.parser.features`).

    Raises
    ------
    ParseError
        If the text is no expression, its types don't fit, or it uses a feature that is off.
    """
    expr = _Grammar(text, features).query()
    check_types(expr, text)
    return expr


def parse_selector(text: str) -> VectorSelector:
    """
    Return the selector that `text` is, as parameters like ``match[]`` give it.

    Raises
    ------
    ParseError
        If the text is anything but a plain vector selector.
    """
    expr = parse(text)
    if not isinstance(expr, VectorSelector) or expr.offset != 0 or expr.at is not None:
        raise ParseError("expected a series selector without modifiers", text=text, span=expr.span)
    return expr


class _Grammar:
    def __init__(self, text: str, features: AbstractSet[str]) -> None:
        self.cursor = Cursor(text)
        self._features = features
        # Height of each node that has operands, by its identity; the nodes are kept so that no identity is reused.
        self._heights: dict[int, tuple[int, Expr]] = {}

    def query(self) -> Expr:
        cursor = self.cursor
        if self._at_end():
            raise cursor.error("no expression found in input", Span())
        expr = self._expression(_LOWEST)
        if not self._at_end():
            raise cursor.unexpected("", "an operator or the end of the query")
        return expr

    def _at_end(self) -> bool:
        return self.cursor.token.kind is Kind.EOF

    # Operators

    def _expression(self, lowest: int) -> Expr:
        expr = self._signed()
        while True:
            op, precedence = self._operator()
            if op is None or precedence < lowest:
                return expr
            token = self.cursor.advance()
            return_bool, matching = self._modifiers(op)
            with self.cursor.nested():
                rhs = self._expression(precedence if op is BinaryOp.POW else precedence + 1)
            fault = operator_fault(
                op, expr, rhs, return_bool=return_bool, matching=matching, place=token.span
            )
            if fault is not None:
                raise self.cursor.error(*fault)
            vectors = expr.value_type is rhs.value_type is ValueType.VECTOR
            span = Span(expr.span.start, self.cursor.end)
            binary = Binary(op, expr, rhs, return_bool, matching if vectors else None, span=span)
            expr = self._grown(binary, expr, rhs)

    def _operator(self) -> tuple[BinaryOp | None, int]:
        token = self.cursor.token
        return _BY_TEXT.get(token.value, (None, 0)) if token.kind is Kind.OPERATOR else (None, 0)

    def _signed(self) -> Expr:
        cursor = self.cursor
        sign = cursor.accept("+", "-")
        if sign is None:
            return self._modified()
        with cursor.nested():
            operand = self._expression(_POWER)
        span = cursor.since(sign.start)
        if isinstance(operand, NumberLiteral):
            value = -operand.value if sign.value == "-" else operand.value
            # One NaN object for all: values that hold it then compare equal.
            return NumberLiteral(math.nan if math.isnan(value) else value, operand.is_duration, span=span)
        return self._grown(Unary(UnaryOp(sign.value), operand, span=span), operand)

    def _modifiers(self, op: BinaryOp) -> tuple[bool, VectorMatching]:
        """Read what stands between an operator and its right operand."""
        cursor = self.cursor
        return_bool = cursor.accept("bool") is not None
        card = Cardinality.MANY_TO_MANY if op.is_set else Cardinality.ONE_TO_ONE
        on = False
        labels: tuple[str, ...] = ()
        include: tuple[str, ...] = ()
        clause = cursor.accept("on", "ignoring")
        if clause is not None:
            on, labels = clause.value == "on", parse_labels(cursor)
            group = cursor.accept(*_GROUPING)
            if group is not None:
                card = _GROUPING[group.value]
                include = parse_labels(cursor) if cursor.at("(") else ()
        left, right = self._fills()
        return return_bool, VectorMatching(card, on, labels, include, left, right)

    def _fills(self) -> tuple[float | None, float | None]:
        cursor = self.cursor
        fills: dict[str, float] = {}
        while cursor.token.value in _FILLS and cursor.following.value == "(":
            token = cursor.advance()
            self._demand(BINOP_FILL_MODIFIERS, f"{token.value} modifier", token.span)
            if token.value in fills or (fills and "fill" in {token.value, *fills}):
                raise cursor.error(
                    f"{token.value} modifier may not be combined with another fill", token.span
                )
            fills[token.value] = self._fill_value()
        both = fills.get("fill")
        return fills.get("fill_left", both), fills.get("fill_right", both)

    def _fill_value(self) -> float:
        cursor = self.cursor
        cursor.expect("(", context="fill modifier")
        sign = cursor.accept("+", "-")
        token = cursor.token
        if token.kind not in {Kind.NUMBER, Kind.DURATION}:
            raise cursor.unexpected("fill modifier", "number")
        value = literal_value(cursor.advance())
        cursor.expect(")", context="fill modifier")
        value = -value if sign is not None and sign.value == "-" else value
        return math.nan if math.isnan(value) else value

    # Modifiers after an operand

    def _modified(self) -> Expr:
        cursor = self.cursor
        expr = self._operand()
        while True:
            if cursor.accept("["):
                expr = self._bracketed(expr)
            elif cursor.accept("offset"):
                expr = self._offset(expr)
            elif cursor.accept("@"):
                expr = self._at(expr)
            elif (extent := cursor.accept("anchored", "smoothed")) is not None:
                expr = self._extent(expr, extent)
            else:
                return expr

    def _bracketed(self, expr: Expr) -> Expr:
        cursor = self.cursor
        bracket = cursor.end - 1
        length = parse_range(cursor)
        if cursor.accept(":"):
            step = None if cursor.at("]") else parse_range(cursor)
            cursor.expect("]", context="subquery selector")
            span = cursor.since(expr.span.start)
            return self._grown(Subquery(expr, length, step, span=span), expr)
        cursor.expect("]", context="subquery or range", expected='":" or "]"')
        fault = None
        if not isinstance(expr, VectorSelector):
            fault = "ranges only allowed for vector selectors"
        elif expr.offset != 0:
            fault = "no offset modifiers allowed before range"
        elif expr.at is not None:
            fault = "no @ modifiers allowed before range"
        if fault is not None or not isinstance(expr, VectorSelector):
            raise cursor.error(fault or "", cursor.since(bracket))
        return MatrixSelector(expr, length, span=cursor.since(expr.span.start))

    def _offset(self, expr: Expr) -> Expr:
        offset = parse_offset(self.cursor)
        subject = self._subject(expr, "offset modifier")
        if subject.offset != 0:
            raise self.cursor.error("offset may not be set multiple times", expr.span)
        return self._rewrapped(expr, dataclasses.replace(subject, offset=offset))

    def _at(self, expr: Expr) -> Expr:
        at = self._timestamp()
        subject = self._subject(expr, "@ modifier")
        if subject.at is not None:
            raise self.cursor.error("@ <timestamp> may not be set multiple times", expr.span)
        return self._rewrapped(expr, dataclasses.replace(subject, at=at))

    def _timestamp(self) -> At:
        cursor = self.cursor
        bound = cursor.accept("start", "end")
        if bound is not None:
            cursor.expect("(", context="@")
            cursor.expect(")", context="@")
            return AtBound(bound.value)
        sign = cursor.accept("+", "-")
        token = cursor.token
        if token.kind not in {Kind.NUMBER, Kind.DURATION}:
            raise cursor.unexpected("@", "timestamp, start() or end()")
        seconds = literal_value(cursor.advance())
        seconds = -seconds if sign is not None and sign.value == "-" else seconds
        if not abs(seconds) < _MAX_TIMESTAMP_S:
            text = f"{seconds:f}" if math.isfinite(seconds) else number_text(seconds)
            raise cursor.error(f"timestamp out of bounds for @ modifier: {text}", token.span)
        # Halves go away from zero, as in Go.
        return math.trunc(seconds * 1000 + math.copysign(0.5, seconds))

    def _extent(self, expr: Expr, word: Token) -> Expr:
        extent = Extent(word.value)
        self._demand(EXTENDED_RANGE_SELECTORS, f"{extent} modifier", word.span)
        if isinstance(expr, Subquery):
            raise self.cursor.error(f"{extent} modifier is not supported for subqueries", word.span)
        subject = self._subject(expr, f"{extent} modifier")
        if not isinstance(subject, VectorSelector):
            raise AssertionError("BUG: only selectors and subqueries take modifiers")  # noqa: TRY004 - ours
        if subject.extent not in {None, extent}:
            raise self.cursor.error("anchored and smoothed modifiers cannot be used together", expr.span)
        return self._rewrapped(expr, dataclasses.replace(subject, extent=extent))

    def _subject(self, expr: Expr, modifier: str) -> VectorSelector | Subquery:
        """Return the node that carries the modifiers of `expr`."""
        if isinstance(expr, MatrixSelector):
            return expr.selector
        if isinstance(expr, VectorSelector | Subquery):
            return expr
        raise self.cursor.error(
            f"{modifier} must be preceded by an instant vector selector or range vector selector or a subquery",
            expr.span,
        )

    def _rewrapped(self, expr: Expr, subject: VectorSelector | Subquery) -> Expr:
        span = self.cursor.since(expr.span.start)
        if isinstance(expr, MatrixSelector) and isinstance(subject, VectorSelector):
            return dataclasses.replace(expr, selector=subject, span=span)
        if isinstance(subject, Subquery):
            return self._grown(dataclasses.replace(subject, span=span), subject.expr)
        return dataclasses.replace(subject, span=span)

    # Operands

    def _operand(self) -> Expr:
        cursor, token = self.cursor, self.cursor.token
        match token.kind:
            case Kind.NUMBER | Kind.DURATION:
                cursor.advance()
                value = literal_value(token)
                return NumberLiteral(
                    math.nan if math.isnan(value) else value, token.kind is Kind.DURATION, span=token.span
                )
            case Kind.STRING:
                cursor.advance()
                return StringLiteral(unquote(token.text), span=token.span)
            case Kind.AGGREGATOR if cursor.following.value in {"(", "by", "without"}:
                return self._aggregate()
            case Kind.IDENTIFIER if cursor.following.value == "(":
                return self._call()
            case Kind.KEYWORD if cursor.following.value == "(" and token.value in _CALL_KEYWORDS:
                return self._call()
            case Kind.IDENTIFIER | Kind.METRIC_IDENTIFIER | Kind.AGGREGATOR:
                return self._selector()
            case Kind.KEYWORD | Kind.OPERATOR if token.value in _METRIC_KEYWORDS:
                return self._selector()
        if cursor.at("{"):
            return self._selector()
        if cursor.accept("("):
            return self._parenthesized(token)
        raise cursor.unexpected("", _OPERAND)

    def _parenthesized(self, opening: Token) -> Expr:
        with self.cursor.nested():
            inner = self._expression(_LOWEST)
        self.cursor.expect(")", expected='an operator or ")"')
        return self._grown(Paren(inner, span=self.cursor.since(opening.start)), inner)

    def _selector(self) -> VectorSelector:
        cursor = self.cursor
        start = cursor.token.start
        name = outside = "" if cursor.at("{") else cursor.advance().text
        matchers: tuple[Matcher, ...] = ()
        if cursor.at("{"):
            name, matchers = parse_matchers(cursor, name)
        span = cursor.since(start)
        if not name:
            return VectorSelector("", matchers, span=span)
        second = next((matcher.value for matcher in matchers if matcher.name == METRIC_NAME), None)
        if second is not None and not outside:
            return VectorSelector("", (*matchers, name_matcher(name)), span=span)
        if second is not None:
            raise cursor.error(f'metric name must not be set twice: "{name}" or "{second}"', span)
        return VectorSelector(name, (*matchers, name_matcher(name)), span=span)

    def _arguments(self) -> tuple[Expr, ...]:
        cursor = self.cursor
        cursor.expect("(", context="call arguments")
        args: list[Expr] = []
        with cursor.nested():
            while not cursor.at(")"):
                args.append(self._expression(_LOWEST))
                comma = cursor.accept(",")
                if comma is None and not cursor.at(")"):
                    raise cursor.unexpected("call arguments", 'an operator, "," or ")"')
                if comma is not None and cursor.at(")"):
                    raise cursor.error("trailing commas not allowed in function call args", comma.span)
        cursor.expect(")")
        return tuple(args)

    def _call(self) -> Call:
        cursor = self.cursor
        name = cursor.advance()
        function = FUNCTIONS.get(name.text)
        if function is None:
            raise cursor.error(f'unknown function with name "{name.text}"', name.span)
        for feature in function.features:
            self._demand(feature, f'function "{function.name}"', name.span)
        args = self._arguments()
        call = Call(function, args, span=cursor.since(name.start))
        self._grown(call, *args)
        return call

    def _aggregate(self) -> Aggregate:
        cursor = self.cursor
        name = cursor.advance()
        op = AggregateOp(name.value)
        if op.is_experimental:
            self._demand(EXPERIMENTAL_FUNCTIONS, f"{op}()", name.span)
        clause = cursor.accept("by", "without")
        grouping = parse_labels(cursor) if clause is not None else ()
        if not cursor.at("("):
            raise cursor.unexpected("aggregation", '"("')
        args = self._arguments()
        if clause is None and (clause := cursor.accept("by", "without")) is not None:
            grouping = parse_labels(cursor)
        span = cursor.since(name.start)
        fault = _argument_fault(op, len(args))
        if fault is not None:
            raise cursor.error(fault, span)
        param = args[0] if len(args) > 1 else None
        without = clause is not None and clause.value == "without"
        aggregate = Aggregate(op, args[-1], param, grouping, without, span=span)
        self._grown(aggregate, *args)
        return aggregate

    # Limits and switches

    def _grown(self, expr: Expr, *operands: Expr) -> Expr:
        """Return `expr`, one level higher than the highest of its operands."""
        height = 1 + max((self._heights.get(id(operand), (0, operand))[0] for operand in operands), default=0)
        if height > MAX_HEIGHT:
            raise self.cursor.error(
                f"expression is too long: at most {MAX_HEIGHT} operators may depend on one another", expr.span
            )
        self._heights[id(expr)] = (height, expr)
        return expr

    def _demand(self, feature: str, what: str, span: Span) -> None:
        if feature not in self._features:
            raise self.cursor.error(_feature_fault(feature, what), span)


_FILLS = frozenset({"fill", "fill_left", "fill_right"})


def _feature_fault(feature: str, what: str) -> str:
    return f"{what} is experimental and must be enabled with --enable-feature={feature}"


def _argument_fault(op: AggregateOp, given: int) -> str | None:
    wanted = 1 if op.parameter_type is None else 2
    if given == 0:
        return "no arguments for aggregate expression provided"
    if given != wanted:
        return f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"
    return None
