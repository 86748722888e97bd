"""Answers as arrays and as frames."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from bongsu.client.results import Result, read_result
from bongsu.model.errors import InvalidInput


def matrix(*series: dict[str, Any], **envelope: Any) -> Result:
    return read_result({"resultType": "matrix", "result": list(series)}, envelope)


TWO = matrix(
    {"metric": {"__name__": "m", "a": "1"}, "values": [[1.5, "10"], [2.5, "NaN"]]},
    {"metric": {"__name__": "m", "b": "2"}, "values": [[2.5, "+Inf"]]},
    warnings=["careful"],
)


def test_a_matrix_has_times_in_milliseconds_and_every_kind_of_value() -> None:
    assert ['m{a="1"}', 'm{b="2"}'] == [one.name for one in TWO]
    assert [1500, 2500] == TWO.series[0].times.tolist()
    assert 10.0 == TWO.series[0].values[0]
    assert np.isnan(TWO.series[0].values[1])
    assert [float("inf")] == TWO.series[1].values.tolist()
    assert ("careful",) == TWO.warnings


def test_a_scalar_is_one_value_and_a_string_is_text() -> None:
    assert 2.0 == read_result({"resultType": "scalar", "result": [1, "2"]}, {}).value
    assert "two" == read_result({"resultType": "string", "result": [1, "two"]}, {}).text


def test_the_value_of_several_series_is_refused() -> None:
    with pytest.raises(InvalidInput, match="2 series with 3 values"):
        _ = TWO.value


def test_a_native_histogram_keeps_its_time() -> None:
    row = {"metric": {}, "histogram": [3, {"count": "4", "sum": "5"}]}
    (one,) = read_result({"resultType": "vector", "result": [row]}, {})
    assert ((3000, {"count": "4", "sum": "5"}),) == one.histograms
    assert 0 == len(one.values)


def test_a_pandas_frame_has_a_row_for_each_sample() -> None:
    pytest.importorskip("pandas")
    frame = TWO.to_pandas()
    assert ["time", "__name__", "a", "b", "value"] == list(frame.columns)
    assert [1500, 2500, 2500] == [round(at.timestamp() * 1000) for at in frame["time"]]
    assert "UTC" == str(frame["time"].dt.tz)
    assert ["1", "1"] == frame["a"].dropna().tolist()
    assert 10.0 == frame["value"][0]


def test_a_wide_pandas_frame_has_a_column_for_each_series() -> None:
    pytest.importorskip("pandas")
    frame = TWO.to_pandas(wide=True)
    assert ['m{a="1"}', 'm{b="2"}'] == list(frame.columns)
    assert (2, 2) == frame.shape
    assert [10.0] == frame['m{a="1"}'].dropna().tolist()


def test_a_polars_frame_has_a_row_for_each_sample() -> None:
    polars = pytest.importorskip("polars")
    frame = TWO.to_polars()
    assert ["time", "__name__", "a", "b", "value"] == frame.columns
    assert polars.Datetime("ms", "UTC") == frame.schema["time"]
    assert ["1", "1", None] == frame["a"].to_list()


def test_a_wide_polars_frame_has_a_column_for_each_series() -> None:
    pytest.importorskip("polars")
    frame = TWO.to_polars(wide=True)
    assert ["time", 'm{a="1"}', 'm{b="2"}'] == frame.columns
    assert [None, float("inf")] == frame['m{b="2"}'].to_list()


def test_frames_of_no_series_have_their_columns() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    assert ["time", "value"] == list(matrix().to_pandas().columns)
    assert ["time", "value"] == matrix().to_polars().columns
    assert 0 == len(matrix().to_pandas(wide=True))
    assert 0 == len(matrix().to_polars(wide=True))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_missing_library_is_named(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InvalidInput, match=f"pip install {library}"):
        getattr(TWO, f"to_{library}")()
