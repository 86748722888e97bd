"""Settings from file, environment and flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bongsu.model.errors import InvalidInput
from bongsu.server.config import load_settings, setting_rows, stray_variables
from bongsu.server.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_given_means_defaults() -> None:
    assert Settings() == load_settings(environment={})


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "bongsu.toml"
    file.write_text('regions = ["eu", "us"]\n[query]\ntimeout = "1s"\nlookback = "1m"\nmax_samples = 7\n')

    settings = load_settings(
        file,
        environment={"BONGSU_QUERY_LOOKBACK": "2m", "BONGSU_QUERY_MAX_SAMPLES": "8"},
        flags={"query.max_samples": 9},
    )

    assert ("eu", "us") == settings.regions
    assert (1_000, 120_000, 9) == (
        settings.query.timeout,
        settings.query.lookback,
        settings.query.max_samples,
    )


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"query.timout": "1s"}, "unknown setting 'query.timout'"),
        ({"query": "1s"}, "unknown setting 'query'"),
        ({"query.timeout": 5}, "a duration such as '15s'"),
        ({"query.timeout": "5x"}, "not a valid duration"),
        ({"query.max_samples": "many"}, "a whole number"),
        ({"query.max_samples": True}, "a whole number"),
        ({"query.max_samples": 0}, "at least 1"),
        ({"log.level": "loud"}, "debug, info, warning, error"),
        ({"server.listen": "9595x"}, "HOST:PORT"),
        ({"server.listen": "h:70000"}, "HOST:PORT"),
        ({"regions": []}, "regions is empty"),
        ({"regions": ["kr", "서울"]}, "setting regions: '서울' cannot be sent"),
        ({"otlp.grpc_listen": "4317x"}, "setting otlp.grpc_listen = '4317x': write HOST:PORT"),
        ({"regions": 7}, "a list of texts"),
        ({"scrape.timeout": "1m"}, "longer than scrape.interval"),
        ({"query.timeouts": "1s"}, "did you mean query.timeout?"),
        ({"server.tls_key": "key.pem"}, "without server.tls_certificate"),
        ({"server.trusted_proxies": ["10.0.0.0/33"]}, "'10.0.0.0/33' is no address or network"),
        ({"scrape.allowed_networks": ["localhost"]}, "scrape.allowed_networks: 'localhost' is no address"),
        ({"scrape.denied_networks": ["10.0.0.1/8"]}, "scrape.denied_networks: '10.0.0.1/8' is no address"),
        ({"apm.user_window": "7s"}, "apm.user_window .* no multiple of 5s"),
        ({"apm.silence": "10s"}, "apm.silence.*at least"),
        ({"apm.silence": "1h", "apm.forget": "10m"}, "apm.forget is shorter than apm.silence"),
        ({"server.cors_origins": ["grafana.example"]}, "'grafana.example' is no origin; write https://HOST"),
        ({"server.cors_origins": ["https://a.example/"]}, "'https://a.example/' is no origin"),
    ],
)
def test_mistakes_are_named_with_what_is_allowed(flags: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        load_settings(environment={}, flags=flags)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        load_settings(environment={}, flags={"query.max_samples": 0, "colour": "red", "server.listen": "x"})

    assert 3 == len(refused.value.message.splitlines())


def test_a_misspelt_variable_is_told_with_what_was_meant() -> None:
    environment = {"BONGSU_QUERY_TIMOUT": "1s", "BONGSU_ADMIN_TOKEN": "x", "BONGSU_QUERY_TIMEOUT": "1s"}

    (sentence,) = stray_variables(environment)
    assert "BONGSU_QUERY_TIMOUT is not a setting; did you mean BONGSU_QUERY_TIMEOUT?" in sentence


def test_unknown_features_are_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown feature 'promql-magic'"):
        load_settings(environment={}, features=frozenset({"promql-magic"}))


def test_features_that_are_always_on_may_be_named() -> None:
    settings = load_settings(
        environment={}, features=frozenset({"promql-duration-expr", "use-start-timestamps"})
    )

    assert frozenset({"use-start-timestamps"}) == settings.features


@pytest.mark.parametrize("content", ["[query\n", "\xff"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_bytes(content.encode("latin-1"))

    with pytest.raises(InvalidInput, match=r"broken\.toml is not valid TOML"):
        load_settings(file, environment={})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read the configuration"):
        load_settings(tmp_path / "none.toml", environment={})


def test_every_setting_can_be_given_its_own_default() -> None:
    for name, variable, default, doc in setting_rows():
        assert Settings() == load_settings(environment={variable: default}) or not default, name
        assert doc


def test_an_empty_host_means_every_address() -> None:
    settings = load_settings(environment={}, flags={"server.listen": ":80"})

    assert ("0.0.0.0", 80) == (settings.host, settings.port)
