"""The data of one project from Python: ask, look up, write."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlencode

import numpy as np

from bongsu.client.results import Result, Series, read_result
from bongsu.client.session import Session
from bongsu.client.times import moment_ms, span_ms
from bongsu.client.transport import TIMEOUT_S, CallFailed
from bongsu.model.errors import InvalidInput
from bongsu.model.labels import METRIC_NAME, format_labels
from bongsu.runtime.compress import compress_snappy
from bongsu.wire.remote_write.encode import encode_series, label_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from bongsu.client.times import Moment, Span

API = "/prometheus/api/v1"

SAMPLES_PER_REQUEST = 10_000
"""Large enough that the round trip does not count, small enough for every limit of size."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_WRITE = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}


class Client:
    """
    One project of a Bongsu server. Threads may share it; calls take turns on one kept connection.

    Parameters
    ----------
    url
        Address of the server, ``http://HOST:PORT``.
    key
        A key of the project with the scope ``read``, and ``write`` to write.
    project
        The projectId that the key must be of; left out, it is the key's own.
    timeout_s
        Longest wait for an answer.

    Examples
    --------
    >>> with Client("http://127.0.0.1:9595", key) as client:  # doctest: +SKIP
    ...     client.query_range("sum by (job) (rate(http_requests_total[5m]))", start="-1h", step="1m").to_pandas()
    """

    def __init__(self, url: str, key: str, *, project: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._session = Session(url, key, project=project, timeout_s=timeout_s)

    def __enter__(self) -> Self:
        """Return the client; its connection is closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next call makes a new one."""
        self._session.close()

    def query(self, expression: str, *, time: Moment | None = None, **parameters: object) -> Result:
        """
        Return the value of an expression at one moment.

        Parameters
        ----------
        time
            The moment; now when it is left out.
        parameters
            Further parameters of the call, such as ``limit``, ``timeout``, ``lookback_delta`` or ``stats``.

        Raises
        ------
        CallFailed
            If the server refuses the expression, or is not reached.
        """
        if time is not None:
            parameters["time"] = _seconds(moment_ms(time, _now_ms()))
        return self._ask("query", {"query": expression, **parameters})

    def query_range(
        self,
        expression: str,
        *,
        start: Moment = "-1h",
        end: Moment = "now",
        step: Span | None = None,
        **parameters: object,
    ) -> Result:
        """
        Return the values of an expression over a range of time, both ends included.

        Parameters
        ----------
        step
            Time between two values; left out, about 250 values fit into the range.
        parameters
            As for `query`.
        """
        now_ms = _now_ms()
        start_ms, end_ms = moment_ms(start, now_ms), moment_ms(end, now_ms)
        step_ms = _step_for(end_ms - start_ms) if step is None else span_ms(step)
        span = {"start": _seconds(start_ms), "end": _seconds(end_ms), "step": _seconds(step_ms)}
        return self._ask("query_range", {"query": expression, **span, **parameters})

    def explain(
        self,
        expression: str,
        *,
        time: Moment | None = None,
        start: Moment | None = None,
        end: Moment = "now",
        step: Span | None = None,
        run: bool = True,
    ) -> list[str]:
        """
        Return how an expression is evaluated, one step of its plan a line: at a moment, or over a range when there is a start.

        Parameters
        ----------
        run
            Evaluate it, and tell what each step cost.
        """
        now_ms = _now_ms()
        parameters: dict[str, object] = {"query": expression, "run": str(run).lower()}
        if start is not None:
            start_ms, end_ms = moment_ms(start, now_ms), moment_ms(end, now_ms)
            step_ms = _step_for(end_ms - start_ms) if step is None else span_ms(step)
            parameters |= {"start": _seconds(start_ms), "end": _seconds(end_ms), "step": _seconds(step_ms)}
        elif time is not None:
            parameters["time"] = _seconds(moment_ms(time, now_ms))
        lines: list[str] = self._call("POST", "explain_query", parameters)["data"]["text"]
        return lines

    def series(
        self,
        *selectors: str,
        start: Moment | None = None,
        end: Moment | None = None,
        limit: int = 0,
    ) -> list[dict[str, str]]:
        """Return the label sets of the series that match one of the selectors."""
        found: list[dict[str, str]] = self._look_up("series", selectors, start, end, limit)
        return found

    def label_names(
        self,
        *selectors: str,
        start: Moment | None = None,
        end: Moment | None = None,
        limit: int = 0,
    ) -> list[str]:
        """Return the names of labels, of all series or of those that match one of the selectors."""
        found: list[str] = self._look_up("labels", selectors, start, end, limit)
        return found

    def label_values(
        self,
        name: str,
        *selectors: str,
        start: Moment | None = None,
        end: Moment | None = None,
        limit: int = 0,
    ) -> list[str]:
        """Return the values of a label; those of ``__name__`` are the metrics."""
        # Names beyond the old character set travel in the escaping that the API defines for them.
        path = f"label/{quote(_escaped(name), safe='')}/values"
        found: list[str] = self._look_up(path, selectors, start, end, limit, method="GET")
        return found

    def metadata(self, metric: str = "") -> dict[str, list[dict[str, str]]]:
        """Return type, help and unit by metric name."""
        data: dict[str, list[dict[str, str]]] = self._call(
            "GET", "metadata", {"metric": metric} if metric else {}
        )["data"]
        return data

    def write(self, series: Iterable[Series]) -> int:
        """
        Write samples; return how many, when all are durable.

        Large amounts go in several requests; when one fails, those before it are stored. Writing the same samples once more is harmless.

        Raises
        ------
        InvalidInput
            If a series has no name, or as many times as values.
        CallFailed
            If the server refuses some samples, with status 400 and its reasons (the others are stored), or all.
        """
        written = 0
        for parts, samples in _requests(series):
            self._session.call("POST", f"{API}/write", compress_snappy(b"".join(parts)), headers=_WRITE)
            written += samples
        return written

    def write_frame(
        self,
        frame: Any,
        *,
        metric: str = "",
        time: str = "time",
        value: str = "value",
    ) -> int:
        """
        Write a pandas or polars frame with a row for each sample; return how many were written.

        Parameters
        ----------
        frame
            Columns for time and value; every other column is a label, absent where it is empty or missing.
        metric
            Name of the metric; needed if there is no column ``__name__``.
        time, value
            Names of these columns; times without a zone are UTC.
        """
        return self.write(_frame_series(frame, metric, time, value))

    def _ask(self, call: str, parameters: Mapping[str, object]) -> Result:
        envelope = self._call("POST", call, parameters)
        return read_result(envelope["data"], envelope)

    def _look_up(
        self,
        call: str,
        selectors: Sequence[str],
        start: Moment | None,
        end: Moment | None,
        limit: int,
        method: str = "POST",
    ) -> Any:
        now_ms = _now_ms()
        given = {"start": start, "end": end}
        parameters: dict[str, object] = {
            name: _seconds(moment_ms(moment, now_ms)) for name, moment in given.items() if moment is not None
        }
        parameters |= {"match[]": selectors} if selectors else {}
        parameters |= {"limit": limit} if limit else {}
        return self._call(method, call, parameters)["data"]

    def _call(self, method: str, call: str, parameters: Mapping[str, object]) -> Any:
        encoded = urlencode(parameters, doseq=True)
        if method == "GET":
            envelope = self._session.call_json("GET", f"{API}/{call}?{encoded}")
        else:
            envelope = self._session.call_json(method, f"{API}/{call}", encoded.encode(), headers=_FORM)
        if not isinstance(envelope, dict) or envelope.get("status") != "success":
            raise CallFailed(f"the server's answer is not one of the Prometheus API: {str(envelope)[:200]}")
        return envelope


def _requests(series: Iterable[Series]) -> Iterator[tuple[list[bytes], int]]:
    """Yield the parts of each request with their number of samples."""
    parts: list[bytes] = []
    samples = 0
    for one in series:
        labels, times, values = _checked(one)
        for at in range(0, len(times), SAMPLES_PER_REQUEST):
            stop = at + SAMPLES_PER_REQUEST
            parts += encode_series(labels, times[at:stop], values[at:stop])
            samples += len(times[at:stop])
            if samples >= SAMPLES_PER_REQUEST:
                yield parts, samples
                parts, samples = [], 0
    if samples:
        yield parts, samples


def _checked(
    one: Series,
) -> tuple[bytes, np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.float64]]]:
    times = np.asarray(one.times)
    values = np.asarray(one.values, dtype=np.float64)
    if times.dtype.kind == "M":
        times = times.astype("datetime64[ms]")
    elif times.dtype.kind not in "iu" and len(times):
        raise InvalidInput(
            f"times of {format_labels(one.labels)} are {times.dtype}; send Unix milliseconds as integers, or datetime64",
            id="bad-time",
        )
    if times.shape != values.shape or times.ndim != 1:
        raise InvalidInput(
            f"{format_labels(one.labels)} has times of shape {times.shape} and values of shape {values.shape}; send one "
            "value for each time",
            id="bad-series",
        )
    if not one.labels.get(METRIC_NAME):
        raise InvalidInput(
            f"a series has no metric name, its labels are {format_labels(one.labels)}; give it the label {METRIC_NAME!r}",
            id="invalid-label",
        )
    return label_bytes(one.labels), times.astype(np.int64), values


def _frame_series(frame: Any, metric: str, time_column: str, value_column: str) -> Iterator[Series]:
    names = [str(name) for name in frame.columns]
    missing = {time_column, value_column} - set(names)
    if missing:
        raise InvalidInput(
            f"the frame has no column {', '.join(sorted(missing))}; its columns are {', '.join(names)}: name those of time and value",
            id="bad-series",
        )
    times = _frame_times(frame[time_column])
    values = np.asarray(frame[value_column].to_numpy(), dtype=np.float64)
    label_names = [name for name in names if name not in {time_column, value_column}]
    texts = [[_label_text(value) for value in frame[name].to_list()] for name in label_names]
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*texts, strict=True) if texts else [()] * len(times)):
        rows.setdefault(key, []).append(row)
    for key, at in rows.items():
        labels = {METRIC_NAME: metric, **dict(zip(label_names, key, strict=True))}
        yield Series({name: text for name, text in labels.items() if text}, times[at], values[at])


def _frame_times(column: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)  # pandas would give objects
    times = np.asarray(column.to_numpy())
    if times.dtype.kind == "M":
        return times.astype("datetime64[ms]").astype(np.int64)
    if times.dtype.kind in "iu":
        return times.astype(np.int64)
    raise InvalidInput(
        f"the column of times holds {times.dtype}; make it one of times, or of Unix milliseconds as integers",
        id="bad-time",
    )


def _label_text(value: object) -> str:
    return "" if value is None or value != value else str(value)


def _escaped(name: str) -> str:
    if name.isascii() and name.isidentifier():
        return name
    return "U__" + "".join(_escaped_character(character) for character in name)


def _escaped_character(character: str) -> str:
    if character == "_":
        return "__"
    return character if character.isascii() and character.isalnum() else f"_{ord(character):x}_"


_POINTS = 250
"""Points of a range whose step nobody chose: about what a terminal or a plot shows."""


def _step_for(span: int) -> int:
    """Return a step in whole seconds, in milliseconds."""
    return max(1, round(span / _POINTS / 1000)) * 1000


def _seconds(ms: int) -> str:
    """Return milliseconds as seconds, exactly."""
    sign, ms = ("-", -ms) if ms < 0 else ("", ms)
    return f"{sign}{ms // 1000}.{ms % 1000:03d}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
