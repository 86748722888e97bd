"""A twin of `bongsu.kernels.exposition` that compares and cuts with plain bytes."""

from __future__ import annotations

import re


def match_layout(body: bytes, segments: list[bytes]) -> list[tuple[int, int, int]] | None:
    """Return (value start, value end, line end) of each sample, or None when the body has another layout."""
    spans: list[tuple[int, int, int]] = []
    at = 0
    for segment in segments[:-1]:
        if body[at : at + len(segment)] != segment:
            return None
        at += len(segment)
        token = re.compile(rb"[^ \t\n]*").match(body, at)
        line = re.compile(rb"[^\n]*").match(body, at)
        assert token is not None
        assert line is not None
        spans.append((at, token.end(), line.end()))
        at = line.end()
    return spans if body[at:] == segments[-1] else None
