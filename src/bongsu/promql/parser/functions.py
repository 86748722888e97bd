"""The functions of PromQL: their arguments, what they return, and the features that some of them need."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bongsu.promql.parser.ast import Function, ValueType
from bongsu.promql.parser.features import EXPERIMENTAL_FUNCTIONS, USE_START_TIMESTAMPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_S, _V, _M, _STR = ValueType.SCALAR, ValueType.VECTOR, ValueType.MATRIX, ValueType.STRING
_EXPERIMENTAL = (EXPERIMENTAL_FUNCTIONS,)

_MAX_QUANTILES = 10
"""Quantiles that one call of ``histogram_quantiles`` may ask for, as in Prometheus."""

_VECTOR_TO_VECTOR = (
    "abs ceil floor exp ln log2 log10 sqrt sgn "
    "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh deg rad "
    "timestamp absent sort sort_desc "
    "histogram_count histogram_sum histogram_avg histogram_stddev histogram_stdvar"
)
_VECTOR_OR_NOW = "minute hour day_of_week day_of_month day_of_year days_in_month month year"
_MATRIX_TO_VECTOR = (
    "rate increase irate resets delta idelta deriv changes "
    "avg_over_time min_over_time max_over_time sum_over_time count_over_time stddev_over_time stdvar_over_time "
    "last_over_time present_over_time absent_over_time first_over_time"
)
_MATRIX_EXPERIMENTAL = (
    "mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_min_over_time ts_of_max_over_time"
)


def _stable() -> Iterator[Function]:
    for name in _VECTOR_TO_VECTOR.split():
        yield Function(name, (_V,), _V)
    for name in _VECTOR_OR_NOW.split():
        yield Function(name, (_V,), _V, variadic=1)
    for name in _MATRIX_TO_VECTOR.split():
        yield Function(name, (_M,), _V)
    yield Function("round", (_V, _S), _V, variadic=1)
    yield Function("clamp", (_V, _S, _S), _V)
    yield Function("clamp_min", (_V, _S), _V)
    yield Function("clamp_max", (_V, _S), _V)
    yield Function("pi", (), _S)
    yield Function("time", (), _S)
    yield Function("predict_linear", (_M, _S), _V)
    yield Function("quantile_over_time", (_S, _M), _V)
    yield Function("scalar", (_V,), _S)
    yield Function("vector", (_S,), _V)
    yield Function("label_replace", (_V, _STR, _STR, _STR, _STR), _V)
    yield Function("label_join", (_V, _STR, _STR, _STR), _V, variadic=-1)
    yield Function("histogram_quantile", (_S, _V), _V)
    yield Function("histogram_fraction", (_S, _S, _V), _V)


def _experimental() -> Iterator[Function]:
    for name in _MATRIX_EXPERIMENTAL.split():
        yield Function(name, (_M,), _V, features=_EXPERIMENTAL)
    for name in ("start", "end", "step", "range"):
        yield Function(name, (), _S, features=_EXPERIMENTAL)
    for name in ("min_of", "max_of"):
        yield Function(name, (_S, _S), _S, features=_EXPERIMENTAL)
    for name in ("sort_by_label", "sort_by_label_desc"):
        yield Function(name, (_V, _STR), _V, variadic=-1, features=_EXPERIMENTAL)
    yield Function("double_exponential_smoothing", (_M, _S, _S), _V, features=_EXPERIMENTAL)
    yield Function(
        "histogram_quantiles", (_V, _STR, _S, _S), _V, variadic=_MAX_QUANTILES - 1, features=_EXPERIMENTAL
    )
    yield Function("info", (_V, _V), _V, variadic=1, features=_EXPERIMENTAL)
    yield Function("start_timestamp", (_V,), _V, features=(EXPERIMENTAL_FUNCTIONS, USE_START_TIMESTAMPS))


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {function.name: function for function in sorted((*_stable(), *_experimental()), key=lambda f: f.name)}
)
"""Every function by its name."""
