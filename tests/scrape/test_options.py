"""Scrape options: what is taken, what is refused in which words, and that secrets are never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.model.errors import InvalidInput
from bongsu.scrape.options import (
    MASK,
    OPTION_NAMES,
    ScrapeOptions,
    checked_options,
    merged_options,
    read_options,
    shown_options,
)
from bongsu.wire.exposition.negotiation import NATIVE_PROTOCOLS, TEXT_PROTOCOLS, Format


def test_nothing_given_is_what_prometheus_does() -> None:
    options = read_options({})
    assert ScrapeOptions() == options
    assert ((), TEXT_PROTOCOLS, None) == (options.headers, options.protocols, options.fallback_format)


def test_every_option_is_read() -> None:
    options = read_options(
        {
            "scrape_interval": "30s",
            "scrape_timeout": "1s500ms",
            "scheme": "https",
            "params": {"module": ["http_2xx", "icmp"]},
            "labels": {"env": "prod"},
            "http_headers": {"X-A": {"values": ["1", "2"], "secrets": ["3"]}},
            "basic_auth": {"username": "u", "password": "p:w"},
            "tls_config": {"server_name": "h", "insecure_skip_verify": True, "min_version": "TLS13"},
            "body_size_limit": "10MB",
            "sample_limit": 5,
            "scrape_native_histograms": True,
            "fallback_scrape_protocol": "PrometheusText0.0.4",
            "relabel_configs": [{"action": "labeldrop", "regex": "x"}],
            "native_histogram_min_bucket_factor": 1.1,
        }
    )
    assert (30_000, 1_500, 10 << 20, 5) == (
        options.scrape_interval,
        options.scrape_timeout,
        options.body_size_limit,
        options.sample_limit,
    )
    assert (("module", ("http_2xx", "icmp")),) == options.params
    assert (("Authorization", "Basic dTpwOnc="), ("X-A", "1"), ("X-A", "2"), ("X-A", "3")) == options.headers
    assert (NATIVE_PROTOCOLS, Format.TEXT) == (options.protocols, options.fallback_format)
    assert options.tls_config is not None
    assert ("h", True) == (options.tls_config.server_name, options.tls_config.insecure_skip_verify)


@pytest.mark.parametrize(
    ("given_options", "message"),
    [
        ([], "scrape option 'options' is []; send an object"),
        (
            {"scrape_intervall": "1s"},
            "there is no scrape option 'scrape_intervall'; there are always_scrape_classic",
        ),
        (
            {"scrape_interval": 15},
            "scrape option 'scrape_interval' is 15; send a duration above 0, such as '15s'",
        ),
        ({"scrape_interval": "0"}, "send a duration above 0"),
        (
            {"scrape_interval": "5s", "scrape_timeout": "6s"},
            "it must not be longer than 'scrape_interval', 5s",
        ),
        ({"scheme": "ftp"}, "scrape option 'scheme' is 'ftp'; choose one of http, https"),
        ({"params": {"a": "b"}}, "scrape option 'params.a' is 'b'; send a list"),
        ({"labels": {"__name__": "x"}}, "a target's labels cannot name the metric"),
        ({"labels": {"a": 1}}, "scrape option 'labels.a' is 1"),
        ({"http_headers": {"Host": {"values": ["x"]}}}, "the scraper writes this header itself"),
        ({"http_headers": {"A B": {"values": ["x"]}}}, "it is no header name"),
        ({"http_headers": {"A": {"values": ["x\r\nB: y"]}}}, "control character"),
        ({"http_headers": {"A": {"value": ["x"]}}}, "'http_headers.A.value'"),
        ({"basic_auth": {"username": "a:b"}}, "a user name cannot hold a colon"),
        ({"basic_auth": {}, "authorization": {"credentials": "x"}}, "send one of them"),
        ({"authorization": {"credentials": ""}}, "'authorization.credentials'"),
        ({"authorization": {"type": "Basic", "credentials": "x"}}, "send 'basic_auth' instead"),
        (
            {"tls_config": {"ca_file": "/etc/passwd"}},
            "'tls_config.ca_file' is '/etc/passwd'; there is no such option",
        ),
        ({"tls_config": {"ca": "no certificate"}}, "are PEM texts that fit together"),
        ({"tls_config": {"ca": "Bü"}}, "are PEM texts that fit together"),
        ({"tls_config": {"cert": "x"}}, "send both or none"),
        ({"scrape_protocols": []}, "send a list of at least one of PrometheusProto"),
        ({"scrape_protocols": ["PrometheusProto", "PrometheusProto"]}, "each once"),
        ({"scrape_protocols": ["Smoke"]}, "choose one of PrometheusProto"),
        ({"sample_limit": -1}, "scrape option 'sample_limit' is -1; send a whole number, 0 for none"),
        ({"sample_limit": True}, "'sample_limit' is True"),
        ({"body_size_limit": "10XB"}, "such as '10MB'"),
        ({"honor_labels": "yes"}, "scrape option 'honor_labels' is 'yes'; send true or false"),
        ({"relabel_configs": [{"action": "keep", "regex": "("}]}, "relabel_configs[0]: not a valid regular"),
        ({"metric_relabel_configs": {}}, "'metric_relabel_configs' is {}; send a list of relabelling rules"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(given_options: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_options(given_options)
    assert message in caught.value.message


SECRETS: dict[str, Any] = {
    "basic_auth": {"username": "u", "password": "hunter2"},
    "http_headers": {"X": {"values": ["seen"], "secrets": ["hunter3", "hunter4"]}},
}


def test_secrets_are_masked_and_the_mask_keeps_them() -> None:
    stored = checked_options(SECRETS)
    shown = shown_options(stored)
    assert "hunter" not in json.dumps(shown)
    assert {"username": "u", "password": MASK} == shown["basic_auth"]
    assert stored == checked_options(shown, stored)
    changed = checked_options({**shown, "basic_auth": {"username": "v", "password": MASK}}, stored)
    assert {"username": "v", "password": "hunter2"} == changed["basic_auth"]


def test_a_mask_without_a_stored_secret_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there is no stored one to keep"):
        checked_options({"authorization": {"credentials": MASK}}, SECRETS)


@pytest.mark.parametrize("password", ["hunter2\n", 17, ["hunter2"]])
def test_an_error_does_not_repeat_a_secret(password: Any) -> None:
    for wrong in (
        {"authorization": {"credentials": password}},
        {"basic_auth": {"password": password}, "authorization": {"credentials": "hunter2"}},
        {"http_headers": {"X": {"secrets": ["hunter2\n"]}}},
        {"tls_config": {"key": "hunter2", "cert": "x"}},
    ):
        with pytest.raises(InvalidInput) as caught:
            checked_options(wrong)
        assert "hunter2" not in caught.value.message


def test_the_options_of_a_target_win_one_by_one_and_labels_are_merged() -> None:
    merged = merged_options(
        json.dumps(
            {"honor_labels": True, "sample_limit": 5, "labels": {"a": "1", "b": "1"}, "basic_auth": {}}
        ),
        json.dumps({"sample_limit": 7, "labels": {"b": "2"}, "authorization": {"credentials": "t"}}),
    )
    assert (True, 7, (("a", "1"), ("b", "2"))) == (merged.honor_labels, merged.sample_limit, merged.labels)
    assert (("Authorization", "Bearer t"),) == merged.headers, (
        "of two kinds of credentials the target's holds"
    )


def test_a_targets_shorter_interval_shortens_the_workspaces_timeout() -> None:
    merged = merged_options(
        '{"scrape_interval": "1m", "scrape_timeout": "50s"}', '{"scrape_interval": "10s"}'
    )
    assert (10_000, 10_000) == (merged.scrape_interval, merged.scrape_timeout)
    alone = merged_options('{"scrape_timeout": "50s"}', '{"scrape_timeout": "5s"}')
    assert (None, 5_000) == (alone.scrape_interval, alone.scrape_timeout)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(OPTION_NAMES), _JSON, max_size=3))
def test_any_json_is_taken_or_refused_as_wrong_input(options: dict[str, Any]) -> None:
    try:
        checked = checked_options(options)
    except InvalidInput:
        return
    assert checked == checked_options(shown_options(checked), checked)
