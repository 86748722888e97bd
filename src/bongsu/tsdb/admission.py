"""Which new series a project's limits allow: all keys of a request are measured by one kernel, and only the few that break a limit cost more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels.labels import count_parts
from bongsu.storage.limits import refuse_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bongsu.storage.contract import Rejection, StoreLimits
    from bongsu.tsdb.keys import Keys


def allow_series(
    keys: Keys, rows: NDArray[np.int64], known: int, limits: StoreLimits
) -> tuple[NDArray[np.bool_], list[Rejection]]:
    """
    Tell for each key whether its series may be made, and refuse the rows of those that may not.

    Keys may occur twice; an allowed one counts once.

    Parameters
    ----------
    rows
        The row of the request that each key is.
    known
        Series that there are.
    """
    measures = np.empty((3, len(keys)), dtype=np.int64)
    count_parts(keys.data, keys.bounds, measures)
    caps = (limits.max_labels_per_series, limits.max_label_name_bytes, limits.max_label_value_bytes)
    allowed = np.ones(len(keys), dtype=np.bool_)
    for measure, cap in zip(measures, caps, strict=True):
        if cap:
            allowed &= measure <= cap
    if limits.max_series and known + len(keys) > limits.max_series:
        return _one_by_one(keys, rows, known, limits)
    refused = np.flatnonzero(~allowed).tolist()
    refusals = [refuse_labels(int(rows[i]), keys.key(i), known, limits) for i in refused]
    return allowed, [refusal for refusal in refusals if refusal is not None]


def _one_by_one(
    keys: Keys, rows: NDArray[np.int64], known: int, limits: StoreLimits
) -> tuple[NDArray[np.bool_], list[Rejection]]:
    """Answer as `allow_series`, where the number of series may reach its limit within the request."""
    wanted: set[bytes] = set()
    refusals: list[Rejection] = []
    allowed = np.ones(len(keys), dtype=np.bool_)
    for i, row in enumerate(rows.tolist()):
        key = keys.key(i)
        if key in wanted:
            continue
        refusal = refuse_labels(row, key, known + len(wanted), limits)
        if refusal is None:
            wanted.add(key)
        else:
            refusals.append(refusal)
            allowed[i] = False
    return allowed, refusals
