"""
OTLP metrics requests that hold nothing but cumulative numbers and histograms with given bounds, which is what nearly all hold: from the
protobuf bytes to samples in one pass.

A series is found by a 128-bit hash of all bytes that decide it (resource, scope, metric, attributes, bounds), under seeds that are
drawn per process. Each level goes on from the hash of the level above and begins with an empty piece, so that no bytes can move from
one level to the next. A metric that is not as plain as that is passed over and pointed out, for protobuf's own parser to read, and so is
each exemplar. A request whose resources and scopes are not plain ends the pass; that parser then reads it from its beginning.

The numbers are those of ``opentelemetry/proto/metrics/v1/metrics.proto``. A tag of more than one byte is never one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.kernels._jit import inner_kernel, kernel, owning_kernel
from bongsu.kernels.remote_write import hash_piece, whole_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = int | np.int64

N_SAMPLES, N_POINTS, N_HISTOGRAMS, N_EXEMPLARS, N_GROUPS, N_RESOURCES, N_APART = 0, 1, 2, 3, 4, 5, 6
"""Positions in `counts`; what the points of a metric add to comes first."""

_OF_POINTS = 4
"""How many these are."""

TIMES, STARTS, VALUES = 0, 1, 2
"""Rows of `samples`."""

HASH_1, HASH_2, FIRST, LAST, POINTS, METRICS = 0, 1, 2, 3, 4, 5
"""Columns of `groups`: the hash of resource and scope, the first and last time of its plain points, how many these are, all metrics."""

GROUP, PLACE, PLAIN, BEGIN, END = 0, 1, 2, 3, 4
"""Columns of `apart`: metrics that are to be read in full, their group and number in it, whether they are plain too, where they are."""

SAMPLE, EXEMPLAR_BEGIN, EXEMPLAR_END, BOUNDS_BEGIN, BOUNDS_END = 0, 1, 2, 3, 4
"""Columns of `exemplars`: the first sample of its point, where it is, and where the bounds of its histogram are."""

_RESOURCE, _SCOPE = 0, 1
_METRIC, _POINT = 2, 3
"""Rows of the hashes of the levels that are being read."""

_OWN_TAG, _INNER_TAG, _SCHEMA_TAG = 0x0A, 0x12, 0x1A
"""Of ResourceMetrics and ScopeMetrics alike: the resource or scope, scopes or metrics, the schema's address."""

_NAME_TAG, _DESCRIPTION_TAG, _UNIT_TAG, _METADATA_TAG = 0x0A, 0x12, 0x1A, 0x62
_GAUGE_TAG, _SUM_TAG, _HISTOGRAM_TAG = 0x2A, 0x3A, 0x4A
_POINT_TAG, _TEMPORALITY_TAG, _MONOTONIC_TAG = 0x0A, 0x10, 0x18
_CUMULATIVE = 2

_START_TAG, _TIME_TAG = 0x11, 0x19
_DOUBLE_TAG, _INT_TAG, _NUMBER_ATTRIBUTE_TAG, _NUMBER_FLAGS_TAG = 0x21, 0x31, 0x3A, 0x40
_NUMBER_EXEMPLAR_TAG, _HISTOGRAM_EXEMPLAR_TAG = 0x2A, 0x42
_COUNT_TAG, _TOTAL_TAG, _COUNTS_TAG, _BOUNDS_TAG = 0x21, 0x29, 0x32, 0x3A
_HISTOGRAM_ATTRIBUTE_TAG, _HISTOGRAM_FLAGS_TAG, _LEAST_TAG, _MOST_TAG = 0x4A, 0x50, 0x59, 0x61

_NS_PER_MS = 1_000_000
_STALE_BITS = 0x7FF0_0000_0000_0002
_INFINITY_BITS = 0x7FF0_0000_0000_0000
_STEP_1, _STEP_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd, so that the series of one point, each so many steps from its hash, all differ."""


@inner_kernel
def _payload(data: NDArray[np.uint8], at: Int, stop: Int) -> tuple[Int, Int]:
    """Return begin and end of what a field holds whose tag, of one byte and a length, is at `at`; begin is -1 when it is broken."""
    at += 1
    if at < stop and data[np.uint64(at)] < 128:  # most: nothing but what follows waits for this length
        end = at + 1 + np.int64(data[np.uint64(at)])
        return (at + 1, end) if end <= stop else (-1, -1)
    size = np.int64(0)
    shift = np.int64(0)
    for _ in range(4):  # lengths of more bytes are beyond every body
        if at >= stop:
            break
        byte = np.int64(data[at])
        at += 1
        size |= (byte & 127) << shift
        if byte < 128:
            return (at, at + size) if size <= stop - at else (-1, -1)
        shift += 7
    return -1, -1


@inner_kernel
def _chain(data: NDArray[np.uint8], at: Int, stop: Int, state: NDArray[np.uint64]) -> None:
    """Go on from a hash with one piece."""
    state[0], state[1] = hash_piece(data, at, stop, state)


@inner_kernel
def _begin_level(data: NDArray[np.uint8], above: NDArray[np.uint64], state: NDArray[np.uint64]) -> None:
    """Go on from the hash of the level above with an empty piece, which no field is."""
    state[0], state[1] = hash_piece(data, 0, 0, above)


@inner_kernel
def _hash_head(data: NDArray[np.uint8], at: Int, stop: Int, state: NDArray[np.uint64]) -> bool:
    """Chain all of a ResourceMetrics or ScopeMetrics but what is inside of it; False when it is not plain."""
    while at < stop:
        tag = data[at]
        begin, end = _payload(data, at, stop)
        if begin < 0 or (tag != _OWN_TAG and tag != _INNER_TAG and tag != _SCHEMA_TAG):
            return False
        if tag != _INNER_TAG:
            _chain(data, at, end, state)
        at = end
    return True


@inner_kernel
def _read_metric_head(
    data: NDArray[np.uint8], at: Int, stop: Int, state: NDArray[np.uint64], spans: NDArray[np.int64]
) -> bool:
    """
    Chain all of a metric but its points.

    Parameters
    ----------
    spans : ndarray of int64, shape (5,)
        Output: tag, begin and end of its data, begin and end of its name.
    """
    spans[:] = 0
    while at < stop:
        tag = data[at]
        begin, end = _payload(data, at, stop)
        if begin < 0:
            return False
        if tag in (_GAUGE_TAG, _SUM_TAG, _HISTOGRAM_TAG):
            if spans[0]:
                return False
            spans[0], spans[1], spans[2] = tag, begin, end
            _chain(data, at, at + 1, state)
        elif tag in (_NAME_TAG, _DESCRIPTION_TAG, _UNIT_TAG, _METADATA_TAG):
            if tag == _NAME_TAG:
                spans[3], spans[4] = begin, end
            _chain(data, at, end, state)
        else:
            return False
        at = end
    return spans[0] > 0 and spans[4] > spans[3] and _hash_options(data, spans, state)


@inner_kernel
def _hash_options(data: NDArray[np.uint8], spans: NDArray[np.int64], state: NDArray[np.uint64]) -> bool:
    """Chain what stands beside the points of a metric; False when it does not accumulate."""
    kind, at, stop = spans[0], spans[1], spans[2]
    temporality = 0
    while at < stop:
        tag = data[at]
        if tag == _POINT_TAG:
            begin, at = _payload(data, at, stop)
            if begin < 0:
                return False
            continue
        if stop - at < 2 or data[at + 1] >= 128 or kind == _GAUGE_TAG:
            return False
        if tag == _TEMPORALITY_TAG:
            temporality = data[at + 1]
        elif tag != _MONOTONIC_TAG or kind != _SUM_TAG:
            return False
        _chain(data, at, at + 2, state)
        at += 2
    return kind == _GAUGE_TAG or temporality == _CUMULATIVE


@inner_kernel
def _is_wanted(
    data: NDArray[np.uint8], spans: NDArray[np.int64], seeds: NDArray[np.uint64], wanted: NDArray[np.uint64]
) -> bool:
    """Tell whether a metric's name is in a table as that of `find_series`."""
    first, second = hash_piece(data, spans[3], spans[4], seeds)
    mask = np.uint64(len(wanted) - 1)
    slot = first & mask
    while wanted[slot, 0] != 0 or wanted[slot, 1] != 0:
        if wanted[slot, 0] == first and wanted[slot, 1] == second:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@inner_kernel
def _put(
    point: NDArray[np.int64],
    bits: np.int64,
    counts: NDArray[np.int64],
    state: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    samples: NDArray[np.int64],
) -> None:
    """Write the next sample of a point, unless there is no room, and step to the hash of the point's next series."""
    i = counts[N_SAMPLES]
    if i < len(hashes):
        hashes[i, 0], hashes[i, 1] = state[0], state[1]
        samples[TIMES, i] = point[0]
        samples[STARTS, i] = point[1]
        samples[VALUES, i] = _STALE_BITS if point[2] else bits
    counts[N_SAMPLES] += 1
    state[0] += _STEP_1
    state[1] += _STEP_2


@inner_kernel
def _read_time(data: NDArray[np.uint8], at: Int, point: NDArray[np.int64]) -> bool:
    """Read start or time of a point, tag and nanoseconds, in Unix milliseconds; False beyond the year 2262."""
    ns = np.int64(whole_word(data, at + 1))
    point[1 if data[at] == _START_TAG else 0] = ns // _NS_PER_MS
    return bool(ns >= 0)


@inner_kernel
def _put_exemplar(
    data: NDArray[np.uint8], at: Int, stop: Int, counts: NDArray[np.int64], exemplars: NDArray[np.int64]
) -> Int:
    """Point out the exemplar whose tag is at `at`, unless there is no room; return its end, -1 when it is broken."""
    begin, end = _payload(data, at, stop)
    row = counts[N_EXEMPLARS]
    counts[N_EXEMPLARS] += 1
    if row < len(exemplars):
        exemplars[row] = 0
        exemplars[row, SAMPLE] = counts[N_SAMPLES]
        exemplars[row, EXEMPLAR_BEGIN], exemplars[row, EXEMPLAR_END] = begin, end
    return end


@inner_kernel
def _attributes_end(data: NDArray[np.uint8], at: Int, stop: Int, tag: Int) -> Int:
    """Return where the fields of one tag end that stand together; -1 when one is broken."""
    while at < stop and data[at] == tag:
        begin, at = _payload(data, at, stop)
        if begin < 0:
            return -1
    return at


@inner_kernel
def _read_number(
    data: NDArray[np.uint8],
    at: Int,
    stop: Int,
    point: NDArray[np.int64],
    counts: NDArray[np.int64],
    state: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    samples: NDArray[np.int64],
    exemplars: NDArray[np.int64],
) -> bool:
    """Read a NumberDataPoint into `point` (time, start, whether it has no value) and one sample; False when it is not plain."""
    point[:] = 0
    first: Int = 0
    last: Int = 0
    bits = np.int64(0)
    values = 0
    while at < stop:
        tag = data[at]
        if tag == _NUMBER_ATTRIBUTE_TAG:
            if last:
                return False
            first, last = at, _attributes_end(data, at, stop, tag)
            if last < 0:
                return False
            at = last
        elif tag == _NUMBER_FLAGS_TAG:
            if stop - at < 2 or data[at + 1] >= 128:
                return False
            point[2] = data[at + 1] & 1
            at += 2
        elif tag == _NUMBER_EXEMPLAR_TAG:
            at = _put_exemplar(data, at, stop, counts, exemplars)
            if at < 0:
                return False
        else:
            if stop - at < 9:
                return False
            if tag in (_START_TAG, _TIME_TAG):
                if not _read_time(data, at, point):
                    return False
            elif tag in (_DOUBLE_TAG, _INT_TAG):
                bits = np.int64(whole_word(data, at + 1))
                if tag == _INT_TAG:
                    bits = np.float64(bits).view(np.int64)
                values += 1
            else:
                return False
            at += 9
    if point[0] == 0 or values > 1 or (values == 0 and point[2] == 0):
        return False
    _chain(data, first, last, state)
    _put(point, bits, counts, state, hashes, samples)
    return True


@inner_kernel
def _read_histogram_fields(
    data: NDArray[np.uint8],
    at: Int,
    stop: Int,
    point: NDArray[np.int64],
    spans: NDArray[np.int64],
    counts: NDArray[np.int64],
    exemplars: NDArray[np.int64],
) -> bool:
    """
    Read a HistogramDataPoint; False when it is not plain.

    Parameters
    ----------
    spans : ndarray of int64, shape (9,)
        Output: begin and end of attributes, of bounds and of counts; observations, bits of their sum, and whether there is one.
    """
    point[:] = 0
    spans[:] = 0
    first = counts[N_EXEMPLARS]
    while at < stop:
        tag = data[at]
        if tag == _HISTOGRAM_ATTRIBUTE_TAG:
            if spans[1]:
                return False
            spans[0], spans[1] = at, _attributes_end(data, at, stop, tag)
            if spans[1] < 0:
                return False
            at = spans[1]
        elif tag in (_COUNTS_TAG, _BOUNDS_TAG):
            place = 4 if tag == _COUNTS_TAG else 2
            begin, end = _payload(data, at, stop)
            if begin < 0 or spans[place] or (end - begin) & 7:
                return False
            spans[place], spans[place + 1] = begin, end
            at = end
        elif tag == _HISTOGRAM_FLAGS_TAG:
            if stop - at < 2 or data[at + 1] >= 128:
                return False
            point[2] = data[at + 1] & 1
            at += 2
        elif tag == _HISTOGRAM_EXEMPLAR_TAG:
            at = _put_exemplar(data, at, stop, counts, exemplars)
            if at < 0:
                return False
        else:
            if stop - at < 9:
                return False
            if tag in (_START_TAG, _TIME_TAG):
                if not _read_time(data, at, point):
                    return False
            elif tag == _COUNT_TAG:
                spans[6] = np.int64(whole_word(data, at + 1))
            elif tag == _TOTAL_TAG:
                spans[7], spans[8] = np.int64(whole_word(data, at + 1)), 1
            elif tag != _LEAST_TAG and tag != _MOST_TAG:
                return False
            at += 9
    for row in range(first, min(counts[N_EXEMPLARS], len(exemplars))):
        exemplars[row, BOUNDS_BEGIN], exemplars[row, BOUNDS_END] = spans[2], spans[3]
    bounds, buckets = spans[3] - spans[2], spans[5] - spans[4]
    return bool(point[0] > 0 and spans[6] >= 0 and buckets == (bounds + 8 if buckets or bounds else 0))


@inner_kernel
def _read_histogram(
    data: NDArray[np.uint8],
    point: NDArray[np.int64],
    spans: NDArray[np.int64],
    counts: NDArray[np.int64],
    state: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    samples: NDArray[np.int64],
) -> bool:
    """Turn what `_read_histogram_fields` found into samples: buckets in order of their bounds, the sum if there is one, the count."""
    _chain(data, spans[0], spans[1], state)
    _chain(data, spans[2], spans[3], state)
    if spans[8]:
        _chain(data, 0, 0, state)
    running = np.int64(0)
    for i in range((spans[3] - spans[2]) // 8):
        count = np.int64(whole_word(data, spans[4] + 8 * i))
        running += count
        if count < 0 or running < 0:
            return False
        _put(point, np.float64(running).view(np.int64), counts, state, hashes, samples)
    observations = np.float64(spans[6]).view(np.int64)
    if spans[3] == spans[2] or np.int64(whole_word(data, spans[3] - 8)) != _INFINITY_BITS:
        _put(point, observations, counts, state, hashes, samples)
    if spans[8]:
        _put(point, spans[7], counts, state, hashes, samples)
    _put(point, observations, counts, state, hashes, samples)
    return True


@owning_kernel
def _read_data(
    data: NDArray[np.uint8],
    metric: NDArray[np.int64],
    group: NDArray[np.int64],
    counts: NDArray[np.int64],
    states: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    samples: NDArray[np.int64],
    exemplars: NDArray[np.int64],
) -> bool:
    """Read the points of a metric whose head was read."""
    point, spans = np.empty(3, dtype=np.int64), np.empty(9, dtype=np.int64)
    state = states[_POINT]
    _begin_level(data, states[_METRIC], state)
    first, second = state[0], state[1]
    at, stop = metric[1], metric[2]
    while at < stop:
        if data[at] != _POINT_TAG:
            at += 2
            continue
        begin, at = _payload(data, at, stop)
        state[0], state[1] = first, second
        if metric[0] != _HISTOGRAM_TAG:
            if not _read_number(data, begin, at, point, counts, state, hashes, samples, exemplars):
                return False
        else:
            counts[N_HISTOGRAMS] += 1
            if not _read_histogram_fields(data, begin, at, point, spans, counts, exemplars):
                return False
            if not _read_histogram(data, point, spans, counts, state, hashes, samples):
                return False
        counts[N_POINTS] += 1
        group[FIRST] = min(group[FIRST], point[0]) if group[POINTS] else point[0]
        group[LAST] = max(group[LAST], point[0])
        group[POINTS] += 1
    return True


@owning_kernel
def _read_metric(
    data: NDArray[np.uint8],
    at: Int,
    stop: Int,
    spans: NDArray[np.int64],
    group: NDArray[np.int64],
    counts: NDArray[np.int64],
    states: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    samples: NDArray[np.int64],
    exemplars: NDArray[np.int64],
) -> bool:
    """Read a metric; False when it is not plain, and then nothing of it is counted."""
    before, group_before = counts[:_OF_POINTS].copy(), group.copy()
    plain = _read_metric_head(data, at, stop, states[_METRIC], spans) and _read_data(
        data, spans, group, counts, states, hashes, samples, exemplars
    )
    if not plain:
        counts[:_OF_POINTS] = before
        group[:] = group_before
    return plain


@kernel
def read_points(
    data: NDArray[np.uint8],
    seeds: NDArray[np.uint64],
    wanted: NDArray[np.uint64],
    counts: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    samples: NDArray[np.int64],
    groups: NDArray[np.int64],
    apart: NDArray[np.int64],
    exemplars: NDArray[np.int64],
) -> bool:
    """
    Read the plain metrics of a request. Where an array is too short for what there is, the rest is only counted.

    Parameters
    ----------
    data : ndarray of uint8
        An ``ExportMetricsServiceRequest``.
    seeds : ndarray of uint64, shape (2,)
    wanted : ndarray of uint64, shape (capacity, 2)
        Hashes of the names of metrics to point out, a table as that of `find_series`.
    counts : ndarray of int64, shape (7,)
        Zeros; output.
    hashes : ndarray of uint64, shape (n_samples, 2)
        Output: what names the series of each sample.
    samples : ndarray of int64, shape (3, n_samples)
        Output: Unix milliseconds, start in Unix milliseconds (0 for none), bits of the value.
    groups : ndarray of int64, shape (n_groups, 6)
        Output: the scopes of the resources, in order.
    apart : ndarray of int64, shape (n_apart, 5)
        Output: metrics that are not plain, and those with a wanted name.
    exemplars : ndarray of int64, shape (n_exemplars, 5)
        Output: those of plain metrics.

    Returns
    -------
    bool
        Whether its resources and scopes are plain; if not, the output means nothing.
    """
    states, spans = np.empty((4, 2), dtype=np.uint64), np.empty(5, dtype=np.int64)
    spare = np.zeros(6, dtype=np.int64)
    at: Int = 0
    while at < len(data):
        resource, resource_end = _payload(data, at, len(data))
        if data[at] != _OWN_TAG or resource < 0:
            return False
        at = resource_end
        counts[N_RESOURCES] += 1
        _begin_level(data, seeds, states[_RESOURCE])
        if not _hash_head(data, resource, resource_end, states[_RESOURCE]):
            return False
        while resource < resource_end:
            tag = data[resource]
            scope, resource = _payload(data, resource, resource_end)
            if tag != _INNER_TAG:
                continue
            _begin_level(data, states[_RESOURCE], states[_SCOPE])
            if not _hash_head(data, scope, resource, states[_SCOPE]):
                return False
            place = counts[N_GROUPS]
            counts[N_GROUPS] += 1
            group = groups[place] if place < len(groups) else spare
            group[:] = 0
            group[HASH_1], group[HASH_2] = np.int64(states[_SCOPE, 0]), np.int64(states[_SCOPE, 1])
            while scope < resource:
                tag = data[scope]
                metric, scope = _payload(data, scope, resource)
                if tag != _INNER_TAG:
                    continue
                _begin_level(data, states[_SCOPE], states[_METRIC])
                plain = _read_metric(
                    data, metric, scope, spans, group, counts, states, hashes, samples, exemplars
                )
                if not plain or _is_wanted(data, spans, seeds, wanted):
                    row = counts[N_APART]
                    counts[N_APART] += 1
                    if row < len(apart):
                        apart[row, GROUP], apart[row, PLACE] = place, group[METRICS]
                        apart[row, PLAIN], apart[row, BEGIN], apart[row, END] = plain, metric, scope
                group[METRICS] += 1
    return True


def warm() -> None:
    """Compile the kernel for the types that it is called with: read-only bytes."""
    data = np.frombuffer(b"\0", dtype=np.uint8)
    words, rows = np.zeros((4, 2), dtype=np.uint64), np.zeros((4, 6), dtype=np.int64)
    counts, seeds = np.zeros(7, dtype=np.int64), np.zeros(2, dtype=np.uint64)
    read_points(data, seeds, words, counts, words, rows, rows, rows, rows)
