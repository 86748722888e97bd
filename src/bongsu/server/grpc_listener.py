"""The listener for OTLP over gRPC, when one is asked for."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from bongsu.api.otlp.routes import OtlpReceiver
from bongsu.model.errors import InvalidInput
from bongsu.server import options

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from structlog.typing import FilteringBoundLogger

    from bongsu.server.edge import Edge
    from bongsu.server.settings import Settings


def grpc_loops(
    edge: Edge, settings: Settings, log: FilteringBoundLogger
) -> list[Callable[[], Coroutine[None, None, None]]]:
    """
    Return what serves OTLP over gRPC, nothing when it is not asked for.

    Raises
    ------
    InvalidInput
        If the library is not installed, or the address cannot be listened on.
    """
    address = settings.otlp.grpc_listen
    if not address:
        return []
    _try(address)
    try:
        from bongsu.api.otlp.grpc_service import OtlpGrpc
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "the setting otlp.grpc_listen needs gRPC; install it with: pip install 'bongsu[grpc]'",
            id="bad-setting",
        ) from error
    limits = options.body_limits(settings)
    receiver = OtlpReceiver(edge.access, edge.apm, edge.otlp_metrics, options.otlp_limits(settings), limits)
    listener = OtlpGrpc(
        receiver,
        edge.access,
        limits,
        log,
        address=address,
        tls=settings.server.tls_files if settings.server.tls_certificate else None,
    )
    return [listener.serve]


def _try(address: str) -> None:
    """Raise what is wrong with an address now: the listener itself starts later, beside everything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535:
        raise InvalidInput(
            f"setting otlp.grpc_listen = {address!r}: write HOST:PORT with a port of 0 to 65535",
            id="bad-setting",
        )
    bare = host.strip("[]")
    try:
        socket.create_server(
            (bare, int(port)), family=socket.AF_INET6 if ":" in bare else socket.AF_INET
        ).close()
    except OSError as error:
        raise InvalidInput(
            f"cannot listen on {address} for OTLP over gRPC: {error.strerror}; stop what uses the port, or choose another with "
            "--otlp-grpc-listen",
            id="cannot-listen",
        ) from error
