"""From a registered place to a target: the labels that relabelling sees, and what it can make of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bongsu.scrape.discovery import Discovered, Place, ScrapeDefaults, discover, labels_before
from bongsu.scrape.options import read_options
from bongsu.scrape.reach import Reach
from bongsu.storage.memory import MemoryProjectStore

if TYPE_CHECKING:
    from bongsu.scrape.targets import ScrapeTarget

PLACE = Place("t1", "h:9100", "/m", (("job", "web"), ("openmetrics_id", "t1")), (("server", "box"),))


def discovered(
    options: dict[str, Any], own: dict[str, Any] | None = None, place: Place = PLACE
) -> Discovered:
    texts = (json.dumps(options) if options else "", json.dumps(own) if own else "")
    return discover(place, *texts, ScrapeDefaults(), MemoryProjectStore(), Reach())


def made(options: dict[str, Any], own: dict[str, Any] | None = None, place: Place = PLACE) -> ScrapeTarget:
    target = discovered(options, own, place).target
    assert target is not None
    return target


def rules(*given: dict[str, Any]) -> dict[str, Any]:
    return {"relabel_configs": list(given)}


def test_without_options_a_target_is_its_place() -> None:
    target = made({})
    assert ("http://h:9100/m", 15.0, 10.0, "") == (
        target.url,
        target.interval_s,
        target.timeout_s,
        target.refusal,
    )
    assert {"job": "web", "openmetrics_id": "t1", "instance": "h:9100"} == dict(target.labels)


def test_relabelling_sees_what_prometheus_shows() -> None:
    options = {
        "scheme": "https",
        "scrape_interval": "30s",
        "params": {"module": ["a", "b"]},
        "scrape_native_histograms": True,
        "labels": {"env": "prod"},
    }
    assert {
        "__address__": "h:9100",
        "__scheme__": "https",
        "__metrics_path__": "/m",
        "__scrape_interval__": "30s",
        "__scrape_timeout__": "10s",
        "__scrape_native_histograms__": "true",
        "__always_scrape_classic_histograms__": "false",
        "__convert_classic_histograms_to_nhcb__": "false",
        "__param_module": "a",
        "__meta_bongsu_server": "box",
        "job": "web",
        "openmetrics_id": "t1",
        "env": "prod",
    } == labels_before(PLACE, read_options(options), ScrapeDefaults())


def test_a_probe_goes_to_another_address_with_the_target_as_parameter() -> None:
    options = rules(
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": "blackbox:9115"},
    )
    target = made({**options, "params": {"module": ["http_2xx"]}})
    assert "http://blackbox:9115/m?module=http_2xx&target=h%3A9100" == target.url
    assert "h:9100" == dict(target.labels)["instance"]


def test_parameters_keep_their_further_values_and_follow_a_query_in_the_path() -> None:
    place = Place("t1", "h:1", "/m?x=1", ())
    assert "http://h:1/m?x=1&a=1&a=2" == made({"params": {"a": ["1", "2"]}}, place=place).url
    dropped = rules({"regex": "__param_a", "action": "labeldrop"})
    assert "http://h:1/m?x=1&a=2" == made({"params": {"a": ["1", "2"]}, **dropped}, place=place).url


def test_a_dropped_target_is_none() -> None:
    assert discovered(rules({"source_labels": ["job"], "regex": "web", "action": "drop"})).target is None


def test_rules_that_change_nothing_make_the_same_target_as_no_rules() -> None:
    options = {
        "scheme": "https",
        "params": {"b": ["1", "2"], "a": ["ü"]},
        "labels": {"env": "prod", "instance": "", "__hidden": "x"},
        "scrape_interval": "7s",
        "sample_limit": 3,
        "always_scrape_classic_histograms": True,
    }
    nothing = rules({"source_labels": ["job"], "regex": ".*", "action": "keep"})
    plain, relabelled = made(options), made({**options, **nothing})

    assert [] == [
        name
        for name in ("id", "url", "labels", "interval_s", "timeout_s", "limits", "refusal")
        if getattr(plain, name) != getattr(relabelled, name)
    ]
    assert replace(relabelled.options, relabel_configs=()) == plain.options
    assert {"job": "web", "openmetrics_id": "t1", "env": "prod", "instance": "h:9100"} == dict(plain.labels)


def test_relabelling_chooses_interval_path_scheme_and_labels() -> None:
    target = made(
        rules(
            {"target_label": "__scrape_interval__", "replacement": "1m"},
            {"target_label": "__scrape_timeout__", "replacement": "40s"},
            {"target_label": "__metrics_path__", "replacement": "other"},
            {"target_label": "__scheme__", "replacement": "https"},
            {"target_label": "__scrape_native_histograms__", "replacement": "true"},
            {"regex": "__meta_bongsu_(.+)", "action": "labelmap"},
            {"regex": "job", "action": "labeldrop"},
        )
    )
    assert ("https://h:9100/other", 60.0, 40.0, True) == (
        target.url,
        target.interval_s,
        target.timeout_s,
        target.options.scrape_native_histograms,
    )
    assert {"server": "box", "openmetrics_id": "t1", "instance": "h:9100"} == dict(target.labels)


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("__address__", "", "make the address ''"),
        ("__address__", "h/../x", "make the address 'h/../x'; '__address__' must be a host and a port"),
        ("__address__", "user@h:1", "make the address"),
        ("__scheme__", "file", "make the scheme 'file'; '__scheme__' must be http or https"),
        ("__scrape_interval__", "soon", "make the interval and the timeout 'soon' and '10s'"),
        ("__scrape_interval__", "1s", "make the interval and the timeout '1s' and '10s'"),
    ],
)
def test_what_relabelling_breaks_is_refused_in_words(label: str, value: str, words: str) -> None:
    assert words in made(rules({"target_label": label, "replacement": value})).refusal


def test_the_timeout_is_never_longer_than_the_interval() -> None:
    target = made({"scrape_interval": "5s"})
    assert (5.0, 5.0, "") == (target.interval_s, target.timeout_s, target.refusal)


def test_options_that_cannot_be_read_are_told_by_the_target() -> None:
    target = made({"from_a_newer_version": 1})
    assert "there is no scrape option 'from_a_newer_version'" in target.refusal


def test_limits_of_the_options_stand_in_for_the_settings() -> None:
    target = made({"sample_limit": 0, "body_size_limit": "1KB"}, {"sample_limit": 9})
    assert (9, 1024) == (target.limits.max_samples, target.limits.max_body_bytes)


def test_a_rule_that_leads_elsewhere_widens_nothing() -> None:
    """Whoever may write rules is not always who may say what the server reaches."""
    probing = made(rules({"target_label": "__address__", "replacement": "127.0.0.1:9115"}))

    assert "http://127.0.0.1:9115/m" == probing.url
    assert Reach() == probing.reach
