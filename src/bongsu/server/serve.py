"""The life of `bongsu serve`: listen, start the parts, say where to look, and stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from prometheus_client import CollectorRegistry

from bongsu import __version__
from bongsu.model.errors import BongsuError, InvalidInput
from bongsu.runtime.clock import SystemClock
from bongsu.runtime.logs import configure_logging
from bongsu.runtime.open_files import raise_open_files
from bongsu.runtime.resident import share_one_heap
from bongsu.server.app import Phase, Shell
from bongsu.server.banner import ready_lines
from bongsu.server.certificate import Certificate
from bongsu.server.wiring import Parts, Surroundings, build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import FilteringBoundLogger

    from bongsu.server.settings import Settings

BACKLOG = 2048
"""Connections that wait to be accepted: a reconnecting fleet arrives at once."""

KEEP_ALIVE_S = 75
"""Longer than the idle time of the usual proxies and agents (60 s), so that they close first and never meet a reset."""


PROGRESS_EVERY_S = 2.0
"""A slow start shows that it goes on; a quick one says nothing."""


class _HttpServer(uvicorn.Server):
    """uvicorn without its signal handling: it would end the process before the parts have stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `run`."""
        yield


class _StoppedEarly(Exception):
    """The server was asked to stop before it was ready."""


def run(settings: Settings) -> int:
    """
    Serve until SIGTERM or SIGINT and return the exit status.

    Raises
    ------
    InvalidInput
        If the address cannot be listened on, or the certificate cannot be used.
    """
    log = configure_logging(settings.log.level, settings.log.format)
    raise_open_files()
    share_one_heap()
    listener = _listen(settings)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, listener, log))
    finally:
        listener.close()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not built for this platform: the standard loop does the same, slower
        return None
    loop: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return loop


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server(
            (settings.host, settings.port), family=family, backlog=BACKLOG, reuse_port=False
        )
    except OSError as error:
        raise InvalidInput(
            f"cannot listen on {settings.server.listen}: {error.strerror}; stop what uses the port, or choose another with --listen",
            id="cannot-listen",
        ) from error


async def _serve(settings: Settings, listener: socket.socket, log: FilteringBoundLogger) -> int:
    registry = CollectorRegistry()
    shell = Shell(registry)
    own = settings.server
    certificate = Certificate(*own.tls_files, log) if own.tls_certificate else None
    server = _HttpServer(_http_config(settings, shell, certificate))
    _stop_on_signals(shell, server, log)
    scheme = "http" if certificate is None else "https"
    url = settings.server.external_url or f"{scheme}://{_shown_host(settings)}:{listener.getsockname()[1]}"
    log.info("starting", version=__version__, url=url, data=str(settings.data_folder))
    around = Surroundings(
        settings,
        SystemClock(),
        registry,
        log,
        lambda: shell.phase is Phase.STOPPING,
        port=listener.getsockname()[1],
    )
    starting = asyncio.create_task(_start(around, shell, server, url))
    async with contextlib.AsyncExitStack() as beside:
        if certificate is not None:
            await beside.enter_async_context(certificate.followed())
        await server.serve(sockets=[listener])
    shell.phase = Phase.STOPPING if shell.phase is not Phase.FAILED else Phase.FAILED
    parts = await starting
    if parts is not None:
        await parts.stop()
        log.info("stopped")
    return 1 if shell.phase is Phase.FAILED else 0


def _http_config(settings: Settings, shell: Shell, certificate: Certificate | None) -> uvicorn.Config:
    proxies = list(settings.server.trusted_proxies)
    return uvicorn.Config(
        shell,
        http=_connections(shell),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.server.stop_timeout // 1000,
        ssl_context_factory=None if certificate is None else lambda *_: certificate.context,
    )


def _connections(shell: Shell) -> Any:
    """Return what makes a protocol for each connection, in uvicorn's form."""
    try:
        from bongsu.server.protocol import ShortWayProtocol
    except (
        ImportError
    ):  # its parser is not built for this platform: uvicorn's other one does the same, slower
        return "auto"
    return functools.partial(ShortWayProtocol, shell.at_once)


async def _start(around: Surroundings, shell: Shell, server: _HttpServer, url: str) -> Parts | None:
    """Build and start the parts; a failure ends the server with its message."""
    clock, log = around.clock, around.log
    told = clock.monotonic()

    def progress(sentence: str) -> None:
        nonlocal told
        if shell.phase is Phase.STOPPING:
            raise _StoppedEarly
        shell.progress = sentence
        if clock.monotonic() - told >= PROGRESS_EVERY_S:
            told = clock.monotonic()
            log.info(sentence)

    try:
        parts = await asyncio.to_thread(build, around, url, progress)
        await parts.start()
    except _StoppedEarly:
        return None
    except BongsuError as error:
        log.error("cannot start", reason=error.message, id=error.id)  # noqa: TRY400 - the message says all
    except Exception:
        log.exception("cannot start")
    else:
        if shell.phase is Phase.STARTING:
            shell.open(parts.routes)
            lines = ready_lines(around.settings, url, parts.bootstrap, parts.console_link)
            print(*lines, sep="\n", flush=True)  # noqa: T201
        return parts
    shell.phase = Phase.FAILED
    server.should_exit = True
    return None


def _stop_on_signals(shell: Shell, server: _HttpServer, log: FilteringBoundLogger) -> None:
    def stop(name: str) -> None:
        log.info("stopping", signal=name)
        server.force_exit = shell.phase is Phase.STOPPING  # asked twice: do not wait for requests
        shell.phase = Phase.STOPPING
        shell.progress = "stopping"
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number.name)


def _shown_host(settings: Settings) -> str:
    """Return the host of the URL that people are told: an address that they can open."""
    if settings.host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{settings.host}]" if ":" in settings.host else settings.host
