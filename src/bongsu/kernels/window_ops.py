"""What range functions compute of each window: the names, and their numbers in kernels."""

from __future__ import annotations

import enum


class WindowOp(enum.IntEnum):
    """What is computed of each window; the names are those of the PromQL functions."""

    RATE = 0
    INCREASE = 1
    DELTA = 2
    IRATE = 3
    IDELTA = 4
    RESETS = 5
    CHANGES = 6
    SUM_OVER_TIME = 7
    AVG_OVER_TIME = 8
    COUNT_OVER_TIME = 9
    PRESENT_OVER_TIME = 10
    FIRST_OVER_TIME = 11
    LAST_OVER_TIME = 12
    MIN_OVER_TIME = 13
    MAX_OVER_TIME = 14
    STDDEV_OVER_TIME = 15
    STDVAR_OVER_TIME = 16
    QUANTILE_OVER_TIME = 17
    MAD_OVER_TIME = 18
    DERIV = 19
    PREDICT_LINEAR = 20
    DOUBLE_EXPONENTIAL_SMOOTHING = 21
    TS_OF_FIRST_OVER_TIME = 22
    TS_OF_LAST_OVER_TIME = 23
    TS_OF_MIN_OVER_TIME = 24
    TS_OF_MAX_OVER_TIME = 25


RATE, INCREASE, DELTA, IRATE, IDELTA, RESETS, CHANGES = range(7)


SUM, AVG, COUNT, PRESENT, FIRST, LAST, MIN, MAX, STDDEV, STDVAR = range(7, 17)


QUANTILE, MAD, DERIV, PREDICT_LINEAR, SMOOTHING = range(17, 22)


TS_OF_FIRST, TS_OF_LAST, TS_OF_MIN, TS_OF_MAX = range(22, 26)


NEWEST = 26
"""What an instant selector shows: the newest sample, unless that is a stale marker. No function of PromQL."""
