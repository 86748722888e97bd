"""
Which addresses a target may lead to.

Whoever may add a target must not make the server knock at doors that only the server can see: its own loopback, the link, a cloud's
metadata service. A name says nothing about where it leads, and may lead elsewhere a second later; so what is judged is the address
that is connected to, each time. An operator opens such an address by registering a server under it, or by allowing its network.
"""

from __future__ import annotations

import functools
import ipaddress
import socket
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

_CLOSED = (
    ("loopback", ("127.0.0.0/8", "::1/128")),
    # fe80::/10 and 169.254.0.0/16; most clouds have their metadata service at 169.254.169.254.
    ("link-local", ("169.254.0.0/16", "fe80::/10")),
    (
        "metadata",
        (
            "fd00:ec2::/32",  # Amazon: instance metadata, time, names
            "fd20:ce::/32",  # Google
            "fd00:42::/32",  # Scaleway
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure's host
            "192.0.0.192/32",  # Oracle, older shapes
        ),
    ),
    # Linux takes 0.0.0.0 and :: for the machine itself.
    ("unspecified", ("0.0.0.0/8", "::/128")),
    ("multicast", ("224.0.0.0/4", "ff00::/8", "255.255.255.255/32")),
)
"""What is closed unless an operator opens it, with the word that an error says."""

_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
"""Prefixes that gateways translate to the IPv4 address in the last 32 bits (RFC 6052, RFC 8215)."""
_COMPATIBLE = ipaddress.IPv6Network("::/96")
"""The deprecated form of an IPv4 address in an IPv6 one (RFC 4291, section 2.5.5.1)."""
_LOW_32 = (1 << 32) - 1
_LOCAL_NAMES = ("localhost", ".localhost")
"""Names that mean the machine itself wherever they are resolved (RFC 6761, section 6.3)."""

_MOST_HOSTS = 16_384
"""Spellings that are remembered, in some 3 MB: each scrape asks for that of its target, and reading one takes as long as a sample of it."""


@functools.lru_cache(maxsize=1)
def closed_networks() -> tuple[tuple[str, Network], ...]:
    """Return what is closed by default, each network with its kind."""
    return tuple((kind, ipaddress.ip_network(text)) for kind, texts in _CLOSED for text in texts)


@dataclass(frozen=True, slots=True)
class Reach:
    """
    Where the connections of a target may go; the default is what every tenant's targets may reach.

    Attributes
    ----------
    trusted
        Hosts that an operator has written, in the form of `plain_host`: addresses, and names of the machine itself. They are open.
    allowed
        Networks that are open although they are closed by default.
    closed
        Kinds and networks that are closed.
    own_ports
        Ports on which this server listens; they are closed on every address of this machine.
    """

    trusted: frozenset[str] = frozenset()
    allowed: tuple[Network, ...] = ()
    closed: tuple[tuple[str, Network], ...] = field(default_factory=closed_networks)
    own_ports: frozenset[int] = frozenset()

    def trusting(self, hosts: Iterable[str]) -> Reach:
        """Return the reach with hosts that an operator has written; a name that may lead anywhere is not taken."""
        certain = frozenset(plain_host(host) for host in hosts if _is_certain(host))
        return replace(self, trusted=self.trusted | certain) if certain else self

    def allowing(self, networks: Iterable[str]) -> Reach:
        """Return the reach with more networks, in CIDR form."""
        return replace(self, allowed=self.allowed + tuple(map(ipaddress.ip_network, networks)))

    def closing(self, networks: Iterable[str]) -> Reach:
        """Return the reach with more networks closed, in CIDR form."""
        return replace(
            self, closed=self.closed + tuple(("closed", ipaddress.ip_network(n)) for n in networks)
        )

    def trusts(self, host: str) -> bool:
        """Tell whether an operator has written this very host."""
        return plain_host(host) in self.trusted

    def refusal(self, address: str, port: int) -> str:
        """Return why an address may not be connected to, as the middle of a sentence; empty when it may."""
        parsed = ipaddress.ip_address(address.partition("%")[0])
        meant = (parsed, *_embedded(parsed))
        if any(each in network for each in meant for network in self.allowed):
            return ""
        for each in meant:
            for kind, network in self.closed:
                if each in network:
                    return f"a {kind} address"
        if port in self.own_ports and any(_is_this_machine(str(each)) for each in meant):
            return f"this server's own port {port}"
        return ""


ANYWHERE = Reach(closed=())
"""For who scrapes on a machine's own behalf, as its agent does."""


@functools.lru_cache(maxsize=_MOST_HOSTS)
def plain_host(host: str) -> str:
    """Return a host in the one form in which it is compared: an address in its shortest spelling, a name in small letters."""
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return bare.lower().rstrip(".")


@functools.lru_cache(maxsize=_MOST_HOSTS)
def address_of(host: str) -> str | None:
    """Return the address that a host is, None for a name; digits in any other notation than the usual one are a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _is_certain(host: str) -> bool:
    plain = plain_host(host)
    return address_of(plain) is not None or plain == _LOCAL_NAMES[0] or plain.endswith(_LOCAL_NAMES[1])


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 one may be turned into on its way."""
    if isinstance(address, IPv4Address):
        return ()
    found = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    found += address.teredo or ()
    if address in _COMPATIBLE or any(address in network for network in _NAT64):
        found.append(IPv4Address(int(address) & _LOW_32))
    return tuple(found)


def _is_this_machine(address: str) -> bool:
    """Tell whether an address is one of this machine's: the kernel would send to it from itself. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:  # nothing leads there at all
            return False
        source: str = probe.getsockname()[0]
    return source == address
