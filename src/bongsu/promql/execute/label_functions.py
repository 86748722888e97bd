"""Functions that rewrite labels; they run once per distinct value, not per series."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bongsu.model.errors import InvalidInput
from bongsu.model.label_columns import ABSENT, LabelColumn, column_of_texts
from bongsu.model.labels import METRIC_NAME
from bongsu.promql.errors import ExecutionError
from bongsu.promql.execute.shape import merge_equal
from bongsu.runtime.regex import compile_anchored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from bongsu.model.label_columns import LabelColumns
    from bongsu.promql.values import Vector

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")
"""A reference to a group in a replacement, in Go's notation: $1, $name, ${name}; $$ is a dollar sign."""


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """
    Set label `target` to `replacement` where label `source` matches `pattern` as a whole.

    Raises
    ------
    ExecutionError
        If the pattern or the label name is not valid, or two series become equal.
    """
    try:
        compiled = compile_anchored(pattern)
    except InvalidInput as error:
        raise ExecutionError(
            f"invalid regular expression in label_replace(): {pattern}", id="promql-bad-regex"
        ) from error
    _check_name(target, "label_replace")
    old = vector.labels.get(target)
    texts, codes = _texts_and_codes(vector.labels.get(source), vector.n_series)
    matched = [compiled.fullmatch(text) for text in texts]
    replaced = column_of_texts(["" if match is None else _expand(replacement, match) for match in matched])
    hit = np.array([match is not None for match in matched], dtype=np.bool_)[codes]
    if not hit.any():
        return vector
    return _with_label(vector, target, old, replaced.gather(codes), hit)


def label_join(vector: Vector, target: str, separator: str, sources: Sequence[str]) -> Vector:
    """
    Set label `target` to the values of `sources`, joined.

    Raises
    ------
    ExecutionError
        If a label name is not valid, or two series become equal.
    """
    _check_name(target, "label_join")
    for source in sources:
        if not _is_name(source):
            raise ExecutionError(
                f"invalid source label name in label_join(): {source}", id="promql-bad-label-name"
            )
    ids, first = vector.labels.group_ids(sources)
    # A label may be named more than once, so the texts are read from the first series of each group, label by label.
    columns = [_texts_of(vector.labels.get(source), first) for source in sources]
    joined = [separator.join(parts) for parts in zip(*columns, strict=True)] if columns else [""] * len(first)
    column = column_of_texts(joined).gather(ids)
    return _with_label(vector, target, None, column, np.ones(vector.n_series, dtype=np.bool_))


def _with_label(
    vector: Vector, name: str, old: LabelColumn | None, new: LabelColumn, hit: NDArray[np.bool_]
) -> Vector:
    """Return the vector with the label set to `new` where `hit` holds."""
    column = new if hit.all() else _choose(old, new, hit)
    drop_name = vector.drop_name
    if name == METRIC_NAME and drop_name is not None:
        drop_name = drop_name & ~hit
    labels: LabelColumns = vector.labels.with_column(name, column)
    return merge_equal(replace(vector, labels=labels, drop_name=drop_name))


def _choose(old: LabelColumn | None, new: LabelColumn, hit: NDArray[np.bool_]) -> LabelColumn:
    old_texts = np.full(len(hit), "", dtype=object) if old is None else old.texts()
    return column_of_texts(np.where(hit, new.texts(), old_texts))


def _texts_and_codes(column: LabelColumn | None, n_series: int) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct texts of a label, the empty one last, and the index of each series' text."""
    if column is None:
        return [""], np.zeros(n_series, dtype=np.int64)
    texts = [*map(str, column.values), ""]
    return texts, np.where(column.codes == ABSENT, len(texts) - 1, column.codes).astype(np.int64)


def _texts_of(column: LabelColumn | None, rows: NDArray[np.int64]) -> list[str]:
    if column is None:
        return [""] * len(rows)
    return [str(text) for text in column.gather(rows).texts()]


def _expand(replacement: str, match: Any) -> str:
    """Expand group references as Go does: a name that is no group is the empty text."""
    groups = match.groups()
    named = match.groupdict()

    def text_of(reference: re.Match[str]) -> str:
        name = reference.group(1) or reference.group(2)
        if name is None:
            return "$"
        if name.isascii() and name.isdigit() and (name == "0" or name[0] != "0"):
            number = int(name)
            if number == 0:
                return str(match.group(0))
            return (groups[number - 1] or "") if number <= len(groups) else ""
        return named.get(name) or ""

    return _REFERENCE.sub(text_of, replacement)


def _check_name(name: str, function: str) -> None:
    if not _is_name(name):
        raise ExecutionError(
            f"invalid destination label name in {function}(): {name}", id="promql-bad-label-name"
        )


def _is_name(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False
