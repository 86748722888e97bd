"""The label index against label columns made from plain maps, and many texts matched at once against each by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.model.errors import InvalidInput
from bongsu.model.label_columns import LabelColumns
from bongsu.model.labels import series_key
from bongsu.model.matchers import Matcher, MatchOp
from bongsu.runtime.regex import full_matcher, line_matcher
from bongsu.storage.matching import match_lines, match_rows
from bongsu.tsdb.index import LabelIndex
from bongsu.tsdb.keys import join_keys

NAMES = st.sampled_from(["__name__", "job", "zone", "봉수", "a" * 70])
VALUES = st.sampled_from(["a", "b", "ab", "1", "two\nlines", "불", "x" * 300]) | st.integers(0, 40).map(str)
MAPS = st.dictionaries(NAMES, VALUES, max_size=4)
PATTERNS = [
    "a|b",
    "a.*",
    ".+",
    ".*",
    "[^a]+",
    "(?i)A",
    "\\d+",
    "^a$",
    "1|2.",
    "two.lines",
    "",
    "(?s)t.*",
    "\\Aa\\z",
    "a\\b.*",
]


@st.composite
def matchers(draw: st.DrawFn) -> Matcher:
    """Draw one condition."""
    op = draw(st.sampled_from(MatchOp))
    is_pattern = op in (MatchOp.REGEX, MatchOp.NOT_REGEX)
    return Matcher(
        draw(NAMES), op, draw(st.sampled_from(PATTERNS)) if is_pattern else draw(VALUES | st.just(""))
    )


def check(index: LabelIndex, members: list[int], maps: list[dict[str, str]], asked: list[Matcher]) -> None:
    """Compare what the index says of its members with what plain maps say."""
    columns = LabelColumns.from_maps(maps)
    wanted = {m for m, holds in zip(members, match_rows(columns, asked).tolist(), strict=True) if holds}
    found = index.match(asked)
    assert wanted == set(found.tolist())
    by_member = dict(zip(members, maps, strict=True))
    assert [by_member[m] for m in found.tolist()] == index.columns(found).maps()


@given(
    st.lists(MAPS, max_size=30, unique_by=series_key),
    st.lists(matchers(), max_size=3),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_index_agrees_with_plain_maps(
    maps: list[dict[str, str]], asked: list[Matcher], data: st.DataObject
) -> None:
    index = LabelIndex()
    cut = data.draw(st.integers(0, len(maps)))
    members = np.arange(len(maps), dtype=np.int64) * 3
    for rows in (slice(0, cut), slice(cut, None)):
        index.add(members[rows], join_keys([series_key(labels) for labels in maps[rows]]))
        index.columns(index.match([]))  # what is kept of the texts so far must go on with the next ones
        index.match(asked)
    check(index, members.tolist(), maps, asked)

    gone = data.draw(st.sets(st.sampled_from(range(len(maps))))) if maps else set()
    index.remove(members[sorted(gone)])
    left = [i for i in range(len(maps)) if i not in gone]
    check(index, members[left].tolist(), [maps[i] for i in left], asked)


def test_index_grows_past_every_first_size() -> None:
    maps = [{f"name-{i % 70}": f"value-{i}", "j": str(i % 300), "k" * (i % 90 + 1): "v"} for i in range(3000)]
    index = LabelIndex()
    index.add(np.arange(3000), join_keys([series_key(labels) for labels in maps]))

    assert maps == index.columns(np.arange(3000)).maps()
    assert [2999] == index.match([Matcher("name-59", MatchOp.EQUAL, "value-2999")]).tolist()


@given(
    st.lists(st.text(min_size=1, max_size=6) | st.sampled_from(["a", "ab", "\n", "b\n"]), max_size=20),
    st.sampled_from(PATTERNS) | st.text(alphabet="ab.*+|()[]^$?:i\\n", max_size=8),
    st.sampled_from(MatchOp),
)
@settings(max_examples=300, deadline=None)
def test_many_texts_match_as_each_by_itself(texts: list[str], pattern: str, op: MatchOp) -> None:
    texts = [text for text in texts if text.isprintable() or "\n" in text]
    encoded = [text.encode(errors="replace") for text in texts]
    lines = b"".join(text + b"\n" for text in encoded)
    starts = np.cumsum([0, *(len(text) + 1 for text in encoded)])[:-1]
    try:
        matches = full_matcher(pattern)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            line_matcher(pattern)
        return
    wanted = [
        text == pattern if op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL) else matches(text)
        for text in map(bytes.decode, encoded)
    ]
    if op in (MatchOp.NOT_EQUAL, MatchOp.NOT_REGEX):
        wanted = [not holds for holds in wanted]

    held = match_lines(Matcher("x", op, pattern), lines, starts, sum(text.count(b"\n") for text in encoded))

    assert wanted == held.tolist()
