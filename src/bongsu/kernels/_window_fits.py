"""Range functions that fit a line or a trend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bongsu.kernels._jit import inner_kernel, kernel
from bongsu.kernels._sums import add
from bongsu.kernels.window_ops import DERIV, PREDICT_LINEAR

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@inner_kernel
def _regression(times: NDArray[np.int64], values: NDArray[np.float64], origin: int) -> tuple[float, float]:
    """Return slope per second and value at `origin` of the least-squares line."""
    n = len(values)
    constant = True
    x_sum, x_carry, y_sum, y_carry = 0.0, 0.0, 0.0, 0.0
    xy_sum, xy_carry, xx_sum, xx_carry = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        x, y = (times[i] - origin) / 1000.0, values[i]
        constant = constant and y == values[0]
        x_sum, x_carry = add(x_sum, x_carry, x)
        y_sum, y_carry = add(y_sum, y_carry, y)
        xy_sum, xy_carry = add(xy_sum, xy_carry, x * y)
        xx_sum, xx_carry = add(xx_sum, xx_carry, x * x)
    if constant:
        if math.isinf(values[0]):
            return math.nan, math.nan
        return 0.0, values[0]
    x_sum += x_carry
    y_sum += y_carry
    covariance = (xy_sum + xy_carry) - x_sum * y_sum / n
    variance = (xx_sum + xx_carry) - x_sum * x_sum / n
    slope = covariance / variance
    return slope, y_sum / n - slope * x_sum / n


@inner_kernel
def _smooth(values: NDArray[np.float64], factor: float, trend_factor: float) -> float:
    """Double exponential smoothing. Source: Prometheus documentation, ``double_exponential_smoothing()``."""
    before, level, trend = 0.0, values[0], values[1] - values[0]
    for i in range(1, len(values)):
        if i > 1:
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend
        before, level = level, factor * values[i] + (1.0 - factor) * (level + trend)
    return float(level)


@kernel
def _fits(
    op: int,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    params: NDArray[np.float64],
    out: NDArray[np.float64],
    kinds: NDArray[np.uint8],
) -> None:
    """deriv, predict_linear (params: seconds ahead, evaluation time in ms), double_exponential_smoothing (both factors)."""
    for step in range(len(low)):
        first, stop = low[step], high[step]
        kinds[step] = stop - first >= 2
        if stop - first < 2:
            continue
        window = values[first:stop]
        if op == DERIV:
            out[step] = _regression(times[first:stop], window, times[first])[0]
        elif op == PREDICT_LINEAR:
            slope, intercept = _regression(times[first:stop], window, int(params[1, step]))
            out[step] = slope * params[0, step] + intercept
        else:
            out[step] = _smooth(window, params[0, step], params[1, step])
