"""Compensated addition, shared by the kernels that sum."""

from __future__ import annotations

import math

from bongsu.kernels._jit import kernel


@kernel
def add(total: float, carry: float, increment: float) -> tuple[float, float]:
    """
    Return (total, carry) with one more term; the sum is ``total + carry``, or `total` alone when it is infinite.

    Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen" (1974), section 3, the
    improved Kahan sum that Prometheus uses. The plain form is ``total += increment``.
    """
    result = total + increment
    if math.isinf(result):
        return result, 0.0
    if abs(total) >= abs(increment):
        return result, carry + ((total - result) + increment)
    return result, carry + ((increment - result) + total)


@kernel
def settle(total: float, carry: float) -> float:
    """Return the sum that `add` has built."""
    return total if math.isinf(total) else total + carry
