"""Search among names and values: which of them resemble what a person typed, and how much."""

from __future__ import annotations

import enum
import heapq
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_PREFIX_WEIGHT = 0.1
_PREFIX_LENGTH = 4
"""Winkler's constants: each of up to four equal first characters takes a tenth of what is missing to 1."""


class FuzzAlgorithm(enum.StrEnum):
    """How texts that do not contain each other are compared."""

    SUBSEQUENCE = "subsequence"
    JARO_WINKLER = "jarowinkler"


class Found(NamedTuple):
    """One entry and how well it fits, from 0 to 1."""

    name: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    What is looked for.

    Attributes
    ----------
    terms
        An entry is found if one of them fits; all entries are when there is none.
    threshold
        Least score of an entry that contains no term; 0 finds only entries that contain one.
    by_score
        Best first, instead of sorted by text.
    descending
        Sorted by text from the end; not together with `by_score`.
    limit
        Most entries that are returned.
    """

    terms: tuple[str, ...] = ()
    algorithm: FuzzAlgorithm = FuzzAlgorithm.SUBSEQUENCE
    threshold: float = 0.0
    case_sensitive: bool = True
    by_score: bool = False
    descending: bool = False
    limit: int = 100


def search(entries: Iterable[str], wanted: Search) -> tuple[list[Found], bool]:
    """Return what was found, in order, and whether there is more of it than `wanted.limit`."""
    found = [Found(entry, score) for entry in entries if (score := _score_of(entry, wanted)) is not None]
    if wanted.by_score:
        chosen = heapq.nsmallest(wanted.limit, found, key=lambda each: (-each.score, each.name))
    else:
        found.sort(reverse=wanted.descending)
        chosen = found[: wanted.limit]
    return chosen, len(found) > wanted.limit


def _score_of(entry: str, wanted: Search) -> float | None:
    """Return the best score over the terms, None when no term fits."""
    if not wanted.terms:
        return 1.0
    compare = _COMPARISONS[wanted.algorithm]
    text = entry if wanted.case_sensitive else entry.casefold()
    best = None
    for term in wanted.terms:
        term = term if wanted.case_sensitive else term.casefold()
        contained = term in text
        if not contained and not wanted.threshold:
            continue
        score = compare(term, text)
        if (contained or score >= wanted.threshold) and (best is None or score > best):
            best = score
    return best


def subsequence_score(term: str, text: str) -> float:
    """
    Return how well the characters of `term` are found in `text` in order: 1 when they are equal, 0 when they are not all there.

    Characters that stand together count more than scattered ones (the root of the summed squares of the lengths of the runs), and
    so does a term that makes up much of the text.
    """
    if not term:
        return 1.0 if not text else 0.5
    squares = len(term) ** 2 if term in text else _scattered_squares(term, text)
    return math.sqrt(squares) / len(term) * (0.5 + 0.5 * len(term) / max(len(text), len(term)))


def _scattered_squares(term: str, text: str) -> int:
    """Return the sum of squared runs when each character is taken at its first place after the one before; 0 if one is missing."""
    squares, run, previous = 0, 0, -2
    for character in term:
        place = text.find(character, max(previous + 1, 0))
        if place < 0:
            return 0
        if place != previous + 1:
            squares += run * run
            run = 0
        run += 1
        previous = place
    return squares + run * run


def jaro_winkler_score(term: str, text: str) -> float:
    """
    Return the Jaro-Winkler similarity of two texts, 1 when they are equal.

    Source: W. E. Winkler, "String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter Model of Record Linkage"
    (1990), section 2.
    """
    similarity = _jaro(term, text)
    prefix = 0
    for a, b in zip(term[:_PREFIX_LENGTH], text[:_PREFIX_LENGTH], strict=False):
        if a != b:
            break
        prefix += 1
    return similarity + prefix * _PREFIX_WEIGHT * (1 - similarity)


def _jaro(a: str, b: str) -> float:
    if a == b:
        return 1.0
    reach = max(len(a), len(b), 2) // 2 - 1
    taken = [False] * len(b)
    of_a: list[str] = []
    for i, character in enumerate(a):
        for j in range(max(0, i - reach), min(len(b), i + reach + 1)):
            if not taken[j] and b[j] == character:
                taken[j] = True
                of_a.append(character)
                break
    common = len(of_a)
    if not common:
        return 0.0
    of_b = [character for character, used in zip(b, taken, strict=True) if used]
    swapped = sum(x != y for x, y in zip(of_a, of_b, strict=True)) / 2
    return (common / len(a) + common / len(b) + (common - swapped) / common) / 3


_COMPARISONS: dict[FuzzAlgorithm, Callable[[str, str], float]] = {
    FuzzAlgorithm.SUBSEQUENCE: subsequence_score,
    FuzzAlgorithm.JARO_WINKLER: jaro_winkler_score,
}
