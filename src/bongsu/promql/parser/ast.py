"""
The syntax tree of a PromQL expression.

Nodes are values: equality and hash look at what an expression means and not at where it stands, so `span` takes no part
in them. Durations are integer milliseconds, or a `DurationExpr` until `bongsu.promql.parser.durations` has resolved it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from bongsu.model.matchers import Matcher


class ValueType(enum.StrEnum):
    """What an expression evaluates to; the texts are those of the HTTP API."""

    SCALAR = "scalar"
    VECTOR = "vector"
    MATRIX = "matrix"
    STRING = "string"


class BinaryOp(enum.StrEnum):
    """Operators with two operands; the text is the operator as written."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    POW = "^"
    ATAN2 = "atan2"
    EQ = "=="
    NE = "!="
    GT = ">"
    LT = "<"
    GE = ">="
    LE = "<="
    AND = "and"
    OR = "or"
    UNLESS = "unless"
    TRIM_UPPER = "</"
    TRIM_LOWER = ">/"

    @property
    def is_comparison(self) -> bool:
        """Whether it compares; the histogram trims only share the comparisons' precedence."""
        return self in _COMPARISONS

    @property
    def is_set(self) -> bool:
        """Whether it combines sets of series, looking at labels only."""
        return self in _SET_OPERATORS


_COMPARISONS = frozenset({BinaryOp.EQ, BinaryOp.NE, BinaryOp.GT, BinaryOp.LT, BinaryOp.GE, BinaryOp.LE})
_SET_OPERATORS = frozenset({BinaryOp.AND, BinaryOp.OR, BinaryOp.UNLESS})


class UnaryOp(enum.StrEnum):
    """Signs."""

    PLUS = "+"
    MINUS = "-"


class AggregateOp(enum.StrEnum):
    """Aggregation operators; the text is the operator as written."""

    SUM = "sum"
    AVG = "avg"
    COUNT = "count"
    MIN = "min"
    MAX = "max"
    GROUP = "group"
    STDDEV = "stddev"
    STDVAR = "stdvar"
    TOPK = "topk"
    BOTTOMK = "bottomk"
    COUNT_VALUES = "count_values"
    QUANTILE = "quantile"
    LIMITK = "limitk"
    LIMIT_RATIO = "limit_ratio"

    @property
    def parameter_type(self) -> ValueType | None:
        """Type of the parameter that comes before the vector, None for operators without one."""
        if self is AggregateOp.COUNT_VALUES:
            return ValueType.STRING
        return ValueType.SCALAR if self in _SCALAR_PARAMETER else None

    @property
    def is_experimental(self) -> bool:
        """Whether it needs the feature ``promql-experimental-functions``."""
        return self in {AggregateOp.LIMITK, AggregateOp.LIMIT_RATIO}


_SCALAR_PARAMETER = frozenset(
    {
        AggregateOp.TOPK,
        AggregateOp.BOTTOMK,
        AggregateOp.QUANTILE,
        AggregateOp.LIMITK,
        AggregateOp.LIMIT_RATIO,
    }
)


class Cardinality(enum.StrEnum):
    """How many series of each side may meet in one match."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


class Extent(enum.StrEnum):
    """How the edges of a range are filled: from the sample before, or by interpolation with the one after."""

    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


class AtBound(enum.StrEnum):
    """``@ start()`` and ``@ end()``: the first and the last evaluation time of the query."""

    START = "start"
    END = "end"


At: TypeAlias = int | AtBound
"""Unix milliseconds, or an end of the query's own range."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Character offsets of a piece of the query; `end` is exclusive."""

    start: int = 0
    end: int = 0

    def position(self, text: str) -> tuple[int, int]:
        """Return line and column of the start in `text`, both from 1; columns count characters."""
        before = text[: self.start]
        return before.count("\n") + 1, self.start - before.rfind("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What all nodes have: the place that they were read from."""

    span: Span = field(default=Span(), compare=False, repr=False)


# Expressions of durations


class DurationOp(enum.StrEnum):
    """Operators of duration expressions."""

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    MOD = "%"
    POW = "^"


class DurationFunction(enum.StrEnum):
    """Functions of duration expressions; the first two take no arguments, the others two."""

    STEP = "step"
    RANGE = "range"
    MIN_OF = "min_of"
    MAX_OF = "max_of"


@dataclass(frozen=True, slots=True)
class DurationNumber(Node):
    """A literal, in seconds; `is_duration` tells ``1m`` from ``60``."""

    seconds: float
    is_duration: bool = True


@dataclass(frozen=True, slots=True)
class DurationSign(Node):
    """A duration expression after a minus; the parser drops a plus, and puts the minus of a literal into it."""

    op: UnaryOp
    expr: DurationExpr


@dataclass(frozen=True, slots=True)
class DurationBinary(Node):
    """Arithmetic on two duration expressions, in seconds."""

    op: DurationOp
    lhs: DurationExpr
    rhs: DurationExpr


@dataclass(frozen=True, slots=True)
class DurationCall(Node):
    """``step()``, ``range()``, ``min_of(a, b)`` or ``max_of(a, b)``."""

    function: DurationFunction
    args: tuple[DurationExpr, ...] = ()


@dataclass(frozen=True, slots=True)
class DurationParen(Node):
    """A duration expression in parentheses; a literal loses them."""

    expr: DurationExpr


DurationExpr: TypeAlias = DurationNumber | DurationSign | DurationBinary | DurationCall | DurationParen
"""A duration that is known only when the query's step and range are."""

Duration: TypeAlias = int | DurationExpr
"""Milliseconds, or an expression still to be resolved."""


# Expressions


@dataclass(frozen=True, slots=True)
class NumberLiteral(Node):
    """A number; `is_duration` when it was written as a duration, which is its length in seconds."""

    value: float
    is_duration: bool = False

    @property
    def value_type(self) -> ValueType:
        """Scalar."""
        return ValueType.SCALAR


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    """A string, its escapes resolved."""

    value: str

    @property
    def value_type(self) -> ValueType:
        """String."""
        return ValueType.STRING


@dataclass(frozen=True, slots=True)
class Paren(Node):
    """An expression in parentheses."""

    expr: Expr

    @property
    def value_type(self) -> ValueType:
        """That of the expression inside."""
        return self.expr.value_type


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """A signed expression."""

    op: UnaryOp
    expr: Expr

    @property
    def value_type(self) -> ValueType:
        """That of the operand."""
        return self.expr.value_type


@dataclass(frozen=True, slots=True)
class VectorSelector(Node):
    """
    The newest sample of each matching series, within the lookback.

    Attributes
    ----------
    name
        The metric name when it was written before or in the braces as a bare name, else empty.
    matchers
        All matchers in the order written, the one of `name` on ``__name__`` last.
    """

    name: str
    matchers: tuple[Matcher, ...]
    offset: Duration = 0
    at: At | None = None
    extent: Extent | None = None

    @property
    def value_type(self) -> ValueType:
        """Instant vector."""
        return ValueType.VECTOR


@dataclass(frozen=True, slots=True)
class MatrixSelector(Node):
    """All samples of each matching series in a range; offset, `@` and extent are the selector's."""

    selector: VectorSelector
    range: Duration

    @property
    def value_type(self) -> ValueType:
        """Range vector."""
        return ValueType.MATRIX


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """An expression evaluated at every `step` over a range; no step means the server's default interval."""

    expr: Expr
    range: Duration
    step: Duration | None = None
    offset: Duration = 0
    at: At | None = None

    @property
    def value_type(self) -> ValueType:
        """Range vector."""
        return ValueType.MATRIX


@dataclass(frozen=True, slots=True)
class VectorMatching:
    """
    How the series of two vectors find each other.

    Attributes
    ----------
    on
        Whether `labels` are those that must agree; otherwise those that are ignored.
    include
        Labels copied from the "one" side by ``group_left`` or ``group_right``.
    fill_left, fill_right
        Value that stands in for a missing series of that side; None drops the element.
    """

    card: Cardinality = Cardinality.ONE_TO_ONE
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """
    An operator between two expressions.

    Attributes
    ----------
    matching
        None unless both sides are vectors; then always given.
    """

    op: BinaryOp
    lhs: Expr
    rhs: Expr
    return_bool: bool = False
    matching: VectorMatching | None = None

    @property
    def value_type(self) -> ValueType:
        """Scalar when both operands are, else instant vector."""
        both = (self.lhs.value_type, self.rhs.value_type)
        return ValueType.SCALAR if both == (ValueType.SCALAR, ValueType.SCALAR) else ValueType.VECTOR


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """An aggregation over the series of a vector; ``grouping`` is of ``by``, or of ``without``."""

    op: AggregateOp
    expr: Expr
    param: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False

    @property
    def value_type(self) -> ValueType:
        """Instant vector."""
        return ValueType.VECTOR


@dataclass(frozen=True, slots=True)
class Function:
    """
    What a function takes and gives.

    Attributes
    ----------
    arg_types
        Types of the arguments; the last one repeats when the function is variadic.
    variadic
        0: exactly the arguments of `arg_types`. n > 0: the last may be left out or occur up to n times.
        -1: the last may be left out or occur any number of times.
    features
        Features that all must be on for it.
    """

    name: str
    arg_types: tuple[ValueType, ...]
    return_type: ValueType
    variadic: int = 0
    features: tuple[str, ...] = ()

    @property
    def experimental(self) -> bool:
        """Whether it is off unless a feature is switched on."""
        return bool(self.features)


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function applied to arguments; left-out optional arguments are not in `args`."""

    function: Function
    args: tuple[Expr, ...] = ()

    @property
    def value_type(self) -> ValueType:
        """What the function returns."""
        return self.function.return_type


Expr: TypeAlias = (
    NumberLiteral
    | StringLiteral
    | Paren
    | Unary
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Binary
    | Aggregate
    | Call
)
"""Any expression."""
