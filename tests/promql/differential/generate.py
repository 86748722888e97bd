"""
Generated scripts: data with gaps, resets, stale markers and odd numbers, and queries over the whole language.

The same seed gives the same script. There are no expectations in it: two engines are compared on it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_S = 15
STEPS = 44

_OVER_TIME = [
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "last_over_time",
    "present_over_time",
    "mad_over_time",
    "absent_over_time",
    "ts_of_min_over_time",
    "ts_of_max_over_time",
    "ts_of_last_over_time",
]
_COUNTER = ["rate", "increase", "irate", "resets"]
_GAUGE = ["delta", "idelta", "deriv", "changes"]
_MATH = [
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "deg",
    "rad",
    "timestamp",
    "sort_desc",
    "sort",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "days_in_month",
    "month",
    "year",
    "day_of_year",
]
_AGGREGATIONS = ["sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"]
_GROUPINGS = (
    "",
    "by (job)",
    "by (job, zone)",
    "without (zone)",
    "by (le)",
    "without (le, job)",
    "by (__name__)",
    "by ()",
)
_HISTOGRAM = ["histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"]


class ScriptGenerator:
    """
    Writes one script.

    Parameters
    ----------
    seed
        Of everything that is random.
    histograms
        Native histograms are among the data.
    """

    def __init__(self, seed: int, *, histograms: bool = False) -> None:
        self._random = random.Random(seed)
        self._histograms = histograms
        self._is_instant = False

    def script(self, queries: int) -> str:
        """Return a load command and so many evaluations."""
        lines = [f"load {STEP_S}s", *(f"  {line}" for line in self._series()), ""]
        for _ in range(queries):
            lines += [self._evaluation(), ""]
        return "\n".join(lines)

    def _pick(self, *choices: str) -> str:
        return self._random.choice(choices)

    # Data

    def _series(self) -> list[str]:
        lines = []
        for job in ("a", "b"):
            for zone in ("x", "y", "z"):
                labels = f'job="{job}", zone="{zone}"'
                lines.append(f"c_total{{{labels}}} {self._cells(self._counter())}")
                lines.append(f"g{{{labels}}} {self._cells(self._gauge())}")
        lines.append(f'only{{job="a"}} {self._cells(self._gauge())}')
        lines.append(f"param {' '.join(str(self._random.randrange(4)) for _ in range(STEPS))}")
        for job in ("a", "b"):
            lines += self._classic(job)
            if self._histograms:
                lines.append(f'h{{job="{job}"}} {self._native(exponential=True)}')
                lines.append(f'nhcb{{job="{job}"}} {self._native(exponential=False)}')
                lines.append(f'mixed{{job="{job}"}} {self._mixed()}')
                lines.append(f'level{{job="{job}"}} {self._native(exponential=True, gauge=True)}')
                lines.append(f'turn{{job="{job}"}} {self._native(exponential=True, turns=True)}')
        return lines

    def _cells(self, values: list[float]) -> str:
        """Write values, some of them replaced by gaps and stale markers."""
        cells = [f"{value!r}" for value in values]
        for _ in range(self._random.randrange(3)):
            start = self._random.randrange(STEPS)
            for i in range(start, min(STEPS, start + self._random.randrange(1, 12))):
                cells[i] = "_"
            if self._random.random() < 0.5:
                cells[start] = "stale"
        return " ".join(cells).replace("nan", "NaN").replace("inf", "Inf")

    def _counter(self) -> list[float]:
        value, found = float(self._random.randrange(100)), []
        step = self._random.choice([1, 7, 0.3, 1e6])
        for _ in range(STEPS):
            value = 0.0 if self._random.random() < 0.05 else value + step * self._random.randrange(5)
            found.append(value)
        return found

    def _gauge(self) -> list[float]:
        odd = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e300, -1e-300]
        scale = self._random.choice([1.0, 1e-3, 1e9])
        found = [round(self._random.gauss(0, 10), 3) * scale for _ in range(STEPS)]
        for _ in range(self._random.choice([0, 0, 1, 3])):
            found[self._random.randrange(STEPS)] = self._random.choice(odd)
        return found

    def _classic(self, job: str) -> list[str]:
        bounds = ["-1", "0", "0.5", "1", "2.5", "+Inf"]
        rows: list[list[float]] = []
        totals = [0.0] * len(bounds)
        for _ in range(STEPS):
            if self._random.random() < 0.03:
                totals = [0.0] * len(bounds)
            counts = [self._random.randrange(3) for _ in bounds]
            for i in range(len(bounds)):
                totals[i] += sum(counts[: i + 1])
            rows.append(list(totals))
        return [
            f'b_bucket{{job="{job}", le="{le}"}} {" ".join(repr(row[i]) for row in rows)}'
            for i, le in enumerate(bounds)
        ]

    def _native(self, *, exponential: bool, gauge: bool = False, turns: bool = False) -> str:
        """Write histograms that count far above zero: Prometheus 3.5 extrapolates them to below it."""
        schemas = [0, 1, 3, -1, 8] if exponential else [-53]
        schema, width = self._random.choice(schemas), 0.001
        totals = [300] * 4
        cells = []
        for _ in range(STEPS):
            if self._random.random() < 0.05:
                totals = [300] * 4
            if turns and self._random.random() < 0.1:
                schema, width = self._random.choice(schemas), self._random.choice([0.001, 0.02, 0.1])
            change = self._random.randrange(-3, 4) if gauge else self._random.randrange(3)
            totals = [total + change + self._random.randrange(3) for total in totals]
            cell = self._histogram(schema, totals, width, gauge=gauge)
            cells.append(cell if self._random.random() > 0.1 else "_")
        if self._random.random() < 0.3:
            cells[self._random.randrange(STEPS)] = "stale"
        return " ".join(cells)

    def _histogram(self, schema: int, totals: list[int], width: float, *, gauge: bool) -> str:
        hint = " counter_reset_hint:gauge" if gauge else ""
        listed = " ".join(map(str, totals[:3]))
        if schema == -53:
            return f"{{{{schema:-53 count:{sum(totals[:3])} sum:{sum(totals) / 2} custom_values:[1 5] buckets:[{listed}]}}}}"
        return (
            f"{{{{schema:{schema} count:{sum(totals) + totals[0]} sum:{sum(totals) / 2} z_bucket:{totals[3]} z_bucket_w:{width} "
            f"buckets:[{listed}] n_buckets:[{totals[0]}] offset:{self._random.choice([-1, -1, 2])}{hint}}}}}"
        )

    def _mixed(self) -> str:
        native = self._native(exponential=True).split("}} ")
        return " ".join(
            f"{cell.removesuffix('}}')}}}}}"
            if "{{" in cell and self._random.random() < 0.8
            else str(self._random.randrange(9))
            for cell in native
        )

    # Queries

    def _evaluation(self) -> str:
        self._is_instant = self._random.random() < 0.4
        query = (
            self._vector(self._random.randrange(1, 4)) if self._random.random() < 0.93 else self._scalar(2)
        )
        if self._is_instant:
            return f"eval instant at {self._random.randrange(0, 900)}s {query}"
        start, length = self._random.randrange(0, 400), self._random.randrange(0, 500)
        step = self._random.choice([7, 15, 30, 60, 100])
        return f"eval range from {start}s to {start + length}s step {step}s {query}"

    def _duration(self) -> str:
        """Write a positive duration, now and then as an expression."""
        if self._random.random() < 0.1:
            return self._pick("1m + 15s", "30s * 2", "2 ^ 6", "2m - 45s", "90s % 1m", "(75s)", "1m / 2 + 1")
        return self._length()

    def _length(self) -> str:
        return f"{self._random.choice([1, 14, 15, 16, 30, 31, 45, 60, 75, 120, 200, 400])}s"

    def _modifiers(self) -> str:
        text = ""
        if self._random.random() < 0.15:
            text += f" offset {self._pick('', '-')}{self._length()}"
        if self._random.random() < 0.1:
            text += " @ " + self._pick(
                "start()", "end()", str(self._random.randrange(600)), f"{self._random.randrange(600)}.5"
            )
        return text

    def _selector(self) -> str:
        name = self._pick("c_total", "c_total", "g", "g", "only", "b_bucket", "param")
        if self._histograms and self._random.random() < 0.7:
            name = self._pick("h", "h", "nhcb", "mixed", "level", "turn")
        matcher = self._pick("", "", '{job="a"}', '{job!="a"}', '{zone=~"x|y"}', '{zone!~"x.*"}', '{zone=""}')
        if self._random.random() < 0.04:
            return '{__name__=~"c_total|g", job="a"}'
        return name + matcher

    def _range(self, depth: int) -> str:
        if depth > 0 and self._random.random() < 0.2:
            resolution = self._pick("", "10s", "15s", "25s")
            return f"({self._vector(depth - 1)})[{self._duration()}:{resolution}]{self._modifiers()}"
        return f"{self._selector()}[{self._duration()}]{self._modifiers()}"

    def _scalar(self, depth: int) -> str:
        choices: list[Callable[[], str]] = [
            lambda: self._pick(
                "0",
                "1",
                "2",
                "-1",
                "0.5",
                "0.9",
                "1.5",
                "NaN",
                "Inf",
                "-Inf",
                "3e5",
                "0x1F",
                "1m30s",
                "1_000",
            ),
            lambda: "time()",
            lambda: "scalar(param)",
            lambda: "pi()",
        ]
        if depth > 0:
            choices += [
                lambda: f"scalar({self._vector(depth - 1)})",
                lambda: (
                    f"({self._scalar(depth - 1)} {self._pick('+', '-', '*', '/', '%', '^', 'atan2', '== bool')} {self._scalar(0)})"
                ),
                lambda: f"-{self._scalar(0)}",
            ]
        return self._random.choice(choices)()

    def _vector(self, depth: int) -> str:
        if depth <= 0:
            return self._selector() + self._modifiers()
        makers: list[Callable[[int], str]] = [
            self._counter_call, self._counter_call, self._over_time, self._over_time, self._function, self._aggregation,
            self._aggregation, self._binary, self._binary, self._with_scalar, self._odd,
        ]  # fmt: skip
        if self._histograms:
            makers += [self._histogram_call, self._histogram_call]
        return self._random.choice(makers)(depth)

    def _counter_call(self, depth: int) -> str:
        return f"{self._pick(*_COUNTER, *_GAUGE)}({self._range(depth - 1)})"

    def _over_time(self, depth: int) -> str:
        if self._random.random() < 0.15:
            return f"quantile_over_time({self._scalar(0)}, {self._range(depth - 1)})"
        if self._random.random() < 0.1:
            return f"predict_linear({self._range(depth - 1)}, {self._pick('0', '60', '-30')})"
        if self._random.random() < 0.1:
            return f"double_exponential_smoothing({self._range(depth - 1)}, 0.3, 0.7)"
        return f"{self._pick(*_OVER_TIME)}({self._range(depth - 1)})"

    def _function(self, depth: int) -> str:
        inner = self._vector(depth - 1)
        special: list[Callable[[], str]] = [
            lambda: f"round({inner}, {self._scalar(0)})",
            lambda: f"clamp({inner}, {self._scalar(0)}, {self._scalar(0)})",
            lambda: f"clamp_min({inner}, {self._scalar(1)})",
            lambda: f"clamp_max({inner}, {self._scalar(1)})",
            lambda: f"absent({inner})",
            lambda: f"vector({self._scalar(1)})",
            lambda: (
                f'label_replace({inner}, "{self._pick("new", "job", "zone")}", "$1-v", "{self._pick("job", "zone", "none")}", "(.*)")'
            ),
            lambda: f'label_join({inner}, "joined", "-", "job", "zone")',
            lambda: (
                f"histogram_quantile({self._scalar(0)}, {self._pick('b_bucket', 'rate(b_bucket[1m])', inner)})"
            ),
            lambda: (
                f"histogram_fraction({self._scalar(0)}, {self._scalar(0)}, {self._pick('b_bucket', inner)})"
            ),
        ]
        if self._random.random() < 0.5:
            return self._random.choice(special)()
        return f"{self._pick(*_MATH)}({inner})"

    def _aggregation(self, depth: int) -> str:
        inner, grouping = self._vector(depth - 1), self._pick(*_GROUPINGS)
        if self._random.random() < 0.06:
            return f"limit_ratio {grouping} ({self._pick('0.5', '-0.3', '1', '-1', '0', '2')}, {inner})"
        if self._random.random() < 0.3:
            # Which of equal values topk keeps in a range query is chance in Prometheus: it goes through a map.
            call = self._pick("quantile", "count_values", *(["topk", "bottomk"] if self._is_instant else []))
            # Prometheus 3.5 takes a changing parameter of a pinned vector to be pinned too.
            changing = ["scalar(param)"] if "@" not in inner else []
            param = '"v"' if call == "count_values" else self._pick("1", "2", "0.5", "0", *changing)
            return f"{call} {grouping} ({param}, {inner})"
        return f"{self._pick(*_AGGREGATIONS)} {grouping} ({inner})"

    def _binary(self, depth: int) -> str:
        left, right = self._vector(depth - 1), self._vector(self._random.randrange(depth))
        kind = self._random.random()
        if kind < 0.25:
            matching = self._pick("", "on (job)", "ignoring (zone)", "on ()")
            return f"({left} {self._pick('and', 'or', 'unless')} {matching} {right})"
        operator = self._pick(
            "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool"
        )
        if kind < 0.5:
            return f"({left} {operator} {right})"
        if kind < 0.75:
            if self._random.random() < 0.3:
                return f"(sum by (job) ({right}) {operator} on (job) group_right {self._pick('', '(le)')} {left})"
            return (
                f"({left} {operator} on (job) group_left {self._pick('', '(zone)')} sum by (job) ({right}))"
            )
        return f"({left} {operator} {self._pick('on (job, zone)', 'ignoring (le)', 'on (zone)')} {right})"

    def _with_scalar(self, depth: int) -> str:
        vector, scalar = self._vector(depth - 1), self._scalar(1)
        operator = self._pick(
            "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<=", "> bool", "!= bool"
        )
        return (
            f"({vector} {operator} {scalar})"
            if self._random.random() < 0.7
            else f"({scalar} {operator} {vector})"
        )

    def _odd(self, depth: int) -> str:
        inner = self._vector(depth - 1)
        return self._pick(
            f"-{inner}",
            f"({inner})",
            f"+({inner})",
            f"sgn({inner}) or vector(1)",
            f"timestamp({self._selector()})",
            f"timestamp({inner})",
            # No info(): Prometheus 3.5 mixes up the info series of several targets.
            f'sort_by_label({inner}, "job", "zone")',
            f'sort_by_label_desc({inner}, "zone")',
            f'label_replace({inner}, "__name__", "other", "job", "a")',
        )

    def _histogram_call(self, depth: int) -> str:
        inner = self._vector(depth - 1)
        if self._random.random() < 0.5:
            return f"{self._pick(*_HISTOGRAM)}({inner})"
        if self._random.random() < 0.5:
            return (
                f"histogram_quantile({self._pick('0', '0.2', '0.5', '0.99', '1', '2', '-1', 'NaN')}, {inner})"
            )
        return f"histogram_fraction({self._pick('-Inf', '0', '-1', '0.3')}, {self._pick('Inf', '0', '1.7', '0.5')}, {inner})"
