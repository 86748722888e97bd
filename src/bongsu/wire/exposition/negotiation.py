"""Which exposition format an answer is in, and how to ask for one."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput
from bongsu.wire.exposition.openmetrics import parse_openmetrics
from bongsu.wire.exposition.protobuf import parse_protobuf
from bongsu.wire.exposition.text import parse_text

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from bongsu.wire.exposition.body import Exposition

_MOST_HEADERS = 256
"""Headers that are remembered, the targets' and the own: each scrape has one of a few, and reading one takes as long as reading a dozen samples."""


class Format(enum.Enum):
    """An exposition format; the value is the content type in which it is written."""

    TEXT = "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
    PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"


@dataclass(frozen=True, slots=True)
class Protocol:
    """
    One exposition format in one version, as it is asked for.

    Attributes
    ----------
    names_escaping
        Whether the offer tells how names outside the legacy set are to be written.
    """

    offer: str
    format: Format
    names_escaping: bool = False


PROTOCOLS = {
    "PrometheusProto": Protocol(
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        Format.PROTOBUF,
    ),
    "OpenMetricsText1.0.0": Protocol(
        "application/openmetrics-text;version=1.0.0", Format.OPENMETRICS, names_escaping=True
    ),
    "OpenMetricsText0.0.1": Protocol("application/openmetrics-text;version=0.0.1", Format.OPENMETRICS),
    "PrometheusText1.0.0": Protocol("text/plain;version=1.0.0", Format.TEXT, names_escaping=True),
    "PrometheusText0.0.4": Protocol("text/plain;version=0.0.4", Format.TEXT),
}
"""What can be asked for, by the names of Prometheus' ``scrape_protocols``."""

TEXT_PROTOCOLS = tuple(name for name in PROTOCOLS if name != "PrometheusProto")
"""What is asked for by default, in this order."""
NATIVE_PROTOCOLS = tuple(PROTOCOLS)
"""... and of targets whose native histograms are wanted: only protobuf has them."""

ESCAPING_SCHEMES = ("allow-utf-8", "underscores", "dots", "values")
"""How a target is asked to write names outside the legacy set."""

_VERSIONS = {
    ("application/openmetrics-text", "0.0.1"): Format.OPENMETRICS,
    ("application/openmetrics-text", "1.0.0"): Format.OPENMETRICS,
    ("text/plain", "0.0.4"): Format.TEXT,
    ("text/plain", "1.0.0"): Format.TEXT,
}
_PROTOBUF_PARAMETERS = {"proto": "io.prometheus.client.MetricFamily", "encoding": "delimited"}
_UNVERSIONED = {"application/openmetrics-text": Format.OPENMETRICS, "text/plain": Format.TEXT}


@functools.lru_cache(maxsize=_MOST_HEADERS)
def accept_header(protocols: tuple[str, ...] = TEXT_PROTOCOLS, escaping: str = ESCAPING_SCHEMES[0]) -> str:
    """
    Return the Accept header of a scrape: formats in the order of preference, as Prometheus 3 sends it.

    Parameters
    ----------
    protocols
        Keys of `PROTOCOLS`.
    escaping
        One of `ESCAPING_SCHEMES`.
    """
    chosen = [PROTOCOLS[name] for name in protocols]
    offers = [f"{each.offer};escaping={escaping}" if each.names_escaping else each.offer for each in chosen]
    # Weights fall from 0.6 in steps of 0.1, so that anything is still taken at a weight above 0.
    return ",".join(f"{offer};q=0.{6 - i}" for i, offer in enumerate((*offers, "*/*")))


def wants_protobuf(accept: str) -> bool:
    """Tell whether an Accept header gives the protobuf format the greatest weight of all that it names; the first wins a tie."""
    best, wanted = 0.0, False
    for item in accept.split(","):
        media_type, _, rest = item.partition(";")
        parameters = dict(_parameter(part) for part in rest.split(";"))
        weight = _weight(parameters.get("q", "1"))
        if weight > best:
            best, wanted = weight, _is_protobuf(media_type, parameters)
    return wanted


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _is_protobuf(media_type: str, parameters: Mapping[str, str]) -> bool:
    return (
        media_type.strip().lower() == "application/vnd.google.protobuf"
        and _PROTOBUF_PARAMETERS.items() <= parameters.items()
    )


@functools.lru_cache(maxsize=_MOST_HEADERS)
def format_of(content_type: str | None, fallback: Format | None = None) -> Format:
    """
    Return the format that a Content-Type header names.

    Raises
    ------
    InvalidInput
        If the header is missing or names no text exposition format, and there is no fallback.
    """
    media_type, _, rest = (content_type or "").partition(";")
    parameters = dict(_parameter(part) for part in rest.split(";"))
    media_type = media_type.strip().lower()
    version = parameters.get("version")
    if _is_protobuf(media_type, parameters):
        return Format.PROTOBUF
    found = _UNVERSIONED.get(media_type) if version is None else _VERSIONS.get((media_type, version))
    if found is None:
        found = fallback
    if found is None:
        raise InvalidInput(
            f"unsupported Content-Type {content_type!r}; expected text/plain (version 0.0.4 or 1.0.0) or "
            "application/openmetrics-text (version 0.0.1 or 1.0.0), or delimited io.prometheus.client.MetricFamily messages",
            id="bad-content-type",
        )
    return found


def parse_exposition(
    body: bytes,
    format: Format,  # noqa: A002
    known: Container[bytes] = (),
    *,
    native_histograms: bool = True,
    classic_histograms: bool = False,
) -> Exposition:
    """
    Parse a body.

    Parameters
    ----------
    known
        Series that need no parsing again.
    native_histograms
        Read native histograms; without it their classic series alone.
    classic_histograms
        Keep the classic buckets of native histograms.

    Raises
    ------
    InvalidInput
        If it is not in the format: ExpositionError for text, BadMessage for protobuf.
    """
    if format is Format.PROTOBUF:
        return parse_protobuf(body, known, native=native_histograms, classic=classic_histograms)
    return (parse_openmetrics if format is Format.OPENMETRICS else parse_text)(body, known)


def _parameter(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip().strip('"')
