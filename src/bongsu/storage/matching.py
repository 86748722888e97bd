"""Evaluation of matchers: once per distinct label value, then gathered through the codes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.matchers import Matcher, MatchOp
from bongsu.runtime.regex import full_matcher, line_matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns


def predicate(matcher: Matcher) -> Callable[[str], bool]:
    """Return the matcher as a function of one label value; the empty string stands for a missing label."""
    if matcher.op is MatchOp.EQUAL:
        return matcher.value.__eq__
    if matcher.op is MatchOp.NOT_EQUAL:
        return matcher.value.__ne__
    matches = full_matcher(matcher.value)
    if matcher.op is MatchOp.REGEX:
        return matches
    return lambda text: not matches(text)


def matches_empty(matcher: Matcher) -> bool:
    """Tell whether series without the label match."""
    return predicate(matcher)("")


def match_lines(matcher: Matcher, lines: bytes, starts: NDArray[np.int64], feeds: int) -> NDArray[np.bool_]:
    """
    Tell for each of many texts whether the matcher holds.

    Parameters
    ----------
    lines
        The texts in UTF-8, not empty, each ended by a line feed.
    starts : ndarray of int64, shape (n_texts,)
        Where each text begins.
    feeds
        Line feeds that the texts have themselves; where there are any, the texts are looked at one by one.
    """
    held = np.zeros(len(starts), dtype=np.bool_)
    if not len(starts):
        return held
    if matcher.op in (MatchOp.EQUAL, MatchOp.NOT_EQUAL):
        holds = predicate(matcher)
        ends = np.append(starts[1:], len(lines)) - 1
        same = np.flatnonzero(ends - starts == len(matcher.value.encode(errors="replace")))
        for i in same.tolist():
            held[i] = lines[starts[i] : ends[i]].decode() == matcher.value
        return held if holds(matcher.value) else ~held
    find = None if feeds else line_matcher(matcher.value)
    if find is None:
        holds = full_matcher(matcher.value)
        bounds = np.append(starts, len(lines)).tolist()
        texts = (lines[low : high - 1].decode() for low, high in itertools.pairwise(bounds))
        held[:] = np.fromiter(map(holds, texts), dtype=np.bool_, count=len(starts))
    else:
        found = np.fromiter(find(lines), dtype=np.int64)
        held[np.searchsorted(starts, found)] = True
    return ~held if matcher.op is MatchOp.NOT_REGEX else held


def match_rows(labels: LabelColumns, matchers: Sequence[Matcher]) -> NDArray[np.bool_]:
    """Tell for each series whether all matchers hold; shape (n_series,)."""
    kept = np.ones(labels.n_series, dtype=np.bool_)
    for matcher in matchers:
        holds = predicate(matcher)
        column = labels.get(matcher.name)
        if column is None:
            if not holds(""):
                kept[:] = False
                break
            continue
        # The last entry answers for the code of an absent label, -1.
        answers = np.fromiter(
            (holds(v) for v in (*column.values, "")), dtype=np.bool_, count=len(column.values) + 1
        )
        kept &= answers[column.codes]
    return kept
