from __future__ import annotations

import pytest

from bongsu.promql.parser import format_query, parse, to_text
from bongsu.promql.parser.features import ALL_FEATURES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SUM(foo)by(a,'b')", "sum by (a, b) (foo)"),
        ("sum by (\"a.b\", 'nan') (foo)", 'sum by ("a.b", "nan") (foo)'),
        ("max without() (foo)", "max without () (foo)"),
        ("topk(5,foo)", "topk(5, foo)"),
        ("{'foo', a='b',}", 'foo{a="b"}'),
        ("{'f.oo', a='b'}", '{"f.oo",a="b"}'),
        ("{'on'}", '{"on"}'),
        ("foo[300]@100 offset 60", "foo[5m] @ 100.000 offset 1m"),
        ("foo[5m:]offset-1m @ start()", "foo[5m:] @ start() offset -1m"),
        ("foo[5m:90]", "foo[5m:1m30s]"),
        ("foo[step()*2+(1m)]", "foo[step() * 2 + 1m]"),
        ("foo[+(step()+5)]offset(1m)", "foo[(step() + 5)] offset 1m"),
        ("foo[-(-(30))]offset(0)", "foo[30s]"),
        ("foo{job='x',a!='y',\"z.z\"='1'}", 'foo{"z.z"="1",a!="y",job="x"}'),
        ("rate(foo[5m]anchored offset 1m)", "rate(foo[5m] anchored offset 1m)"),
        ("1e3+0x10+5m+Inf", "1000 + 16 + 5m + +Inf"),
        ("1e-7", "0.0000001"),
        ("1e21", "1000000000000000000000"),
        ("-foo", "-foo"),
        ("a/on(x)group_left b", "a / on (x) group_left () b"),
        ("a==bool ignoring(x)b", "a == bool ignoring (x) b"),
        ("a+fill_left(1)fill_right(1)b", "a + fill (1) b"),
        ("a+fill_left(1)fill_right(2)b", "a + fill_left (1) fill_right (2) b"),
        ("'a\"b\\n'", '"a\\"b\\n"'),
    ],
)
def test_one_line_form(text: str, expected: str) -> None:
    assert expected == to_text(parse(text, features=ALL_FEATURES))


def test_short_expressions_stay_on_one_line() -> None:
    assert "sum(rate(foo[5m]))" == format_query(parse("sum  (rate(foo[5m]))"))


def test_long_expressions_are_split_where_it_helps() -> None:
    name = "a_metric_with_a_rather_long_name_as_they_are_found_everywhere_total"
    text = (
        f"topk(3, sum by (job) (rate({name}{{code=~'5..'}}[5m]))) / on(job) "
        f"-(label_replace({name}, 'somewhere', '$1', 'elsewhere', '(.*)-with-a-pattern')) > 1"
    )

    assert format_query(parse(text)).split("\n") == [
        "    topk(",
        "      3,",
        "      sum by (job) (",
        f'        rate({name}{{code=~"5.."}}[5m])',
        "      )",
        "    )",
        "  / on (job)",
        "    -(",
        "      label_replace(",
        f"        {name},",
        '        "somewhere",',
        '        "$1",',
        '        "elsewhere",',
        '        "(.*)-with-a-pattern"',
        "      )",
        "    )",
        ">",
        "  1",
    ]
