"""The way to targets through an HTTP proxy: the options 'proxy_url', 'no_proxy' and 'proxy_connect_header'."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bongsu.scrape.option_checks import check_text, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCHEMES = ("http", "https")


def check_url(option: str, value: object) -> str:
    """Return a URL with a host, or raise InvalidInput; what it says of users and passwords is not shown."""
    text = check_text(option, value)
    try:
        parts = urlsplit(text)
        good = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(ord(c) <= 32 for c in text):
        refuse(option, text.rpartition("@")[2], "send a URL such as http://host:3128")
    return text


def check_proxy(option: str, value: object) -> str:
    """Return the URL of a proxy; it has no path, and may have a user and a password."""
    text = check_url(option, value)
    parts = urlsplit(text)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        refuse(option, text.rpartition("@")[2], "a proxy's URL ends with its port")
    return text


def check_no_proxy(option: str, value: object) -> tuple[str, ...]:
    """Return the hosts, domains and networks of a list with commas."""
    return tuple(part.strip().lower() for part in check_text(option, value).split(",") if part.strip())


def goes_direct(host: str, port: int, exceptions: Sequence[str]) -> bool:
    """
    Tell whether a host is asked without the proxy.

    Parameters
    ----------
    exceptions
        Of 'no_proxy': a host or address, also with a port; a domain, which means all hosts below it; a network; ``*`` for all.
    """
    name = host.lower().rstrip(".")
    return any(_is_met(name, port, each) for each in exceptions)


def _is_met(name: str, port: int, exception: str) -> bool:
    if exception == "*":
        return True
    if "/" in exception:
        try:
            return ipaddress.ip_address(name) in ipaddress.ip_network(exception, strict=False)
        except ValueError:
            return False
    bare, colon, wanted = exception.rpartition(":")
    if colon and wanted.isdecimal() and not bare.endswith(":"):
        return port == int(wanted) and _is_met(name, port, bare.strip("[]"))
    domain = exception.removeprefix("*").lstrip(".")
    return name.endswith(f".{domain}") or (name == domain and not exception.startswith((".", "*.")))
