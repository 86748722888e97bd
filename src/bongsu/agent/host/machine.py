"""The loop of the host agent: registers and registers again, reports metrics, and scrapes where it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource

from bongsu.agent.cadence import Cadence
from bongsu.agent.exporting import Reachability, TickReader, quiet_exporters
from bongsu.agent.host.calls import CallFailed, ServerCalls
from bongsu.agent.host.metrics import HostMeasures
from bongsu.agent.identity import host_attributes
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from bongsu.agent.host.collecting import Collecting
    from bongsu.runtime.clock import Clock

SERVICE = "bongsu-host-agent"
KIND = "bongsu.agent.kind"
"""Resource attribute that tells the server that this is no application."""
RETRY_S = 5.0
"""Until the next try after a failure: the server may be starting."""
PUSH_MS = 1_000
"""How often waiting samples are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions:
    """
    What an operator says about a machine.

    Attributes
    ----------
    collects
        The agent scrapes the machine's targets itself and pushes: for machines that the server cannot reach.
    local_host
        Host under which the machine reaches its own exporters.
    period_ms
        Time between two reports of metrics.
    """

    name: str = ""
    region: str = ""
    instance_id: str = ""
    collects: bool = False
    local_host: str = "127.0.0.1"
    period_ms: int = 15_000


class Machine:
    """
    The agent of this machine; `run` is called once.

    Parameters
    ----------
    calls
        To the server.
    clock, log
        As everywhere.
    """

    def __init__(
        self, calls: ServerCalls, options: MachineOptions, *, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._calls = calls
        self._options = options
        self._clock = clock
        self._log = log
        self._attributes = host_attributes()
        self._name = options.name or socket.gethostname()
        self._collecting: Collecting | None = None
        self._is_known = False

    async def run(self) -> None:
        """
        Report until cancelled.

        Raises
        ------
        InvalidInput
            If the server refuses the registration for good: a wrong key, name or address.
        """
        provider = self._start_metrics()
        try:
            if self._options.collects:
                await self._register_and_collect()
            else:
                await self._register_always()
        finally:
            provider.shutdown()

    async def register(self) -> float:
        """Register once; return the seconds until the next time."""
        document: dict[str, object] = {
            "hostNm": self._name,
            "machineId": self._attributes.get("host.id") or self._name,
            "collects": self._options.collects,
        }
        if self._options.region:
            document["region"] = self._options.region
        if self._options.instance_id:
            document["instanceId"] = self._options.instance_id
        if self._collecting is not None:
            document["outcomes"] = self._collecting.outcomes()
        answer = await asyncio.to_thread(self._calls.post_json, "/agent/v1/host", document)
        if not self._is_known:
            self._log.info(
                "registered", hostId=answer["hostId"], svrIp=answer["svrIp"], region=answer["region"]
            )
            self._is_known = True
        if self._collecting is not None:
            self._collecting.take(answer["targets"])
        return float(answer["againInSeconds"])

    async def _register_always(self) -> None:
        while True:
            try:
                seconds = await self.register()
            except CallFailed as error:
                if not error.may_pass and not self._is_known:
                    raise InvalidInput(
                        f"the server refuses this machine: {error.message}", id="agent-refused"
                    ) from error
                if self._is_known:
                    self._log.warning("the registration failed; it is tried again", reason=error.message)
                else:
                    self._log.warning("the server does not answer; it is tried again", reason=error.message)
                seconds = RETRY_S
            # Outcomes of a machine that scrapes itself are shown as soon as the server's own would be.
            await self._clock.sleep(min(seconds, RETRY_S) if self._collecting is not None else seconds)

    async def _register_and_collect(self) -> None:
        # Only a machine that scrapes itself needs the scraper, with its kernels.
        from prometheus_client import CollectorRegistry

        from bongsu import __version__
        from bongsu.agent.host.collecting import Collecting
        from bongsu.agent.host.push_store import PushStore
        from bongsu.scrape.scraper import Scraper

        store = PushStore(self._calls.push, self._log.warning)
        self._collecting = Collecting(store, self._options.local_host)
        scraper = Scraper(
            self._collecting.board,
            self._collecting,
            clock=self._clock,
            registry=CollectorRegistry(),
            log=self._log,
            user_agent=f"Bongsu/{__version__}",
        )
        pushing = Cadence("bongsu-push", store.send, period_ms=PUSH_MS)
        pushing.start()
        scraping = asyncio.create_task(scraper.run())
        try:
            await self._register_always()
        finally:
            scraping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await scraping
            pushing.stop(0.0)
            # Stale markers, and what else waits; the process ends whether they are taken or not.
            await asyncio.to_thread(store.send)

    def _start_metrics(self) -> Any:  # the SDK is not typed here
        quiet_exporters()
        resource = Resource(
            {
                **self._attributes,
                "host.name": self._name,
                "service.name": SERVICE,
                "service.instance.id": self._name,
                KIND: "host",
            }
        )
        reader = TickReader(self._options.period_ms, Reachability())
        provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        HostMeasures().register(provider.get_meter(SERVICE))
        reader.start()
        return provider
