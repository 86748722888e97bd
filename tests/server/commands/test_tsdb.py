"""`bongsu tsdb` on the folder of a stopped server: it tells, checks, copies and exports, and changes nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.support.stores import KEEP_ALL, Row, a_histogram, expected, found, open_tsdb, write_rows

from bongsu.runtime.clock import ManualClock
from bongsu.server.cli import main
from bongsu.wire.archive.json_lines import read_json_lines

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (2 * HOUR) * (2 * HOUR)
UP = {"__name__": "up", "job": "a"}


def _rows() -> list[Row]:
    rows = [Row(UP, BEGIN + 60_000 * i, i / 8) for i in range(300)]
    rows += [Row({"__name__": "c_total", "n": str(n)}, BEGIN + 1000, float(n)) for n in range(20)]
    return [*rows, *(Row({"__name__": "h"}, BEGIN + 60_000 * i, a_histogram(3 + i)) for i in range(10))]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with blocks, a checkpoint and a log, of two projects."""
    folder = tmp_path / "data"
    with contextlib.closing(open_tsdb(folder / "store", clock=ManualClock(BEGIN + 5 * HOUR))) as store:
        project = store.project("one", KEEP_ALL)
        write_rows(project, _rows())
        store.upkeep()
        write_rows(project, [Row(UP, BEGIN + 5 * HOUR, 7.0)])
        write_rows(store.project("two", KEEP_ALL), [Row({"__name__": "hidden"}, BEGIN, 1.0)])
    return folder


def _all_rows() -> list[Row]:
    return [*_rows(), Row(UP, BEGIN + 5 * HOUR, 7.0)]


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["tsdb", *map(str, arguments)])


def _records(result: Result) -> list[dict[str, Any]]:
    assert 0 == result.exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def _fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "LOCK"
    }


def test_inspect_tells_labels_metrics_blocks_and_codecs(data: Path) -> None:
    before = _fingerprint(data)
    records = _records(_run("inspect", "--data", data, "--project", "one"))
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_kind.setdefault(record["kind"], []).append(record)

    (project,) = by_kind["project"]
    assert (22, len(_all_rows())) == (project["series"], project["samples"])
    assert "n" == by_kind["label"][0]["name"]
    assert (20, 20) == (by_kind["label"][0]["values"], by_kind["label"][0]["series"])
    assert {"up": 301, "h": 10, "c_total": 20} == {m["name"]: m["samples"] for m in by_kind["metric"]}
    assert 1 == len(by_kind["block"])
    in_blocks = sum(block["samples"] for block in by_kind["block"])
    assert in_blocks == sum(codec["samples"] for codec in by_kind["codec"])
    assert {"histograms"} <= {codec["codec"] for codec in by_kind["codec"]}
    assert all(block["bytes"] > 0 for block in by_kind["block"])
    assert before == _fingerprint(data)
    assert {"one", "two"} == {r["project"] for r in _records(_run("inspect", "--data", data))}


def test_verify_names_what_is_damaged_and_changes_nothing(data: Path) -> None:
    assert [] == _records(_run("verify", "--data", data))
    block = min(data.rglob("*.block"))
    for path in (block, next(data.rglob("head.checkpoint")), next((data / "store" / "log").glob("*.log"))):
        content = bytearray(path.read_bytes())
        for at in range(64, 128):  # wider than the padding between two sections
            content[at] ^= 1
        path.write_bytes(content)
    before = _fingerprint(data)

    result = _run("verify", "--data", data)

    assert 1 == result.exit_code
    damaged = {r["file"] for r in map(json.loads, result.stdout.splitlines()) if r["kind"] == "damaged"}
    assert {".block", ".checkpoint", ".log"} == {name[name.rfind(".") :] for name in damaged}
    assert "3 damaged" in result.stderr
    assert before == _fingerprint(data)


def test_verify_tells_an_unfinished_write_from_damage_and_shows_what_was_set_aside(data: Path) -> None:
    log = max((data / "store" / "log").glob("*.log"))
    with log.open("ab") as file:
        file.write(b"BGWR torn")
    aside = data / "store" / "log" / "quarantine" / "1-2.bin"
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(b"x")

    records = _records(_run("verify", "--data", data))

    assert ["note", "set aside"] == [record["kind"] for record in records]
    assert "unfinished write" in records[0]["what"]


def test_a_snapshot_is_a_data_folder_of_its_own(data: Path, tmp_path: Path) -> None:
    assert 0 == _run("snapshot", "--data", data, tmp_path / "copy").exit_code
    shutil.rmtree(data)
    with contextlib.closing(open_tsdb(tmp_path / "copy" / "store")) as store:
        assert expected(*_all_rows()) == found(store.project("one", KEEP_ALL))
        assert () == store.verify()

    again = _run("snapshot", "--data", tmp_path / "copy", tmp_path / "copy")
    assert 1 == again.exit_code
    assert "is there already" in again.output


def test_an_export_as_json_is_everything(data: Path, tmp_path: Path) -> None:
    before = _fingerprint(data)
    out = tmp_path / "out.jsonl"
    assert (
        0 == _run("export", "--data", data, "--project", "one", "--format", "json", "--output", out).exit_code
    )

    batch = read_json_lines(out.read_bytes(), 1)
    assert () == tuple(batch.faults)
    assert len(_all_rows()) == len(batch)
    assert before == _fingerprint(data)
    some = _run(
        "export", "--data", data, "--project", "one", "--format", "json", "--match", "up", "--start", BEGIN / 1000 + 60, "--end",
        BEGIN / 1000 + 120,
    )  # fmt: skip
    assert [BEGIN + 60_000, BEGIN + 120_000] == json.loads(some.stdout)["timestamps"]


def test_promtool_makes_blocks_of_the_openmetrics_export(data: Path, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    out = tmp_path / "out.om"
    result = _run("export", "--data", data, "--project", "one", "--output", out)
    assert "10 native histograms were left out" in result.stderr
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", out, tmp_path / "blocks"],
        check=True,
        capture_output=True,
    )
    (tmp_path / "blocks" / "wal").mkdir()  # promtool reads no folder without one
    dumped = subprocess.run(
        [promtool, "tsdb", "dump", tmp_path / "blocks"], check=True, capture_output=True, text=True
    ).stdout.splitlines()

    assert 321 == len(dumped)
    assert f'{{__name__="up", job="a"}} 7 {BEGIN + 5 * HOUR}' in dumped

    text = _run("export", "--data", data, "--project", "one", "--format", "prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text.stdout, capture_output=True, text=True, check=False
    )
    assert "error while linting" not in checked.stderr, checked.stderr


def test_parquet_has_a_row_for_every_sample(data: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    out = tmp_path / "out.parquet"
    assert (
        0
        == _run(
            "export", "--data", data, "--project", "one", "--format", "parquet", "--output", out
        ).exit_code
    )

    table = parquet.read_table(out)
    assert len(_all_rows()) == table.num_rows
    rows = table.to_pylist()
    (newest,) = [
        row
        for row in rows
        if row["value"] == 7.0
        and row["name"] == "up"
        and row["timestamp"].timestamp() * 1000 == BEGIN + 5 * HOUR
    ]
    assert [("job", "a")] == newest["labels"]
    histograms = [json.loads(row["histogram"]) for row in rows if row["histogram"]]
    assert [3.0 + i for i in range(10)] == [histogram["count"] for histogram in histograms]


def test_a_folder_that_a_server_has_is_left_alone_with_a_hint(data: Path, tmp_path: Path) -> None:
    with contextlib.closing(open_tsdb(data / "store")):
        for arguments in (
            ("inspect",),
            ("verify",),
            ("export", "--project", "one"),
            ("snapshot", tmp_path / "copy"),
        ):
            result = _run(arguments[0], "--data", data, *arguments[1:])

            assert 1 == result.exit_code
            assert "a running server has the data folder" in result.output
            assert "/admin/v1/store" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("inspect", "--data", "/nonexistent"), "is no data folder"),
        (("inspect", "--data", "{data}", "--project", "three"), "it has one, two"),
        (("export", "--data", "{data}"), "name one project with --project"),
        (("export", "--data", "{data}", "--project", "one", "--match", "{"), "is no selector"),
        (
            ("export", "--data", "{data}", "--project", "one", "--format", "parquet"),
            "name a file with --output",
        ),
        (("export", "--data", "{data}", "--project", "one", "--output", "/nonexistent/x"), "cannot write"),
    ],
)
def test_mistakes_are_told_with_what_to_change(data: Path, arguments: tuple[str, ...], words: str) -> None:
    result = _run(
        *(argument.replace("{data}", str(data)) if argument != "{" else argument for argument in arguments)
    )

    assert 0 != result.exit_code
    assert words in result.output
    assert "Traceback" not in result.output
