from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.remote_write import (
    TYPES,
    V2_TYPE,
    SentSeries,
    encode_v1,
    encode_v2,
    message,
    number,
    packed,
    series,
    text,
)

from bongsu.model.errors import InvalidInput
from bongsu.model.histograms import CUSTOM_BUCKETS_SCHEMA, Histogram, ResetHint
from bongsu.model.samples import STALE_NAN, Exemplar, MetricMetadata
from bongsu.wire.messages import BadMessage
from bongsu.wire.remote_write.errors import BadRemoteWrite
from bongsu.wire.remote_write.histograms import HistogramSample
from bongsu.wire.remote_write.negotiation import UnsupportedMessage, version_of
from bongsu.wire.remote_write.request import Version, WireRequest

SEEDS = np.array([1, 2], dtype=np.uint64)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
label_sets = st.lists(st.tuples(texts, texts), max_size=4).map(tuple)
times = st.integers(-(2**63), 2**63 - 1)
numbers = st.floats(allow_nan=False)
samples = st.lists(st.tuples(times, numbers, times), max_size=3).map(tuple)
counts = st.lists(st.integers(0, 1000).map(float), min_size=3, max_size=3).map(tuple)


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    is_float = draw(st.booleans())
    custom = draw(st.booleans())
    return Histogram(
        schema=CUSTOM_BUCKETS_SCHEMA if custom else draw(st.integers(-4, 8)),
        zero_threshold=draw(numbers),
        zero_count=draw(st.integers(0, 100).map(float)),
        count=draw(st.integers(0, 2**50).map(float)),
        sum=draw(numbers),
        positive_spans=draw(st.sampled_from([(), ((-3, 3),), ((1, 1), (2, 2))])),
        positive_buckets=draw(counts),
        negative_spans=((0, 3),),
        negative_buckets=draw(counts),
        custom_values=draw(counts) if custom else (),
        reset_hint=draw(st.sampled_from(ResetHint)),
        is_float=is_float,
    )


metadata = st.builds(MetricMetadata, st.just(""), st.sampled_from(TYPES), texts, texts)
sent_series = st.builds(
    SentSeries,
    label_sets,
    samples,
    st.lists(st.tuples(times, histograms(), times), max_size=2).map(tuple),
    st.lists(st.builds(Exemplar, label_sets, numbers, times), max_size=2).map(tuple),
    st.one_of(st.none(), metadata),
)
requests = st.lists(sent_series, max_size=4)


def check(request: WireRequest, sent: list[SentSeries], *, starts: bool) -> None:
    assert [one.labels for one in sent] == [request.labels(row) for row in range(len(request))]
    found = zip(
        request.sample_series.tolist(), request.timestamps.tolist(), request.values.tolist(), strict=True
    )
    assert [(row, t, v) for row, one in enumerate(sent) for t, v, _ in one.samples] == list(found)
    sent_starts = [start for one in sent for _, _, start in one.samples]
    if starts and any(sent_starts):
        assert request.starts is not None
        assert sent_starts == request.starts.tolist()
    else:
        assert request.starts is None
    assert [
        (row, HistogramSample(h, t, start if starts else 0))
        for row, one in enumerate(sent)
        for t, h, start in one.histograms
    ] == list(request.histograms())
    assert [(row, e) for row, one in enumerate(sent) for e in one.exemplars] == list(request.exemplars())


@given(requests, st.lists(st.builds(MetricMetadata, texts, st.sampled_from(TYPES), texts, texts), max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_request_of_version_1_is_read_as_it_was_written(
    sent: list[SentSeries], told: list[MetricMetadata]
) -> None:
    # Version 1.0 has no start timestamps.
    plain = [
        SentSeries(one.labels, one.samples, tuple((t, h, 0) for t, h, _ in one.histograms), one.exemplars)
        for one in sent
    ]
    request = WireRequest(encode_v1(plain, tuple(told)), Version.V1)
    check(request, plain, starts=False)
    assert told == request.metadata()


@given(requests)
@settings(max_examples=60, deadline=None)
def test_a_request_of_version_2_is_read_as_it_was_written(sent: list[SentSeries]) -> None:
    request = WireRequest(encode_v2(sent), Version.V2)
    check(request, sent, starts=True)
    told = request.hashes(SEEDS).metadata != 0
    for row, one in enumerate(sent):
        if one.metadata is None:
            assert not told[row]
        else:
            expected = one.metadata
            found = request.series_metadata(row)
            assert (expected.type, expected.help, expected.unit) == (found.type, found.help, found.unit)


def exercise(data: bytes, version: Version) -> None:
    request = WireRequest(data, version)
    request.hashes(SEEDS)
    list(request.histograms())
    list(request.exemplars())
    for row in range(len(request)):
        request.labels(row)
        request.series_metadata(row)
    request.metadata()


SEED_BODIES = [
    encode_v1([series("a", (1, 2.0), x="y")], (MetricMetadata("a", "gauge", "h", "u"),)),
    encode_v2(
        [
            SentSeries(
                (("__name__", "a"),),
                ((1, 2.0, 3),),
                ((1, Histogram(0, 0, 0, 1, 1, ((0, 1),), (1.0,)), 0),),
                (Exemplar((("a", "b"),), 1.0, 2),),
            )
        ]
    ),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a good request with some bytes changed, cut off, or repeated."""
    data = bytearray(draw(st.sampled_from(SEED_BODIES)))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    cut = draw(st.integers(0, len(data)))
    return bytes(data[:cut] + data[: draw(st.integers(0, cut))])


@given(st.one_of(st.binary(max_size=60), damaged()), st.sampled_from(Version))
@settings(max_examples=500, deadline=None)
def test_any_bytes_give_a_request_or_a_declared_error(data: bytes, version: Version) -> None:
    try:
        exercise(data, version)
    except InvalidInput as error:
        assert len(error.message) < 1_000  # noqa: PT017 - both ends are right


def test_values_are_kept_bit_for_bit() -> None:
    bits = [
        0x7FF0_0000_0000_0002,
        0x7FF8_0000_0000_0001,
        0x8000_0000_0000_0000,
        0x7FF0_0000_0000_0000,
        0xFFF8_1234_5678_9ABC,
    ]
    sent = [series("a", *((i, struct.unpack("<d", struct.pack("<Q", b))[0]) for i, b in enumerate(bits)))]
    assert STALE_NAN != sent[0].samples[0][1]
    for request in (WireRequest(encode_v1(sent), Version.V1), WireRequest(encode_v2(sent), Version.V2)):
        assert bits == request.values.view(np.uint64).tolist()


def test_equal_labels_hash_alike_across_requests_and_others_do_not() -> None:
    one, other = series("a", (1, 1.0), x="1"), series("a", (1, 1.0), x="2")
    for encode, version in ((encode_v1, Version.V1), (encode_v2, Version.V2)):
        first = WireRequest(encode([one, other]), version).hashes(SEEDS)
        second = WireRequest(encode([other, series("b"), one]), version).hashes(SEEDS)
        assert first.plain.all()
        assert first.labels[0].tolist() == second.labels[2].tolist()
        assert first.labels[1].tolist() == second.labels[0].tolist()
        assert first.labels[0].tolist() != first.labels[1].tolist()


def test_finer_histograms_are_merged_down_to_schema_8() -> None:
    fine = Histogram(
        10, 0.0, 0.0, 10.0, 1.0, ((1, 5), (2, 1)), (1.0, 2.0, 3.0, 1.0, 1.0, 2.0), ((-3, 1),), (0.0,)
    )
    ((_, sample),) = WireRequest(encode_v1([SentSeries((), (), ((5, fine, 0),))]), Version.V1).histograms()
    # Buckets 1..5 and 8 of schema 10 lie in buckets 1, 1, 1, 1, 2 and 2 of schema 8; bucket -3 lies in 0.
    assert isinstance(sample, HistogramSample)
    merged = sample.value
    assert (8, ((1, 2),), (7.0, 3.0), ((0, 1),), (0.0,)) == (
        merged.schema,
        merged.positive_spans,
        merged.positive_buckets,
        merged.negative_spans,
        merged.negative_buckets,
    )


def test_labels_in_pieces_are_read_but_not_found_by_hash() -> None:
    label = message(1, text(1, "a") + text(2, "b"))
    name = message(1, text(1, "__name__") + text(2, "m"))
    request = WireRequest(message(1, label + message(2, b"") + name), Version.V1)
    assert (("a", "b"), ("__name__", "m")) == request.labels(0)
    assert [False] == request.hashes(SEEDS).plain.tolist()
    unpacked = b"".join(number(1, ref) for ref in (1, 2))
    request = WireRequest(
        b"".join(message(4, s) for s in (b"", b"__name__", b"m")) + message(5, unpacked), Version.V2
    )
    assert (("__name__", "m"),) == request.labels(0)
    assert [False] == request.hashes(SEEDS).plain.tolist()


@pytest.mark.parametrize(
    ("references", "error"),
    [
        ([1, 2, 1], "3 label references are given; names and values go in pairs"),
        ([1, 9], "reference 9 is outside the symbol table, which has 3 entries"),
    ],
)
def test_wrong_references_are_named(references: list[int], error: str) -> None:
    symbols = b"".join(message(4, s) for s in (b"", b"__name__", b"m"))
    request = WireRequest(symbols + message(5, packed(1, references)), Version.V2)
    with pytest.raises(BadRemoteWrite) as caught:
        request.labels(0)
    assert error == caught.value.message


@pytest.mark.parametrize("symbols", [b"", message(4, b"x")])
def test_a_symbol_table_begins_with_the_empty_string(symbols: bytes) -> None:
    with pytest.raises(BadRemoteWrite, match="must begin with the empty string"):
        WireRequest(symbols, Version.V2)


def test_unknown_fields_are_ignored() -> None:
    unknown = number(15, 7) + message(14, b"xyz") + number(6, 1_700_000_000_000)
    request = WireRequest(
        message(4, b"") + unknown + message(5, unknown + message(2, number(2, 5) + unknown)), Version.V2
    )
    assert [5] == request.timestamps.tolist()


def test_a_broken_request_names_the_place_and_the_message() -> None:
    with pytest.raises(BadRemoteWrite) as caught:
        WireRequest(b"\x0a\x05ab", Version.V1)
    assert (
        "cannot read the body as prometheus.WriteRequest: malformed protobuf at byte 0 of 4; "
        "check that the content type names the message that is sent"
    ) == caught.value.message


@pytest.mark.parametrize(
    ("content_type", "version"),
    [
        (None, Version.V1),
        ("", Version.V1),
        ("application/x-protobuf", Version.V1),
        ("application/x-protobuf; proto=prometheus.WriteRequest", Version.V1),
        (V2_TYPE, Version.V2),
        ('Application/X-Protobuf; charset=utf-8; Proto="io.prometheus.write.v2.Request"', Version.V2),
    ],
)
def test_the_content_type_names_the_version(content_type: str | None, version: Version) -> None:
    assert version is version_of(content_type)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "application/x-protobuf;proto=io.prometheus.write.v3.Request", ";"],
)
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMessage):
        version_of(content_type)


def test_empty_parts_by_the_million_are_refused_before_they_take_memory() -> None:
    for part, version in ((b"\x0a\x00", Version.V1), (b"\x22\x00", Version.V2)):
        with pytest.raises(
            BadRemoteWrite, match="the request has 1000001 series, samples or symbols, 1000000 are allowed"
        ):
            WireRequest(part * 1_000_001, version)


def test_labels_by_the_ten_thousand_cost_their_series_only() -> None:
    label = message(1, text(1, "a") + text(2, "b"))
    body = message(1, label * 10_000) + encode_v1([series("good", (1, 1.0))])
    request = WireRequest(body, Version.V1)
    with pytest.raises(BadMessage, match="more than 4096 values"):
        request.labels(0)
    assert (("__name__", "good"),) == request.labels(1)
    packed_refs = b"".join(message(4, s) for s in (b"", b"x")) + message(5, packed(1, [0, 1] * 10_000))
    with pytest.raises(BadMessage, match="more than 8192 values"):
        WireRequest(packed_refs, Version.V2).labels(0)


def test_a_histogram_of_endless_buckets_is_refused() -> None:
    counts = message(1, message(4, packed(12, [0] * 70_000)))
    ((_, sample),) = WireRequest(counts, Version.V1).histograms()
    assert isinstance(sample, BadMessage)
    assert "more than 65536 values" in sample.message


@pytest.mark.parametrize("version", [Version.V1, Version.V2])
def test_a_request_with_more_rows_than_its_size_suggests_is_read_whole(version: Version) -> None:
    tag = 1 if version is Version.V1 else 5
    empty = message(tag, b"") * 500 + message(tag, message(2, b"")) * 500
    symbols = b"" if version is Version.V1 else message(4, b"")
    request = WireRequest(symbols + empty, version)
    assert 1000 == len(request)
    assert list(range(500, 1000)) == request.sample_series.tolist()
    assert [0.0] * 500 == request.values.tolist()
