"""Both languages are complete, and the pages use no text that neither has."""

from __future__ import annotations

import json
import re

from bongsu.api.console.files import STATIC

LOCALES = STATIC / "locales"


def texts(language: str) -> dict[str, str]:
    table: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text())
    return table


def used_keys() -> set[str]:
    sources = [file.read_text() for file in (STATIC / "app").rglob("*.js")]
    return {key for source in sources for key in re.findall(r"""\bt\(\s*["']([\w.]+)["']""", source)}


def test_korean_has_every_english_text_and_no_other() -> None:
    assert texts("en").keys() == texts("ko").keys()


def test_no_text_is_empty_and_both_languages_name_the_same_variables() -> None:
    english, korean = texts("en"), texts("ko")
    for key, text in english.items():
        assert text.strip(), key
        assert korean[key].strip(), key
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", korean[key])), key


def test_every_text_that_a_page_uses_exists() -> None:
    assert set() == used_keys() - texts("en").keys()


def test_every_text_is_used() -> None:
    sources = "\n".join(file.read_text() for file in (STATIC / "app").rglob("*.js"))
    # Some keys are built from a closed set: t(`target.state.${state}`).
    built = [
        re.compile(re.sub(r"\$\{[^}]*\}", "[A-Za-z_]+", template))
        for template in re.findall(r"t\(`([^`]+)`", sources)
    ]
    unused = [
        key
        for key in texts("en")
        if f'"{key}"' not in sources and not any(pattern.fullmatch(key) for pattern in built)
    ]

    assert [] == unused


def test_no_particle_of_korean_depends_on_a_variable() -> None:
    """은/는, 이/가, 을/를, 와/과 change with the sound before them, which a variable does not tell."""
    wrong = re.compile(r"\}(은|는|이|가|을|를|와|과|으로|로)(?=[\s.,!?]|$)")

    assert [] == [key for key, text in texts("ko").items() if wrong.search(text)]
