from __future__ import annotations

import pytest

from bongsu.promql.execute.label_hash import label_hash, xxhash64


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # From the specification's test vectors and the reference implementation's documentation.
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_xxhash64_gives_the_published_values(data: bytes, expected: int) -> None:
    assert expected == xxhash64(data)


def test_the_order_of_labels_does_not_matter_and_their_borders_do() -> None:
    assert label_hash({"a": "1", "b": "2"}) == label_hash({"b": "2", "a": "1"})
    assert label_hash({"a": "12"}) != label_hash({"a1": "2"})
    assert label_hash({"a": "x" * 300}) != label_hash({"a": "x" * 301})
