"""The settings of OTLP reach the translation, by Prometheus' names."""

from __future__ import annotations

import pytest

from bongsu.ingest.otlp_translation import Strategy, Translation
from bongsu.model.errors import InvalidInput
from bongsu.server.config import load_settings
from bongsu.server.options import otlp_settings


def test_defaults_are_those_of_prometheus() -> None:
    assert Translation() == otlp_settings(load_settings(environment={})).translation


def test_every_setting_reaches_the_translation() -> None:
    environment = {
        "BONGSU_OTLP_TRANSLATION_STRATEGY": "NoTranslation",
        "BONGSU_OTLP_PROMOTE_ALL_RESOURCE_ATTRIBUTES": "yes",
        "BONGSU_OTLP_IGNORE_RESOURCE_ATTRIBUTES": "host.id,os.type",
        "BONGSU_OTLP_KEEP_IDENTIFYING_RESOURCE_ATTRIBUTES": "yes",
        "BONGSU_OTLP_PROMOTE_SCOPE_METADATA": "yes",
        "BONGSU_OTLP_CONVERT_HISTOGRAMS_TO_NHCB": "yes",
        "BONGSU_OTLP_LABEL_NAME_UNDERSCORE_SANITIZATION": "no",
        "BONGSU_OTLP_LABEL_NAME_PRESERVE_MULTIPLE_UNDERSCORES": "no",
    }
    expected = Translation(
        strategy=Strategy.NONE,
        promote_all_resource_attributes=True,
        ignore_resource_attributes=frozenset({"host.id", "os.type"}),
        keep_identifying_resource_attributes=True,
        promote_scope_metadata=True,
        convert_histograms_to_nhcb=True,
        label_name_underscore_sanitization=False,
        label_name_preserve_multiple_underscores=False,
    )
    assert expected == otlp_settings(load_settings(environment=environment)).translation


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            {"otlp.promote_resource_attributes": ["a"], "otlp.promote_all_resource_attributes": "yes"},
            "give one of them",
        ),
        ({"otlp.ignore_resource_attributes": ["a"]}, "without otlp.promote_all_resource_attributes"),
        ({"otlp.translation_strategy": "NoEscaping"}, "NoTranslation"),
    ],
)
def test_contradictions_are_told(flags: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        load_settings(environment={}, flags=flags)
