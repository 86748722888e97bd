"""What queries answer, as arrays; and as frames where pandas or polars is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bongsu.model.errors import InvalidInput
from bongsu.model.labels import format_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """
    One series, to write or as an answer.

    Attributes
    ----------
    labels
        The metric name is the label ``__name__``.
    times
        Unix milliseconds, shape (n_samples,).
    values
        Shape (n_samples,).
    histograms
        Native histograms with their times, as the API gives them; answers only.
    """

    labels: Mapping[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    histograms: tuple[tuple[int, Mapping[str, Any]], ...] = ()

    @property
    def name(self) -> str:
        """The series as PromQL writes it."""
        return format_labels(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """
    The answer to a query.

    Attributes
    ----------
    kind
        ``vector``, ``matrix``, ``scalar`` or ``string``; a scalar is one series without labels.
    text
        The value of a string.
    warnings, infos
        What the server says about the answer.
    stats
        What the query took, if it was asked for.
    """

    kind: str
    series: tuple[Series, ...]
    text: str = ""
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    stats: Mapping[str, Any] | None = None

    def __iter__(self) -> Iterator[Series]:
        """Iterate over the series."""
        return iter(self.series)

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.series)

    @property
    def value(self) -> float:
        """
        The only value of the answer.

        Raises
        ------
        InvalidInput
            If there is none, or more than one.
        """
        counts = [len(one.values) for one in self.series]
        if counts != [1]:
            raise InvalidInput(
                f"the answer has {len(counts)} series with {sum(counts)} values; ask for one value, as in sum(...)",
                id="not-one-value",
            )
        return float(self.series[0].values[0])

    def columns(self) -> dict[str, Any]:
        """Return a row for each sample: ``time`` (datetime64[ms], UTC), every label (None where it is absent), ``value``."""
        counts = [len(one.times) for one in self.series]
        names = sorted({name for one in self.series for name in one.labels})
        columns: dict[str, Any] = {
            "time": _joined([one.times for one in self.series]).astype("datetime64[ms]")
        }
        for name in names:
            texts = np.array([one.labels.get(name) for one in self.series], dtype=object)
            columns[name] = np.repeat(texts, counts)
        columns["value"] = _joined([one.values for one in self.series]).astype(np.float64)
        return columns

    def to_pandas(self, *, wide: bool = False) -> Any:
        """
        Return a pandas DataFrame.

        Parameters
        ----------
        wide
            A column for each series, named as PromQL writes it, with the time as index; else a row for each sample.

        Raises
        ------
        InvalidInput
            If pandas is not installed.
        """
        pandas = _import("pandas")
        frame = pandas.DataFrame(self.columns())
        frame["time"] = frame["time"].dt.tz_localize("UTC")
        if not wide:
            return frame
        rows = {
            one.name: pandas.Series(
                one.values, index=pandas.to_datetime(one.times, unit="ms", utc=True), dtype="float64"
            )
            for one in self.series
        }
        return pandas.DataFrame(rows).rename_axis("time")

    def to_polars(self, *, wide: bool = False) -> Any:
        """
        Return a polars DataFrame.

        Parameters
        ----------
        wide
            A column for each series, named as PromQL writes it, and the column ``time``; else a row for each sample.

        Raises
        ------
        InvalidInput
            If polars is not installed.
        """
        polars = _import("polars")
        columns = self.columns()
        schema = {
            name: {"time": polars.Datetime("ms"), "value": polars.Float64}.get(name, polars.String)
            for name in columns
        }
        if wide:
            names = np.array([one.name for one in self.series], dtype=object)
            columns = {
                "time": columns["time"],
                "series": np.repeat(names, [len(one.times) for one in self.series]),
                "value": columns["value"],
            }
            schema = {"time": polars.Datetime("ms"), "series": polars.String, "value": polars.Float64}
        # polars makes texts of lists, and keeps arrays of objects as objects.
        texts = {name: column.tolist() for name, column in columns.items() if column.dtype == object}
        frame = polars.DataFrame({**columns, **texts}, schema=schema)
        frame = frame.with_columns(polars.col("time").dt.replace_time_zone("UTC"))
        return frame.pivot(on="series", index="time", values="value").sort("time") if wide else frame


def read_result(data: Mapping[str, Any], envelope: Mapping[str, Any]) -> Result:
    """Return the answer that the data of a query call holds."""
    kind = data["resultType"]
    notes = (tuple(envelope.get("warnings", ())), tuple(envelope.get("infos", ())))
    if kind == "string":
        return Result(kind, (), str(data["result"][1]), *notes, stats=data.get("stats"))
    rows = [{"metric": {}, "value": data["result"]}] if kind == "scalar" else data["result"]
    return Result(kind, tuple(map(_read_series, rows)), "", *notes, stats=data.get("stats"))


def _read_series(row: Mapping[str, Any]) -> Series:
    points = row["values"] if "values" in row else [row["value"]] if "value" in row else []
    histograms = (
        row["histograms"] if "histograms" in row else [row["histogram"]] if "histogram" in row else []
    )
    return Series(
        row["metric"],
        np.array([round(at * 1000) for at, _ in points], dtype=np.int64),
        np.array([float(value) for _, value in points], dtype=np.float64),
        tuple((round(at * 1000), value) for at, value in histograms),
    )


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _import(name: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InvalidInput(
            f"{name} is not installed; install it with: pip install {name}", id="library-missing"
        ) from error
