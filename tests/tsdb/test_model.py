"""The whole store against the in-memory reference: whatever is done to it, both say the same."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from prometheus_client import CollectorRegistry
from tests.support.stores import EVER, KEEP_ALL, Row, a_histogram, found, open_tsdb, write_rows

from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.model.samples import STALE_NAN
from bongsu.runtime.clock import ManualClock
from bongsu.storage.memory import MemoryStore
from bongsu.tsdb.folding import fold

if TYPE_CHECKING:
    from bongsu.storage.contract import ProjectStore
    from bongsu.tsdb.database import Database

HOUR = 3_600_000
BEGIN = 1_700_000_000_000 // (72 * HOUR) * (72 * HOUR)
SERIES = [
    {"__name__": "up", "job": "a"},
    {"__name__": "up", "job": "b", "zone": "x"},
    {"__name__": "load", "job": "a"},
    {"job": "c"},
]
CUSTOM = Histogram(
    schema=CUSTOM_BUCKETS_SCHEMA,
    zero_threshold=0.0,
    zero_count=0.0,
    count=3.0,
    sum=float("nan"),
    positive_spans=((0, 2), (1, 1)),
    positive_buckets=(1.0, 0.0, 2.0),
    custom_values=(0.1, 0.5, 1.0),
)
VALUES = (
    st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e9, float("inf"), float("nan"), STALE_NAN])
    | st.integers(3, 5).map(a_histogram)
    | st.sampled_from([a_histogram(7, is_float=True), CUSTOM])
)
SELECTORS = st.sampled_from(
    [
        [],
        [Matcher("job", MatchOp.EQUAL, "a")],
        [Matcher("job", MatchOp.REGEX, "b|c")],
        [Matcher("__name__", MatchOp.NOT_EQUAL, "up")],
        [Matcher("zone", MatchOp.EQUAL, "")],
    ]
)
STEPS = int(os.environ.get("BONGSU_MODEL_STEPS", "20"))
EXAMPLES = int(os.environ.get("BONGSU_MODEL_EXAMPLES", "10"))

PHASES = tuple(phase for phase in Phase if phase is not Phase.shrink or "BONGSU_MODEL_SHRINK" in os.environ)
"""Shrinking a failing run takes minutes: only when asked for."""


class StoreMachine(RuleBasedStateMachine):
    """Writes, deletions, upkeep, restarts and crashes, on one project of the store and on the reference."""

    @initialize()
    def begin(self) -> None:
        """Open an empty store; time passes with what is written."""
        self.folder = Path(tempfile.mkdtemp(prefix="bongsu-model-"))
        self.clock = ManualClock(BEGIN)
        self.reference = MemoryStore().project("one", KEEP_ALL)
        self.newest = BEGIN
        self.moved_until = BEGIN - 1000 * HOUR
        self.open()

    def open(self) -> None:
        """Open the store on what the folder holds."""
        self.registry = CollectorRegistry()
        self.store = open_tsdb(self.folder, clock=self.clock, segment_bytes=3000, registry=self.registry)
        self.project: Database = self.store.project("one", KEEP_ALL)
        other = self.store.project("other", KEEP_ALL)
        assert {} == found(other)

    def both(self) -> list[ProjectStore]:
        """Return the store and the reference."""
        return [self.project, self.reference]

    @rule(
        series=st.sampled_from(SERIES),
        count=st.integers(1, 150),
        step=st.sampled_from([15_000, 60_000, 600_000]),
        start=st.booleans(),
    )
    def write_new_samples(self, series: dict[str, str], count: int, step: int, start: bool) -> None:
        """Append in order of time, as scrapes do."""
        rows = [
            Row(series, self.newest + step * (i + 1), float(i * i % 1000) / 10, self.newest if start else 0)
            for i in range(count)
        ]
        self.newest = rows[-1].timestamp
        self.clock._now_ms = float(self.newest)
        for store in self.both():
            assert () == write_rows(store, rows).rejections

    @rule(
        rows=st.lists(
            st.tuples(st.sampled_from(SERIES), st.integers(0, 40), VALUES), min_size=1, max_size=12
        ),
        overwrite=st.booleans(),
    )
    def write_recent_samples(self, rows: list[tuple[dict[str, str], int, float]], overwrite: bool) -> None:
        """Late samples, repeated ones and contradicting ones, where the head still knows what it has."""
        batch = [
            Row(labels, self.newest - 30_000 * back, value)
            for labels, back, value in rows
            if self.newest - 30_000 * back > self.moved_until
        ]
        if batch:
            answers = [write_rows(store, batch, overwrite=overwrite) for store in self.both()]
            assert answers[0].rejections == answers[1].rejections
            assert answers[0].written == answers[1].written

    @rule(series=st.sampled_from(SERIES), count=st.integers(1, 60), step=st.sampled_from([60_000, 600_000]))
    def write_new_histograms(self, series: dict[str, str], count: int, step: int) -> None:
        """Append histograms in order of time, the last ones of another shape."""
        rows = [
            Row(series, self.newest + step * (i + 1), CUSTOM if i > 50 else a_histogram(3 + i * i))
            for i in range(count)
        ]
        self.newest = rows[-1].timestamp
        self.clock._now_ms = float(self.newest)
        for store in self.both():
            assert () == write_rows(store, rows).rejections

    @rule(series=st.sampled_from(SERIES), hours=st.integers(1, 100), value=VALUES)
    def write_old_sample(self, series: dict[str, str], hours: int, value: float) -> None:
        """Backfill of any time; where a block has the timestamp already, the later one counts."""
        for store in self.both():
            write_rows(store, [Row(series, BEGIN - hours * HOUR + 7, value)], overwrite=True)

    @rule(selector=SELECTORS, back=st.integers(0, 12), length=st.integers(0, 6))
    def delete(self, selector: list[Matcher], back: int, length: int) -> None:
        """Delete some hours."""
        start = self.newest - back * HOUR
        for store in self.both():
            store.delete([selector], start, start + length * HOUR)

    @rule()
    def upkeep(self) -> None:
        """Blocks, merges, checkpoints."""
        self.store.upkeep()
        self.moved_until = max(self.moved_until, (self.newest - HOUR) // (2 * HOUR) * (2 * HOUR))

    @rule()
    def fold(self) -> None:
        """Join chunks and late samples, as upkeep does when they are many."""
        with self.project._memory.lock:
            head = self.project._memory.open().head
        fold(head, self.project._memory.lock)

    @rule()
    def sleep(self) -> None:
        """Let the project leave memory."""
        moved = self.clock._now_ms
        self.clock._start_ms -= 1_000_000
        self.store.upkeep()
        self.clock._now_ms = moved
        self.moved_until = max(self.moved_until, (self.newest - HOUR) // (2 * HOUR) * (2 * HOUR))

    @rule()
    def restart(self) -> None:
        """Close and open."""
        self.store.close()
        self.open()

    @rule()
    def crash(self) -> None:
        """Go on with a copy of what is on disk at this moment, as after a power cut: nothing is closed."""
        copy = Path(tempfile.mkdtemp(prefix="bongsu-model-"))
        shutil.copytree(self.folder, copy, dirs_exist_ok=True)
        self.store.close()
        shutil.rmtree(self.folder)
        self.folder = copy
        self.open()

    @precondition(lambda self: hasattr(self, "project"))
    @invariant()
    def both_say_the_same(self) -> None:
        """Everything, and a part of it."""
        assert found(self.reference) == found(self.project)
        middle = (self.newest - 3 * HOUR, self.newest - HOUR)
        assert found(self.reference, start_ms=middle[0], end_ms=middle[1]) == found(
            self.project, start_ms=middle[0], end_ms=middle[1]
        )
        assert self.reference.label_names([], *EVER) == self.project.label_names([], *EVER)
        assert () == self.store.status().damage
        assert 0.0 == self.registry.get_sample_value("bongsu_tsdb_upkeep_failures_total")

    def teardown(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(AttributeError):
            self.store.close()
            shutil.rmtree(self.folder)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, phases=PHASES)
