from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.exposition import expositions

from bongsu.model.samples import MetricMetadata
from bongsu.wire.exposition.body import Exposition, ParsedExemplar
from bongsu.wire.exposition.errors import ExpositionError
from bongsu.wire.exposition.format import ExposedSample, format_exposition
from bongsu.wire.exposition.negotiation import Format, parse_exposition

if TYPE_CHECKING:
    from bongsu.wire.exposition.format import Family


def parse(body: bytes, format: Format = Format.TEXT) -> Exposition:  # noqa: A002
    return parse_exposition(body, format)


def parse_or_error(body: bytes, format: Format) -> Exposition | ExpositionError:  # noqa: A002
    try:
        return parse(body, format)
    except ExpositionError as error:
        return error


def openmetrics(body: bytes) -> Exposition:
    return parse(body, Format.OPENMETRICS)


def rows(parsed: Exposition) -> list[ExposedSample]:
    return [
        ExposedSample(
            parsed.labels[series], parsed.values[i], parsed.timestamps.get(i), dict(parsed.exemplars).get(i)
        )
        for i, series in enumerate(parsed.series)
    ]


def check_round_trip(families: list[Family], format: Format) -> None:  # noqa: A002
    body = b"".join(format_exposition(families, format))
    parsed = parse(body, format)
    assert [sample for family in families for sample in family.samples] == rows(parsed)
    assert [family.metadata for family in families] == parsed.metadata()
    for i, start in enumerate(parsed.value_starts):
        line = body[start : parsed.line_ends[i]]
        assert b"\n" not in line
        assert struct.pack("<d", float(line.split()[0])) == struct.pack("<d", parsed.values[i])


@given(expositions(openmetrics=False))
@settings(max_examples=100, deadline=None)
def test_text_is_read_as_it_was_written(families: list[Family]) -> None:
    check_round_trip(families, Format.TEXT)


@given(expositions(openmetrics=True))
@settings(max_examples=100, deadline=None)
def test_openmetrics_is_read_as_it_was_written(families: list[Family]) -> None:
    check_round_trip(families, Format.OPENMETRICS)


TOKENS = st.lists(
    st.sampled_from(
        [
            b"foo",
            b'{a="b"}',
            b"{",
            b"}",
            b'"',
            b"\\",
            b" ",
            b"  ",
            b"\t",
            b"1",
            b"1e5",
            b"NaN",
            b"\n",
            b"# TYPE foo counter",
            b"# HELP foo x",
            b"# UNIT foo_s s",
            b"# EOF",
            b"#",
            b" # {} 1",
            b",",
            b"=",
            b"\xff",
            b"\x00",
            b'{"x.y"}',
            b"12345678901234567890123",
        ]
    ),
    max_size=14,
).map(b"".join)


@given(
    body=st.one_of(st.binary(max_size=60), TOKENS), format=st.sampled_from([Format.TEXT, Format.OPENMETRICS])
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_give_samples_or_an_error_that_names_the_line(body: bytes, format: Format) -> None:  # noqa: A002
    outcome = parse_or_error(body, format)
    if isinstance(outcome, ExpositionError):
        assert 1 <= outcome.line <= body.count(b"\n") + 1
        assert outcome.message.startswith(f"line {outcome.line}: expected ")
        assert len(outcome.message) < 1_000
    else:
        assert len(outcome.values) == len(outcome.series)
        assert set(outcome.series) == set(outcome.labels)


def test_text_escapes_quotes_and_blanks_are_understood() -> None:
    parsed = parse(b'  foo  { a = "x\\"\\\\\\n\\t" , b="}" , } \t 1.5 -7 \n\nbar 2')
    assert [
        ExposedSample((("__name__", "foo"), ("a", 'x"\\\n\\t'), ("b", "}")), 1.5, -7),
        ExposedSample((("__name__", "bar"),), 2.0),
    ] == rows(parsed)


def test_quoted_names_are_utf8_names() -> None:
    parsed = parse('{"메트릭.이름","a.b"="c"} 1\n{"x y"} 2\n'.encode())
    assert [(("__name__", "메트릭.이름"), ("a.b", "c")), (("__name__", "x y"),)] == [
        row.labels for row in rows(parsed)
    ]


def test_special_values_are_read_in_any_case() -> None:
    parsed = parse(b"a NaN\nb +Inf\nc -inf\nd Infinity\ne nan\n")
    assert math.isnan(parsed.values[0])
    assert math.isnan(parsed.values[4])
    assert [math.inf, -math.inf, math.inf] == parsed.values[1:4]


def test_comments_of_text_become_metadata_and_free_ones_are_skipped() -> None:
    parsed = parse(b'# a remark\n#TYPE x y\n# TYPE foo untyped\n# HELP foo a\\\\b\\n"c"\\"\n# HELP "b.c" d\n')
    assert [
        MetricMetadata("foo", "unknown", 'a\\b\n"c"\\"'),
        MetricMetadata("b.c", "unknown", "d"),
    ] == parsed.metadata()


def test_openmetrics_reads_exemplars_units_and_seconds() -> None:
    parsed = openmetrics(
        b'# TYPE r_seconds histogram\n# UNIT r_seconds seconds\n# HELP r_seconds a \\"b\\"\n'
        b'r_seconds_bucket{le="1"} 3 1700000000.123 # {trace_id="a b"} 0.5 1700000000\n'
        b'r_seconds_bucket{le="+Inf"} 4 # {} 2\nr_seconds_created 1.5\n# EOF\n'
    )
    assert [MetricMetadata("r_seconds", "histogram", 'a "b"', "seconds")] == parsed.metadata()
    assert {0: 1_700_000_000_123} == parsed.timestamps
    assert {
        0: ParsedExemplar((("trace_id", "a b"),), 0.5, 1_700_000_000_000),
        1: ParsedExemplar((), 2.0, None),
    } == dict(parsed.exemplars)
    assert (("__name__", "r_seconds_created"),) == parsed.labels[b"r_seconds_created"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"ok 1\n!foo 1", "line 2: expected a metric name or a comment, got '!foo 1'"),
        (b"foo", "line 1: expected a blank and a value after the series, got 'foo'"),
        (
            b'foo{a="b" 1',
            "line 1: expected labels that end with '}', and quotes that are closed, got 'foo{a=\"b\" 1'",
        ),
        (b'foo{a="b",a="c"} 1', "line 1: expected each label once, got 'a' twice"),
        (b'foo{__name__="b"} 1', "line 1: expected each label once, got '__name__' twice"),
        (b'{a="b"} 1', "line 1: expected a metric name, got '{a=\"b\"}'"),
        (b"{} 1", "line 1: expected a metric name, got '{}'"),
        (b"foo{a=b} 1", "line 1: expected a label such as name=\"value\", got 'a=b'"),
        (b'foo{"x"} 1', 'line 1: expected a label such as name="value", got \'"x"\''),
        (b"foo 1_0", "line 1: expected a value such as 1.5, 2e+06, NaN or +Inf, got '1_0'"),
        (b"foo 0x1p3", "line 1: expected a value such as 1.5, 2e+06, NaN or +Inf, got '0x1p3'"),
        (b"foo 1\r", "line 1: expected a value such as 1.5, 2e+06, NaN or +Inf, got '1\\r'"),
        (b"foo 1e999", "line 1: expected a value within the range of a double, got '1e999'"),
        (
            b"foo 1 2.5",
            "line 1: expected a timestamp in whole milliseconds or the end of the line, got '2.5'",
        ),
        (
            b"# TYPE foo speed",
            "line 1: expected one of the types counter, gauge, histogram, summary, untyped, got 'speed'",
        ),
        (b"# TYPE 1foo gauge", "line 1: expected a metric name after TYPE, got '1foo gauge'"),
        (
            b'foo{a="\xff"} 1',
            "line 1: expected UTF-8 text (invalid start byte at byte 3), got 'a=\"\\\\xff\"'",
        ),
    ],
)
def test_text_errors_say_where_and_what_was_expected(body: bytes, message: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        parse(body)
    assert message == caught.value.message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"foo 1\n", "line 2: expected '# EOF' at the end: the body is cut off"),
        (b"", "line 1: expected '# EOF' at the end: the body is cut off"),
        (b"foo 1\n\n# EOF\n", "line 2: expected a sample or a comment, not a blank line"),
        (b"# EOF\nfoo 1\n", "line 2: expected nothing after '# EOF' in line 1, got 'foo 1'"),
        (b"# EOF\n\n", "line 2: expected nothing after '# EOF' in line 1"),
        (
            b"# UNIT foo seconds\n# EOF\n",
            "line 1: expected a metric name that ends with its unit '_seconds', got 'foo'",
        ),
        (b"foo  1\n# EOF\n", "line 1: expected a blank and a value after the series, got 'foo  1'"),
        (b"foo 1 nan\n# EOF\n", "line 1: expected a finite timestamp in Unix seconds, got 'nan'"),
        (
            b"# a remark\n# EOF\n",
            "line 1: expected one of '# HELP name text', '# TYPE name type', '# UNIT name unit', '# EOF', got '# a remark'",
        ),
        (
            b'foo 1 # {a="b"}\n# EOF\n',
            "line 1: expected a timestamp in seconds, an exemplar such as '# {id=\"1\"} 1' or the end of the line, got ' # {a=\"b\"}'",
        ),
    ],
)
def test_openmetrics_errors_say_where_and_what_was_expected(body: bytes, message: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        openmetrics(body)
    assert message == caught.value.message


def test_the_end_mark_needs_no_line_feed() -> None:
    assert [1.0] == openmetrics(b"foo 1\n# EOF").values


def test_known_series_are_not_parsed_again() -> None:
    parsed = parse_exposition(b'a{x="1"} 1\nb 2\n', Format.TEXT, known={b'a{x="1"}'})
    assert [b'a{x="1"}', b"b"] == parsed.series
    assert {b"b": (("__name__", "b"),)} == parsed.labels


@pytest.mark.timeout(20)
def test_a_label_bomb_is_judged_in_linear_time() -> None:
    labels = b",".join(b'l%d="v"' % i for i in range(200_000))
    with pytest.raises(ExpositionError, match="got 'l199999' twice"):
        parse(b"foo{" + labels + b',l199999="v"} 1\n')
