"""Generated PromQL syntax trees, of the form that the parser makes."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import strategies as st

from bongsu.model.labels import METRIC_NAME, is_legacy_label
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.promql.parser.ast import (
    Aggregate,
    AggregateOp,
    AtBound,
    Binary,
    BinaryOp,
    Call,
    Cardinality,
    Duration,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationFunction,
    DurationNumber,
    DurationOp,
    DurationParen,
    DurationSign,
    Expr,
    Extent,
    Function,
    MatrixSelector,
    NumberLiteral,
    Paren,
    StringLiteral,
    Subquery,
    Unary,
    UnaryOp,
    ValueType,
    VectorMatching,
    VectorSelector,
)
from bongsu.promql.parser.functions import FUNCTIONS
from bongsu.promql.parser.strings import quote

NAMES = st.one_of(
    st.sampled_from(
        ["a", "up", "http_requests:rate5m", ":x", "sum", "by", "on", "inf", "Bool", "start", "offset"]
    ),
    st.text(min_size=1, max_size=6),
)
LABELS = st.one_of(
    st.sampled_from(["a", "job", "le", "by", "nan", "and", "le.x"]), st.text(min_size=1, max_size=4)
).filter(lambda name: name != METRIC_NAME)
TIMES = st.one_of(st.none(), st.sampled_from(AtBound), st.integers(-(10**12), 10**12))
NUMBERS = st.one_of(st.integers(0, 10**6).map(float), st.floats(min_value=0), st.just(math.nan))


def _literal_durations() -> st.SearchStrategy[DurationNumber]:
    lengths = st.integers(0, 10**9).map(lambda ms: DurationNumber(ms / 1000, is_duration=True))
    return lengths | st.floats(0, 1e6).map(lambda value: DurationNumber(value, is_duration=False))


def _boxed_duration(duration: DurationExpr) -> DurationExpr:
    return duration if isinstance(duration, DurationCall | DurationNumber) else DurationParen(duration)


def _composed(inner: st.SearchStrategy[DurationExpr]) -> st.SearchStrategy[DurationExpr]:
    boxed = inner.map(_boxed_duration)
    signed = boxed.filter(lambda duration: not isinstance(duration, DurationNumber))
    extremes = st.sampled_from([DurationFunction.MIN_OF, DurationFunction.MAX_OF])
    return st.one_of(
        signed,
        st.builds(DurationBinary, st.sampled_from(DurationOp), boxed, boxed),
        st.builds(DurationSign, st.just(UnaryOp.MINUS), signed),
        st.builds(DurationCall, extremes, st.tuples(inner, inner)),
    )


DURATION_EXPRESSIONS: st.SearchStrategy[DurationExpr] = st.recursive(
    st.sampled_from([DurationCall(DurationFunction.STEP), DurationCall(DurationFunction.RANGE)]),
    lambda inner: _composed(inner | _literal_durations()),
    max_leaves=4,
)
RANGES: st.SearchStrategy[Duration] = st.integers(1, 10**10) | DURATION_EXPRESSIONS
OFFSETS: st.SearchStrategy[Duration] = st.one_of(
    st.just(0),
    st.integers(-(10**10), 10**10),
    DURATION_EXPRESSIONS.filter(lambda duration: isinstance(duration, DurationParen | DurationCall)),
)


@st.composite
def matchers(draw: st.DrawFn) -> Matcher:
    """Return a matcher; patterns are valid."""
    op = draw(st.sampled_from(MatchOp))
    is_pattern = op in {MatchOp.REGEX, MatchOp.NOT_REGEX}
    value = draw(st.sampled_from(["", ".*", "a|b", "x.+", "\\d\n"]) if is_pattern else st.text(max_size=6))
    return Matcher(draw(LABELS), op, value)


def _written(matcher: Matcher) -> str:
    """Return how a matcher is printed, which is how the printer sorts them."""
    name = matcher.name if is_legacy_label(matcher.name) else quote(matcher.name)
    return f"{name}{matcher.op.value}{quote(matcher.value)}"


@st.composite
def vector_selectors(draw: st.DrawFn) -> VectorSelector:
    """Return a selector that needs at least one matcher which rejects the empty value, and has it."""
    found = tuple(draw(st.lists(matchers(), max_size=3)))
    if draw(st.booleans()):
        name = draw(NAMES)
        found = (*found, Matcher(METRIC_NAME, MatchOp.EQUAL, name))
    else:
        name = ""
        found = (*found, Matcher("job", MatchOp.NOT_EQUAL, ""))
    found = (*sorted(found[:-1], key=_written), found[-1]) if name else tuple(sorted(found, key=_written))
    extent = draw(st.none() | st.sampled_from(Extent))
    return VectorSelector(name, found, draw(OFFSETS), draw(TIMES), extent)


def string_literals() -> st.SearchStrategy[StringLiteral]:
    """Return strings, some of which hold bytes that are not UTF-8."""
    raw = st.binary(max_size=6).map(lambda data: data.decode(errors="surrogateescape"))
    return (st.text(max_size=8) | raw).map(StringLiteral)


def _matching(op: BinaryOp) -> st.SearchStrategy[VectorMatching]:
    names = st.lists(LABELS, max_size=2, unique=True).map(tuple)
    if op.is_set:
        plain = st.builds(VectorMatching, st.just(Cardinality.MANY_TO_MANY), st.booleans(), names)
        return plain.map(lambda found: found if found.on or found.labels else replace(found, on=False))
    fills = st.none() | NUMBERS | NUMBERS.map(lambda value: value if math.isnan(value) else -value)
    one = st.builds(
        VectorMatching,
        st.just(Cardinality.ONE_TO_ONE),
        st.booleans(),
        names,
        st.just(()),
        fill_left=fills,
        fill_right=fills,
    )
    grouped = st.builds(
        VectorMatching,
        st.sampled_from([Cardinality.MANY_TO_ONE, Cardinality.ONE_TO_MANY]),
        st.booleans(),
        names,
        names,
        fill_left=fills,
        fill_right=fills,
    ).filter(lambda found: not (found.on and set(found.labels) & set(found.include)))
    return one | grouped


@st.composite
def _binaries(draw: st.DrawFn, scalars: st.SearchStrategy[Expr], vectors: st.SearchStrategy[Expr]) -> Expr:
    op = draw(st.sampled_from(BinaryOp))
    sides = [_boxed(draw(vectors)), _boxed(draw(vectors if op.is_set else scalars | vectors))]
    if draw(st.booleans()):
        sides.reverse()
    both = all(side.value_type is ValueType.VECTOR for side in sides)
    neither = all(side.value_type is ValueType.SCALAR for side in sides)
    if neither and op in {BinaryOp.TRIM_LOWER, BinaryOp.TRIM_UPPER}:
        op = BinaryOp.SUB
    return_bool = op.is_comparison and (neither or draw(st.booleans()))
    return Binary(op, sides[0], sides[1], return_bool, draw(_matching(op)) if both else None)


def _boxed(expr: Expr) -> Expr:
    return Paren(expr) if isinstance(expr, Binary | Unary | NumberLiteral) else expr


@st.composite
def _calls(
    draw: st.DrawFn, function: Function, scalars: st.SearchStrategy[Expr], vectors: st.SearchStrategy[Expr]
) -> Expr:
    kinds = list(function.arg_types)
    if function.variadic and draw(st.booleans()):
        kinds.pop()
    elif function.variadic == -1:
        kinds += kinds[-1:] * draw(st.integers(0, 2))
    of_kind = {
        ValueType.SCALAR: scalars,
        ValueType.VECTOR: vectors,
        ValueType.MATRIX: _matrices(vectors),
        ValueType.STRING: string_literals(),
    }
    args = [draw(of_kind[kind]) for kind in kinds]
    if function.name == "info" and len(args) > 1:
        args[1] = VectorSelector("", tuple(sorted(draw(st.lists(matchers(), max_size=2)), key=_written)))
    return Call(function, tuple(args))


def _matrices(vectors: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    unshifted = vector_selectors()
    ranges = st.builds(MatrixSelector, unshifted, RANGES)
    boxed = vectors.map(
        lambda expr: expr if isinstance(expr, Call | Aggregate | VectorSelector) else Paren(expr)
    )
    return ranges | st.builds(Subquery, boxed, RANGES, st.none() | RANGES, OFFSETS, TIMES)


@st.composite
def _aggregates(draw: st.DrawFn, scalars: st.SearchStrategy[Expr], vectors: st.SearchStrategy[Expr]) -> Expr:
    op = draw(st.sampled_from(AggregateOp))
    param: Expr | None = None
    if op.parameter_type is ValueType.STRING:
        param = draw(string_literals())
    elif op.parameter_type is ValueType.SCALAR:
        param = draw(scalars)
    grouping = tuple(draw(st.lists(LABELS, max_size=2)))
    return Aggregate(op, draw(vectors), param, grouping, draw(st.booleans()))


def _scalar_leaves() -> st.SearchStrategy[Expr]:
    durations = st.integers(0, 10**10).map(lambda ms: NumberLiteral(ms / 1000, is_duration=True))
    nullary = [f for f in FUNCTIONS.values() if not f.arg_types]
    return NUMBERS.map(NumberLiteral) | durations | st.sampled_from(nullary).map(Call)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> Expr:
    """Return an expression of any type."""
    kind = draw(st.sampled_from(ValueType))
    match kind:
        case ValueType.STRING:
            return draw(string_literals())
        case ValueType.SCALAR:
            return draw(_of_scalars(depth))
        case ValueType.MATRIX:
            return draw(_matrices(_of_vectors(depth)))
        case _:
            return draw(_of_vectors(depth))


def _of_scalars(depth: int) -> st.SearchStrategy[Expr]:
    if depth == 0:
        return _scalar_leaves()
    inner = st.deferred(lambda: _of_scalars(depth - 1))
    vectors = st.deferred(lambda: _of_vectors(depth - 1))
    return st.one_of(
        _scalar_leaves(),
        inner.map(Paren),
        vectors.map(lambda vector: Call(FUNCTIONS["scalar"], (vector,))),
        st.tuples(inner, inner).map(lambda pair: Binary(BinaryOp.MUL, _boxed(pair[0]), _boxed(pair[1]))),
        st.builds(Unary, st.sampled_from(UnaryOp), inner.map(Paren)),
    )


def _of_vectors(depth: int) -> st.SearchStrategy[Expr]:
    if depth == 0:
        return vector_selectors()
    scalars = st.deferred(lambda: _of_scalars(depth - 1))
    vectors = st.deferred(lambda: _of_vectors(depth - 1))
    functions = [f for f in FUNCTIONS.values() if f.return_type is ValueType.VECTOR]
    return st.one_of(
        vector_selectors(),
        vectors.map(Paren),
        st.builds(Unary, st.sampled_from(UnaryOp), vectors.map(_boxed)),
        _binaries(scalars, vectors),
        _aggregates(scalars, vectors),
        st.sampled_from(functions).flatmap(lambda function: _calls(function, scalars, vectors)),
    )
