"""From where a request comes, as far as it is known."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

UNKNOWN = "unknown"
"""Stands for what a trusted proxy has forwarded that is no address; all of it counts as one place."""


def peer_address(connection: HTTPConnection) -> str | None:
    """
    Return the address that a request came from: the connection's, or what a trusted proxy says; None without a socket.

    What is forwarded is text that a client may have written, if the proxy passes it on: only an address is taken, in its one
    spelling, so that it can neither fill the audit trail nor be written in many ways to get around a bound for each address.
    """
    if connection.client is None:
        return None
    try:
        address = ipaddress.ip_address(connection.client.host.partition("%")[0])
    except ValueError:
        return UNKNOWN
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
