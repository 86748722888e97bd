"""Which agent and which host a resource describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bongsu.apm import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNKNOWN_SERVICE = "unknown_service"
"""What OpenTelemetry's SDKs call a service that has no name."""


class AgentId(NamedTuple):
    """
    One instrumented process of a service; the same across restarts that keep its instance id.

    `instance` is the ``service.instance.id``. Without one it is the pod or container, else the host, each with the process id
    where it is known, so that the workers of a pre-forking server stay apart.
    """

    namespace: str
    service: str
    instance: str

    @property
    def job(self) -> str:
        """The Prometheus ``job`` of the service: ``namespace/service``, or the service alone."""
        return f"{self.namespace}/{self.service}" if self.namespace else self.service

    def __str__(self) -> str:
        return f"{self.job}/{self.instance}" if self.instance else self.job


class Identity(NamedTuple):
    """
    An agent and where it runs.

    Attributes
    ----------
    host
        Identifies the machine: host id, host name or node name, else the peer address, else the agent itself.
    host_name
        For people to read.
    address
        IP address, as the resource says or as the connection shows; may be empty.
    """

    agent: AgentId
    host: str
    host_name: str
    address: str


def identify(attributes: Mapping[str, object], peer: str = "") -> Identity:
    """
    Return who sent a resource.

    Parameters
    ----------
    peer
        Address of the connection's other end, empty when unknown.
    """
    host = _first(attributes, names.HOST_KEYS) or peer
    agent = AgentId(
        _text(attributes.get(names.SERVICE_NAMESPACE)),
        _text(attributes.get(names.SERVICE_NAME)) or _UNKNOWN_SERVICE,
        _text(attributes.get(names.SERVICE_INSTANCE_ID)) or _fallback_instance(attributes, host),
    )
    address = _address(attributes.get(names.HOST_IP)) or peer
    return Identity(agent, host or str(agent), _first(attributes, names.HOST_NAME_KEYS) or peer, address)


def _fallback_instance(attributes: Mapping[str, object], host: str) -> str:
    box = _first(attributes, names.INSTANCE_FALLBACKS) or host
    pid = _text(attributes.get(names.PROCESS_ID))
    return ":".join(part for part in (box, pid) if part)


def _first(attributes: Mapping[str, object], keys: Iterable[str]) -> str:
    return next((text for key in keys if (text := _text(attributes.get(key)))), "")


def _text(value: object) -> str:
    return "" if value is None else str(value)[: names.MOST_CHARACTERS]


def _address(value: object) -> str:
    """Return the first address of ``host.ip``, IPv4 before IPv6, as people expect to see it."""
    addresses = [
        item[: names.MOST_CHARACTERS]
        for item in (value if isinstance(value, tuple) else (value,))
        if isinstance(item, str)
    ]
    return next((a for a in addresses if "." in a), addresses[0] if addresses else "")
