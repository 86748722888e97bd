"""What a prometheus.yml asks for, and what of it has no place here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bongsu.client.migration.plan import OPTIONS, PlannedTarget, read_plan
from bongsu.model.errors import InvalidInput
from bongsu.scrape.options import ScrapeOptions

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
global:
  scrape_interval: 30s
  evaluation_interval: 1m
  external_labels: {zone: a}
rule_files: [rules/*.yml]
alerting: {alertmanagers: []}
remote_write: [{url: "http://x"}]
made_up: 1
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["10.0.0.1:9100", "[::1]:9100", "web.example:9100"]
        labels: {env: prod}
      - targets: ["10.0.0.2", "http://bad/path"]
  - job_name: "shop / api"
    metrics_path: /api/metrics
    scheme: https
    scrape_interval: 5s
    honor_labels: true
    basic_auth: {username: u, password_file: secret}
    tls_config: {ca_file: none.pem, insecure_skip_verify: true}
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod], target_label: pod}
    file_sd_configs:
      - files: ["sd/*.json", "sd/*.yml"]
    kubernetes_sd_configs: [{role: pod}]
    made_up: 2
  - job_name: shop-api
    bearer_token: t0ken
  - static_configs: []
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yml").write_text("groups: []")
    (tmp_path / "sd").mkdir()
    (tmp_path / "sd" / "a.json").write_text(
        json.dumps([{"targets": ["10.1.0.1:80"], "labels": {"team": "x"}}])
    )
    (tmp_path / "sd" / "b.yml").write_text("- targets: ['10.1.0.2']\n")
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "prometheus.yml").write_text(CONFIG)
    return tmp_path


def test_jobs_become_workspaces_with_targets_and_options(folder: Path) -> None:
    plan = read_plan(folder / "prometheus.yml")

    node, shop, other = plan.jobs
    assert ("node", "/metrics", {"scrape_interval": "30s"}) == (node.name, node.metrics_path, node.options)
    env = (("env", "prod"),)
    assert [
        PlannedTarget("10.0.0.1", 9100, env),
        PlannedTarget("::1", 9100, env),
        PlannedTarget("web.example", 9100, env),
        PlannedTarget("10.0.0.2", 80),
    ] == node.targets
    assert ("shop-api", "/api/metrics") == (shop.name, shop.metrics_path)
    assert ("5s", "https", True) == tuple(
        shop.options[n] for n in ("scrape_interval", "scheme", "honor_labels")
    )
    assert {"username": "u", "password": "s3cret"} == shop.options["basic_auth"]
    assert [PlannedTarget("10.1.0.1", 80, (("team", "x"),)), PlannedTarget("10.1.0.2", 443)] == shop.targets
    assert ("shop-api-2", {"credentials": "t0ken"}) == (other.name, other.options["authorization"])
    assert [folder / "rules" / "a.yml"] == plan.rule_files


def test_everything_that_is_lost_is_told(folder: Path) -> None:
    notes = "\n".join(read_plan(folder / "prometheus.yml").notes)

    for words in (
        "global.evaluation_interval: there is no such setting",
        "global.external_labels: labels for all series",
        "rule_files: rules are not evaluated yet",
        "remote_write: this server stores samples itself",
        "made_up: this field is not known here",
        "scrape_configs[node].static_configs: 'http://bad/path' is no HOST:PORT",
        "scrape_configs[shop / api].job_name: the workspace, and so the label job, is called 'shop-api'",
        "scrape_configs[shop / api].tls_config.ca_file: cannot be read",
        "scrape_configs[shop / api].relabel_configs: the label __meta_kubernetes_pod is not there",
        "file_sd_configs: sd/*.json was read now (1 files) and is not followed",
        "scrape_configs[shop / api].kubernetes_sd_configs: its targets are not discovered here",
        "scrape_configs[shop / api].made_up: there is no such option",
        "scrape_configs: an entry has no job_name",
    ):
        assert words in notes


def test_files_of_targets_that_are_none_cost_only_themselves(folder: Path) -> None:
    (folder / "sd" / "key.json").write_text('{"appkey": "x"}')
    (folder / "sd" / "c.yml").write_text(
        "- {targets: [h:1], labels: [a]}\n- {targets: ['10.1.0.3:1']}\n- 5\n"
    )
    plan = read_plan(folder / "prometheus.yml")
    notes = "\n".join(plan.notes)

    assert "file_sd_configs key.json: it is no list of groups of targets" in notes
    assert "file_sd_configs c.yml: the labels of an entry are no map" in notes
    assert "file_sd_configs c.yml: an entry has no list of targets" in notes
    assert "10.1.0.3" in str(plan)


def test_options_are_those_that_a_scrape_has() -> None:
    assert set() == set(OPTIONS) - set(ScrapeOptions.__slots__)


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [", "is not YAML"), ("5", "no configuration"), ("scrape_configs: 5", "no configuration")],
)
def test_what_is_no_configuration_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(InvalidInput, match=words):
        read_plan(tmp_path / "x.yml")
    with pytest.raises(InvalidInput, match="cannot read"):
        read_plan(tmp_path / "none.yml")


def test_clients_of_oauth_proxies_and_histogram_modes_are_carried_over(folder: Path) -> None:
    (folder / "ca.pem").write_text("PEM\n")
    (folder / "prometheus.yml").write_text(
        """
scrape_configs:
  - job_name: a
    proxy_url: http://proxy:3128
    no_proxy: 10.0.0.0/8
    convert_classic_histograms_to_nhcb: true
    always_scrape_classic_histograms: true
    oauth2:
      client_id: me
      client_secret_file: secret
      token_url: https://sso.example/token
      tls_config: {ca_file: ca.pem}
"""
    )
    (job,) = read_plan(folder / "prometheus.yml").jobs
    assert {
        "proxy_url": "http://proxy:3128",
        "no_proxy": "10.0.0.0/8",
        "convert_classic_histograms_to_nhcb": True,
        "always_scrape_classic_histograms": True,
        "oauth2": {
            "client_id": "me",
            "client_secret": "s3cret",
            "token_url": "https://sso.example/token",
            "tls_config": {"ca": "PEM\n"},
        },
    } == job.options
