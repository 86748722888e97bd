"""What is wrong with settings that are each of the right kind: texts that mean nothing, and settings that deny each other."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from bongsu.apm.settings import TICK_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bongsu.server.settings import ApmSettings, OtlpSettings, ScrapeSettings, ServerSettings, Settings

_ORIGIN = re.compile(
    r"\*|https?://(\*\.)?[A-Za-z0-9._-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?"
)
"""An origin as browsers send it, a whole tree of names, or every origin."""


_REGION = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a header and the column of a region take."""


def contradictions(settings: Settings) -> list[str]:
    """Return a sentence for each mistake, with what to write instead; none when all is well."""
    return [
        *_bad_addresses(settings),
        *_bad_regions(settings.regions),
        *_bad_scraping(settings.scrape),
        *_bad_numbers(settings.apm),
        *_bad_sign_in(settings),
        *_bad_listener(settings.server),
        *_bad_attributes(settings.otlp),
        *_bad_networks(settings),
    ]


def _bad_addresses(settings: Settings) -> Iterator[str]:
    if not _has_port(settings.server.listen):
        yield f"setting server.listen = {settings.server.listen!r}: write HOST:PORT with a port of 0 to 65535"
    grpc = settings.otlp.grpc_listen
    if grpc and not _has_port(grpc):
        yield f"setting otlp.grpc_listen = {grpc!r}: write HOST:PORT with a port of 0 to 65535"


def _has_port(address: str) -> bool:
    port = address.rpartition(":")[2]
    return port.isdecimal() and int(port) <= 65_535


def _bad_regions(regions: tuple[str, ...]) -> Iterator[str]:
    if not regions:
        yield "setting regions is empty; name at least one, the first is the default"
    for region in regions:
        if not _REGION.fullmatch(region):
            yield f"setting regions: {region!r} cannot be sent in a header; write letters, digits, '-', '_' and '.', at most 64"


def _bad_scraping(scrape: ScrapeSettings) -> Iterator[str]:
    if scrape.timeout > scrape.interval:
        yield (
            f"setting scrape.timeout ({scrape.timeout} ms) is longer than scrape.interval ({scrape.interval} ms); "
            "make it at most as long"
        )


def _bad_numbers(apm: ApmSettings) -> Iterator[str]:
    if apm.user_window % TICK_MS:
        yield f"setting apm.user_window ({apm.user_window} ms) is no multiple of {TICK_MS // 1000}s, the length of a tick; make it one"
    if apm.forget < apm.silence:
        yield "setting apm.forget is shorter than apm.silence; make it at least as long"


def _bad_sign_in(settings: Settings) -> Iterator[str]:
    openid, people = settings.openid, settings.people
    if openid.issuer and not openid.client_id:
        yield "setting openid.issuer is given without openid.client_id; give both"
    if openid.client_secret and openid.client_secret_file:
        yield "settings openid.client_secret and openid.client_secret_file are both given; give one"
    if people.session_idle > people.session:
        yield "setting people.session_idle is longer than people.session; make it at most as long"


def _bad_listener(server: ServerSettings) -> Iterator[str]:
    if server.tls_key and not server.tls_certificate:
        yield "setting server.tls_key is given without server.tls_certificate; give both"
    for origin in server.cors_origins:
        if not _ORIGIN.fullmatch(origin):
            yield f"setting server.cors_origins: {origin!r} is no origin; write https://HOST, https://HOST:PORT, https://*.HOST or *, without a path"


def _bad_attributes(otlp: OtlpSettings) -> Iterator[str]:
    if otlp.promote_resource_attributes and otlp.promote_all_resource_attributes == "yes":
        yield "setting otlp.promote_resource_attributes is given beside otlp.promote_all_resource_attributes; give one of them"
    if otlp.ignore_resource_attributes and otlp.promote_all_resource_attributes != "yes":
        yield "setting otlp.ignore_resource_attributes is given without otlp.promote_all_resource_attributes; give both"


def _bad_networks(settings: Settings) -> Iterator[str]:
    networks = {
        "server.trusted_proxies": settings.server.trusted_proxies,
        "scrape.allowed_networks": settings.scrape.allowed_networks,
        "scrape.denied_networks": settings.scrape.denied_networks,
    }
    for name, given in networks.items():
        for network in given:
            if not _is_network(network):
                yield f"setting {name}: {network!r} is no address or network; write one like 10.0.0.0/8"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
