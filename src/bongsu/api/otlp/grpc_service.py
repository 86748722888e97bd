"""
OTLP over gRPC: the receiver of `bongsu.api.otlp.routes` behind another door. Needs the extra ``grpc``.

Requests are bytes to gRPC here: the wire layer reads them, with its limits, as it reads those that come over HTTP. Both methods
are registered as taking a stream, which is the same on the wire, so that the key is checked before a request is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import grpc
from starlette.requests import HTTPConnection

from bongsu.api.errors import BodyTimeout, failure_of
from bongsu.api.otlp.routes import RPC_CODES
from bongsu.api.threads import in_thread
from bongsu.control.values import Scope
from bongsu.model.errors import InvalidInput
from bongsu.wire.otlp.answers import Encoding
from bongsu.wire.otlp.limits import MalformedOtlp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from bongsu.api.access import AccessControl
    from bongsu.api.body import BodyLimits
    from bongsu.api.otlp.routes import OtlpReceiver

    Take = Callable[[str, bytes, Encoding, str], bytes]

_TRACES = "opentelemetry.proto.collector.trace.v1.TraceService"
_METRICS = "opentelemetry.proto.collector.metrics.v1.MetricsService"

_MAX_CALLS = 256
"""Calls under way at once, each of which may hold a whole request; more are told to come back."""

_STOP_S = 5.0
"""Calls under way may end within this time when the server stops; they take milliseconds."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_INTERNAL = 500


class OtlpGrpc:
    """
    The gRPC listener; made and used on the event loop.

    Parameters
    ----------
    address
        ``HOST:PORT``; port 0 takes a free one.
    tls
        Files of certificate and key, None for plain text.
    """

    def __init__(
        self,
        receiver: OtlpReceiver,
        access: AccessControl,
        limits: BodyLimits,
        log: FilteringBoundLogger,
        *,
        address: str,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self._receiver = receiver
        self._access = access
        self._limits = limits
        self._log = log
        self._address = address
        self._tls = tls
        self.port = 0

    async def serve(self) -> None:
        """Take requests until cancelled; then those under way are finished."""
        server = grpc.aio.server(
            # Of the content: gRPC judges messages after their decompression.
            options=[
                ("grpc.max_receive_message_length", self._limits.max_decompressed_bytes),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=_MAX_CALLS,
        )
        server.add_generic_rpc_handlers(
            (
                self._service(_TRACES, self._receiver.take_traces),
                self._service(_METRICS, self._receiver.take_metrics),
            )
        )
        self.port = self._listen(server)
        await server.start()
        self._log.info("otlp over grpc", address=self._address, port=self.port)
        try:
            await server.wait_for_termination()
        finally:
            await asyncio.shield(server.stop(_STOP_S))

    def _listen(self, server: Any) -> int:
        try:
            if self._tls is None:
                return int(server.add_insecure_port(self._address))
            return int(server.add_secure_port(self._address, _credentials(*self._tls)))
        except RuntimeError as error:
            raise InvalidInput(
                f"cannot listen on {self._address} for OTLP over gRPC: {error}; stop what uses the port, or choose another by the "
                "setting 'otlp.grpc_listen'",
                id="cannot-listen",
            ) from error

    def _service(self, name: str, take: Take) -> Any:
        async def export(requests: AsyncIterator[bytes], context: Any) -> bytes:
            return await self._export(requests, context, take)

        return grpc.method_handlers_generic_handler(
            name, {"Export": grpc.stream_unary_rpc_method_handler(export)}
        )

    async def _export(self, requests: AsyncIterator[bytes], context: Any, take: Take) -> bytes:
        try:
            connection = _connection(context)
            caller = await self._access.require(connection, Scope.WRITE)
            body = await self._body(requests)
            peer = connection.client.host if connection.client is not None else ""
            return await in_thread(take, caller.project.project_id, body, Encoding.PROTOBUF, peer)
        except Exception as error:  # noqa: BLE001 - every failure is told in the protocol's own way
            failure = failure_of(error)
            if failure.status == _INTERNAL:
                self._log.exception("request failed", error_id=failure.id)
        # `abort` raises: outside of the block that catches.
        await context.abort(_CODES[RPC_CODES.get(failure.status, 13)], failure.message)
        raise AssertionError("BUG: an aborted call went on")

    async def _body(self, requests: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                async for body in requests:
                    return body
        except TimeoutError:
            raise BodyTimeout(
                f"the request did not come within {self._limits.body_timeout_s:g} s; send it faster"
            ) from None
        raise MalformedOtlp("the call holds no request; send one message")


def _credentials(certificate: Path, key: Path) -> Any:
    """Return credentials that read renewed files with the next connection."""

    def stamp() -> tuple[int, int]:
        return certificate.stat().st_mtime_ns, key.stat().st_mtime_ns

    def read() -> Any:
        return grpc.ssl_server_certificate_configuration([(key.read_bytes(), certificate.read_bytes())])

    seen = stamp()

    def renewed() -> Any:
        nonlocal seen
        try:
            now = stamp()
            fresh = read() if now != seen else None
        except OSError:  # a renewal may be half done: the certificate in use stays
            return None
        seen = now
        return fresh

    return grpc.dynamic_ssl_server_credentials(read(), renewed, require_client_authentication=False)


def _connection(context: Any) -> HTTPConnection:
    """Return the call's metadata as what keys are read from."""
    headers = [
        (key.encode(), value.encode() if isinstance(value, str) else value)
        for key, value in context.invocation_metadata()
    ]
    return HTTPConnection({"type": "http", "headers": headers, "client": _peer(context.peer())})


def _peer(text: str) -> tuple[str, int] | None:
    """Return address and port of gRPC's ``ipv4:127.0.0.1:1234`` or ``ipv6:[::1]:1234``, whose brackets may be escaped."""
    kind, _, rest = unquote(text).partition(":")
    host, _, port = rest.rpartition(":")
    return (host.strip("[]"), int(port)) if kind in {"ipv4", "ipv6"} and port.isdigit() else None
