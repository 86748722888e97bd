"""The targets of a ``scrape_config``: those that it lists, and those that files and addresses list now."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

DISCOVERIES = ("static_configs", "file_sd_configs", "http_sd_configs")
"""Ways of finding targets that are carried over."""

_TIMEOUT_S = 30.0


class TargetGroup(NamedTuple):
    """Addresses with the same labels; `place` is where they are listed."""

    place: str
    targets: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]


def discover(
    config: Mapping[str, Any], folder: Path, note: Callable[[str, str], None]
) -> Iterator[TargetGroup]:
    """
    Yield the groups of a ``scrape_config``.

    Parameters
    ----------
    folder
        What relative paths begin at.
    note
        Takes a place and a sentence for all that cannot be carried over.
    """
    yield from _groups("static_configs", config.get("static_configs"), note)
    for entry in config.get("file_sd_configs") or ():
        for pattern in entry.get("files") or ():
            files = (
                sorted(folder.glob(str(pattern)))
                if not str(pattern).startswith("/")
                else _absolute(folder, pattern)
            )
            note("file_sd_configs", f"{pattern} was read now ({len(files)} files) and is not followed")
            for file in files:
                yield from _groups(f"file_sd_configs {file.name}", _read_file(file, note), note)
    for entry in config.get("http_sd_configs") or ():
        url = str(entry.get("url", ""))
        note("http_sd_configs", f"{url} was asked now and is not followed")
        yield from _groups(f"http_sd_configs {url}", _ask(url, note), note)


def _groups(place: str, given: object, note: Callable[[str, str], None]) -> Iterator[TargetGroup]:
    if given is not None and not isinstance(given, list):
        note(place, "it is no list of groups of targets and was left out")
        return
    for group in given or ():
        if not isinstance(group, dict) or not isinstance(group.get("targets") or [], list):
            note(place, "an entry has no list of targets and was left out")
            continue
        labels = group.get("labels") or {}
        if not isinstance(labels, dict):
            note(place, "the labels of an entry are no map of names and values, and it was left out")
            continue
        yield TargetGroup(
            place,
            tuple(map(str, group.get("targets") or ())),
            tuple((str(name), str(value)) for name, value in labels.items()),
        )


def _absolute(folder: Path, pattern: str) -> list[Path]:
    root = type(folder)("/")
    return sorted(root.glob(str(pattern).lstrip("/")))


def _read_file(file: Path, note: Callable[[str, str], None]) -> object:
    import yaml

    try:
        # JSON is YAML too, and both are allowed.
        return yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        note(f"file_sd_configs {file.name}", f"cannot be read: {error}")
        return []


def _ask(url: str, note: Callable[[str, str], None]) -> object:
    if not url.startswith(("http://", "https://")):
        note("http_sd_configs", f"{url!r} is no HTTP address")
        return []
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the scheme was checked above
            return json.load(answer)
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as error:
        note(f"http_sd_configs {url}", f"gave no targets: {error}")
        return []
