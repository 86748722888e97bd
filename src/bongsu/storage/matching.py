"""Evaluation of matchers: once per distinct label value, then gathered through the codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.matchers import Matcher, MatchOp
from bongsu.runtime.regex import full_matcher

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
