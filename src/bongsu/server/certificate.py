"""The certificate of the listener: one TLS context for the life of the server, which takes up a renewed file by itself."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

LOOK_EVERY_S = 10.0
"""A renewed certificate is used this soon; two stat calls cost nothing."""


class Certificate:
    """
    A certificate with its key, in PEM.

    `context` is that of the listener for its whole life; each new connection is handed on to the context of the newest good files, which
    was loaded as a whole: a renewal that stops half-way can break nothing. Connections that are open keep the certificate that they
    began with.

    Raises
    ------
    InvalidInput
        If the files cannot be read, or don't belong together.
    """

    def __init__(self, certificate: Path, key: Path, log: FilteringBoundLogger) -> None:
        self._files = (certificate, key)
        self._log = log
        self._state = self._stamps()
        self.context = self._newest = load_certificate(*self._files)
        self.context.sni_callback = (
            self._hand_on
        )  # called for every connection, also for those that name no host

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Look for renewed files while the block runs."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.take_renewed()

    def take_renewed(self) -> bool:
        """
        Use the files for new connections if they have changed, and tell whether they are in use now.

        Files that are not good (a renewal may be half done) are reported, and the old certificate stays.
        """
        state = self._stamps()
        if state == self._state:
            return False
        self._state = state
        try:
            self._newest = load_certificate(*self._files)
        except InvalidInput as error:
            self._log.error("certificate not taken", reason=error.message)
            return False
        self._log.info("certificate renewed", file=str(self._files[0]))
        return True

    def _hand_on(
        self, connection: ssl.SSLSocket | ssl.SSLObject, _host: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _stamps(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(file) for file in self._files)


def load_certificate(certificate: Path, key: Path) -> ssl.SSLContext:
    """
    Return a new context that shows the certificate.

    Raises
    ------
    InvalidInput
        If the files cannot be read, or don't belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidInput(
            f"cannot use the certificate {certificate} with the key {key}: {error.strerror or error}; "
            "both must be PEM files that the server may read, and belong together",
            id="bad-certificate",
        ) from error
    return context


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is written, replaced, or made readable; None while it is not there."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_ctime_ns, state.st_ino, state.st_size
