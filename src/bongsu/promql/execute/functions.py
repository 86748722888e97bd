"""Functions whose arguments are values: scalars, instant vectors and strings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.promql.errors import NotImplementedYet
from bongsu.promql.execute import elementwise
from bongsu.promql.execute.histogram_functions import (
    apply_reading,
    fractions,
    many_quantiles,
    quantiles,
)
from bongsu.promql.execute.label_functions import label_join, label_replace
from bongsu.promql.execute.presence import absent, to_scalar, to_vector
from bongsu.promql.execute.shape import any_present, drop_names
from bongsu.promql.execute.sorting import sort_by_label, sort_by_value
from bongsu.promql.histograms.readings import PLAIN
from bongsu.promql.parser.ast import Call, Paren
from bongsu.promql.plan.nodes import place
from bongsu.promql.values import Scalar, String, Vector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bongsu.promql.execute.context import Context
    from bongsu.promql.values import Value


def call_function(call: Call, args: Sequence[Value], context: Context) -> Value:
    """Return the value of a function."""
    name = call.function.name
    if name in elementwise.MATH:
        return elementwise.apply_math(name, _vector(args[0]), context)
    if name in elementwise.DATES:
        times = _vector(args[0]) if args else to_vector(_time(context))
        return elementwise.apply_date(name, times, context)
    if name in PLAIN:
        return apply_reading(name, _vector(args[0]), context)
    implementation = _FUNCTIONS.get(name)
    if implementation is None:
        raise NotImplementedYet(f"the function {name}()")
    return implementation(call, args, context)


def _vector(value: Value) -> Vector:
    assert isinstance(value, Vector)
    return value


def _scalar(value: Value) -> Scalar:
    assert isinstance(value, Scalar)
    return value


def _texts(values: Sequence[Value]) -> list[str]:
    return [value.text for value in values if isinstance(value, String)]


def _time(context: Context) -> Scalar:
    return Scalar(context.grid.times() / 1000.0)


def _constant(number: float, context: Context) -> Scalar:
    return Scalar(np.full(context.grid.count, number))


def _round(call: Call, args: Sequence[Value], context: Context) -> Value:
    del call
    return elementwise.round_to(_vector(args[0]), _scalar(args[1]) if len(args) > 1 else None, context)


def _clamp(call: Call, args: Sequence[Value], context: Context) -> Value:
    vector, first = _vector(args[0]), _scalar(args[1])
    if call.function.name == "clamp":
        return elementwise.clamp(vector, first, _scalar(args[2]), context)
    if call.function.name == "clamp_min":
        return elementwise.clamp(vector, first, None, context)
    return elementwise.clamp(vector, None, first, context)


def _absent(call: Call, args: Sequence[Value], context: Context) -> Value:
    del context
    argument = call.args[0]
    while isinstance(argument, Paren):
        argument = argument.expr
    return absent(argument, any_present(_vector(args[0])))


def _timestamp(call: Call, args: Sequence[Value], context: Context) -> Value:
    """The evaluation time; that of a sample is asked of a selector alone, see the evaluator."""
    del call
    vector = _vector(args[0])
    values = np.broadcast_to(context.grid.times() / 1000.0, vector.values.shape)
    kinds = None if vector.kinds is None else np.minimum(vector.kinds, 1)
    return drop_names(Vector(vector.labels, values, kinds), context)


def _sort(call: Call, args: Sequence[Value], context: Context) -> Value:
    descending = call.function.name == "sort_desc"
    return sort_by_value(_vector(args[0]), context, place(call.args[0]), descending=descending)


def _sort_by_label(call: Call, args: Sequence[Value], context: Context) -> Value:
    descending = call.function.name == "sort_by_label_desc"
    return sort_by_label(
        _vector(args[0]), _texts(args[1:]), context, place(call.args[0]), descending=descending
    )


def _label_replace(call: Call, args: Sequence[Value], context: Context) -> Value:
    del call, context
    return label_replace(_vector(args[0]), *_texts(args[1:]))


def _label_join(call: Call, args: Sequence[Value], context: Context) -> Value:
    del call, context
    target, separator, *sources = _texts(args[1:])
    return label_join(_vector(args[0]), target, separator, sources)


def _histogram_quantile(call: Call, args: Sequence[Value], context: Context) -> Value:
    places = (place(call.args[0]), place(call.args[1]))
    return quantiles(_scalar(args[0]).values, _vector(args[1]), context, places)


def _histogram_quantiles(call: Call, args: Sequence[Value], context: Context) -> Value:
    phis = [_scalar(value).values for value in args[2:]]
    places = ([place(argument) for argument in call.args[2:]], place(call.args[0]))
    return many_quantiles(_texts(args[1:2])[0], phis, _vector(args[0]), context, places)


def _histogram_fraction(call: Call, args: Sequence[Value], context: Context) -> Value:
    lower, upper = _scalar(args[0]).values, _scalar(args[1]).values
    places = (place(call.args[0]), place(call.args[2]))
    return fractions(lower, upper, _vector(args[2]), context, places)


def _extreme_of(call: Call, args: Sequence[Value], context: Context) -> Value:
    del context
    choose = elementwise.smaller if call.function.name == "min_of" else elementwise.larger
    return Scalar(choose(_scalar(args[0]).values, _scalar(args[1]).values))


_FUNCTIONS: Mapping[str, Callable[[Call, Sequence[Value], Context], Value]] = {
    "absent": _absent,
    "clamp": _clamp,
    "clamp_max": _clamp,
    "clamp_min": _clamp,
    "end": lambda _, __, context: _constant(context.query.end_ms / 1000.0, context),
    "histogram_fraction": _histogram_fraction,
    "histogram_quantile": _histogram_quantile,
    "histogram_quantiles": _histogram_quantiles,
    "label_join": _label_join,
    "label_replace": _label_replace,
    "max_of": _extreme_of,
    "min_of": _extreme_of,
    "pi": lambda _, __, context: _constant(np.pi, context),
    "range": lambda _, __, context: _constant(
        (context.query.end_ms - context.query.grid.start) / 1000.0, context
    ),
    "round": _round,
    "scalar": lambda _, args, __: to_scalar(_vector(args[0])),
    "sort": _sort,
    "sort_by_label": _sort_by_label,
    "sort_by_label_desc": _sort_by_label,
    "sort_desc": _sort,
    "start": lambda _, __, context: _constant(context.query.grid.start / 1000.0, context),
    "step": lambda _, __, context: _constant(
        0.0 if context.query.instant else context.query.grid.interval / 1000.0, context
    ),
    "time": lambda _, __, context: _time(context),
    "timestamp": _timestamp,
    "vector": lambda _, args, __: to_vector(_scalar(args[0])),
}
