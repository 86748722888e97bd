"""The client against the real server; what one project writes no other sees."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.support.process import running_server

from bongsu.client import CallFailed, Client, Series
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.process import ServerProcess, Tenant

pytestmark = pytest.mark.process

NOW_S = int(time.time()) // 60 * 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running_server(tmp_path_factory.mktemp("client")) as server:
        yield server


@pytest.fixture(scope="module")
def tenant(server: ServerProcess) -> Tenant:
    return server.first_project


@pytest.fixture
def client(tenant: Tenant) -> Iterator[Client]:
    with Client(tenant.url, tenant.appkey) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(server: ServerProcess) -> Iterator[Client]:
    other = server.create_project("other")
    with Client(other.url, other.appkey) as client:
        yield client


def rising(name: str, count: int, **labels: str) -> Series:
    """Return whole numbers, one a minute, the last one now."""
    times = 1000 * (NOW_S - 60 * np.arange(count - 1, -1, -1, dtype=np.int64))
    return Series({"__name__": name, **labels}, times, np.arange(count, dtype=np.float64))


def test_what_was_written_is_read_back(client: Client, stranger: Client) -> None:
    assert 40 == client.write([rising("written", 20, room=room) for room in ("한옥", "b")])

    result = client.query_range("written", start=NOW_S - 19 * 60, end=NOW_S, step="1m")

    assert {"한옥", "b"} == {one.labels["room"] for one in result}
    for one in result:
        assert rising("written", 20).times.tolist() == one.times.tolist()
        assert list(range(20)) == one.values.tolist()
    assert 38.0 == client.query("sum(written)", time=NOW_S).value
    assert 0 == len(stranger.query_range("written", start=NOW_S - 19 * 60, end=NOW_S))


def test_an_answer_can_be_written_again(client: Client) -> None:
    client.write([rising("once", 5)])
    copied = [
        Series({**one.labels, "__name__": "twice"}, one.times, one.values)
        for one in client.query_range("once", start=NOW_S - 240, end=NOW_S, step=60)
    ]
    assert 5 == client.write(copied)
    assert 4.0 == client.query("twice", time=NOW_S).value


def test_large_writes_go_in_several_requests(client: Client) -> None:
    times = 1000 * NOW_S - 10 * np.arange(25_000, dtype=np.int64)[::-1]
    assert 25_000 == client.write([Series({"__name__": "large"}, times, np.ones(25_000))])
    assert 25_000.0 == client.query("count_over_time(large[10m])", time=NOW_S).value


def test_series_and_labels_are_looked_up_in_the_own_project_only(client: Client, stranger: Client) -> None:
    client.write([rising("looked_up", 2, **{"my.label": "x y"})])
    span = {"start": NOW_S - 600, "end": NOW_S}
    assert [{"__name__": "looked_up", "my.label": "x y"}] == client.series("looked_up", **span)
    assert ["__name__", "my.label"] == client.label_names("looked_up", **span)
    assert ["x y"] == client.label_values("my.label", **span)
    assert "looked_up" in client.label_values("__name__", **span)
    assert [] == stranger.series("looked_up", **span)
    assert "looked_up" not in stranger.label_values("__name__")
    assert {} == client.metadata("looked_up")


def test_a_bad_expression_is_refused_in_the_servers_words(client: Client) -> None:
    with pytest.raises(CallFailed, match="parse error") as refused:
        client.query("sum(")
    assert (400, "bad_data") == (refused.value.status, refused.value.kind)


def test_refused_samples_are_named_and_the_others_stored(client: Client) -> None:
    ahead = Series({"__name__": "ahead"}, np.array([1000 * NOW_S + 86_400_000]), np.ones(1))
    with pytest.raises(CallFailed, match="out of bounds") as refused:
        client.write([rising("beside", 1), ahead])
    assert 400 == refused.value.status
    assert 0.0 == client.query("beside", time=NOW_S).value


def test_a_wrong_key_and_a_foreign_project_are_refused(tenant: Tenant) -> None:
    with Client(tenant.url, "no.key") as client, pytest.raises(CallFailed) as unknown:
        client.query("1")
    with Client(tenant.url, tenant.appkey, project="other") as client, pytest.raises(CallFailed) as foreign:
        client.query("1")
    with Client(tenant.url, tenant.appkey, project=tenant.project_id) as client:
        assert 1.0 == client.query("1").value
    assert (401, 403) == (unknown.value.status, foreign.value.status)


def test_a_server_that_is_not_there_is_named() -> None:
    with (
        Client("http://127.0.0.1:1", "k") as client,
        pytest.raises(CallFailed, match="is the server running"),
    ):
        client.query("1")


def test_the_connection_is_kept_and_made_again(client: Client) -> None:
    client.query("1")
    client.close()
    assert 1.0 == client.query("1").value


@pytest.mark.parametrize(
    ("series", "said"),
    [
        (Series({"a": "b"}, np.array([1]), np.ones(1)), "no metric name"),
        (Series({"__name__": "m"}, np.array([1, 2]), np.ones(1)), "one value for each time"),
        (Series({"__name__": "m"}, np.array([1.5]), np.ones(1)), "Unix milliseconds"),
    ],
)
def test_a_series_that_cannot_be_sent_says_why(client: Client, series: Series, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        client.write([series])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_comes_back_as_it_was_written(client: Client, library: str) -> None:
    pytest.importorskip(library)
    name = f"framed_{library}"
    client.write([rising(name, 3, side=side) for side in ("left", "right")])
    span = {"start": NOW_S - 120, "end": NOW_S, "step": 60}
    frame = getattr(client.query_range(name, **span), f"to_{library}")()
    frame = frame.drop(columns="__name__") if library == "pandas" else frame.drop("__name__")

    assert 6 == client.write_frame(frame, metric=f"{name}_again")

    again = client.query_range(f"{name}_again", **span)
    assert {"left": [0.0, 1.0, 2.0], "right": [0.0, 1.0, 2.0]} == {
        one.labels["side"]: one.values.tolist() for one in again
    }


def test_a_frame_without_the_columns_is_refused(client: Client) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InvalidInput, match="no column time, value"):
        client.write_frame(pandas.DataFrame({"a": [1]}), metric="m")
