"""
The agent of one application process: makes the SDK, the pools' readers and the exporters, and follows forks.

A process that only starts others (gunicorn's arbiter, uvicorn's supervisors) is no agent. Of the processes that it forks each is one;
any other forked process becomes one with its first transaction.
"""

from __future__ import annotations

import atexit
import logging
import os
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from bongsu.agent.exporting import Reachability, SpanQueue, TickReader, quiet_exporters
from bongsu.agent.identity import Slot, host_attributes, instance_name, process_attributes, slot_folder
from bongsu.agent.instrumentors import switch_on
from bongsu.agent.measures import SCOPE, ApplicationMeasures
from bongsu.agent.pools.connections import ConnectionPools
from bongsu.agent.pools.sockets import watch_sockets
from bongsu.agent.pools.threads import ThreadPools
from bongsu.agent.pools.watch import wrap_when_imported
from bongsu.agent.sampling import SeeingSampler
from bongsu.agent.transactions import Transactions
from bongsu.agent.users import UserFinder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bongsu.agent.settings import AgentSettings

_log = logging.getLogger("bongsu.agent")

LAST_WORDS_S = 2.0
"""How long a process that ends may wait for its last spans to be sent."""

_SUPERVISORS = (
    ("gunicorn.arbiter", "Arbiter.__init__"),
    ("uvicorn.supervisors.multiprocess", "Multiprocess.__init__"),
    ("uvicorn.supervisors.basereload", "BaseReload.__init__"),
    ("werkzeug._reloader", "ReloaderLoop.restart_with_reloader"),
    ("django.utils.autoreload", "restart_with_reloader"),
)
"""What makes a process the parent of those that serve."""


class ApplicationAgent:
    """
    One per process that is observed; `start` is called once, before the application is imported.

    Parameters
    ----------
    settings
        See `AgentSettings`.
    environment
        For the names that OpenTelemetry's own variables give.
    """

    def __init__(self, settings: AgentSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._environment = dict(environment)
        self._is_parent = False
        self._is_dormant = False
        self._pid = os.getpid()
        self._resource = Resource.create(host_attributes())
        service = str(self._resource.attributes.get("service.name") or "unknown_service")
        self._service = service
        self._slot = Slot(slot_folder(settings.folder), service)
        self.transactions = Transactions(self._on_entry, lost_s=settings.lost_ms / 1000)
        self.threads = ThreadPools(lambda: self._slot.number == 0)
        self.connections = ConnectionPools(self.transactions)

    def start(self) -> None:
        """Observe this process from now on."""
        quiet_exporters()
        reachability = Reachability()
        resource = self._resource.merge(self._own_resource())
        self._spans = SpanQueue(
            self._settings.queue,
            self._settings.period_ms,
            reachability,
            resource_of=lambda: self._tracers.resource,
        )
        self._reader = TickReader(self._settings.period_ms, reachability)
        self._meters = MeterProvider([self._reader], resource, shutdown_on_exit=False)
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False, meter_provider=self._meters)
        self._tracers.sampler = SeeingSampler(self._tracers.sampler)
        self._tracers.add_span_processor(self.transactions)
        self._tracers.add_span_processor(self._spans)
        trace.set_tracer_provider(self._tracers)
        metrics.set_meter_provider(self._meters)
        # After the providers: they register their own handlers first, and this one corrects what they make of the resource.
        os.register_at_fork(after_in_child=self._after_fork)
        atexit.register(self._at_exit)
        self.threads.watch()
        self.connections.watch()
        watch_sockets(self.transactions)
        for module, function in _SUPERVISORS:
            self._watch_supervisor(module, function)
        measures = ApplicationMeasures(
            self.transactions, self.threads, self.connections, lambda: self._spans.dropped
        )
        measures.register(self._meters.get_meter(SCOPE))
        switch_on(UserFinder(self._settings))
        self._spans.start()
        self._reader.start()

    def _own_resource(self) -> Resource:
        """Return what differs between the processes of an application."""
        number = self._slot.take()
        instance = instance_name(self._service, self._environment, number)
        return Resource({**process_attributes(), "service.instance.id": instance})

    def _on_entry(self) -> None:
        if self._is_dormant:
            self._is_dormant = False
            self._become_agent()

    def _become_agent(self) -> None:
        own = self._own_resource()
        # Public ways to change a resource after a fork do not exist; the SDK does the same to itself.
        self._tracers._update_resource(own)  # noqa: SLF001
        self._meters._update_resource(own)  # noqa: SLF001
        self._spans.start()
        self._reader.start()

    def _after_fork(self) -> None:
        try:
            self._pid = os.getpid()
            self._slot.leave_to_parent()
            self.transactions.forget()
            self.threads.forget_running()
            self._spans.after_fork()
            self._reader.after_fork()
            self._is_dormant = not self._is_parent
            if self._is_parent:
                self._is_parent = False
                self._become_agent()
        except Exception as error:  # noqa: BLE001 - the child goes on without its agent
            _log.warning("bongsu agent: a forked process is not observed: %s", error)

    def _watch_supervisor(self, module: str, function: str) -> None:
        def become_parent(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
            self._is_parent = True
            self._reader.stop_reporting()
            self._slot.leave_to_parent()  # its number is for the first of its children
            return wrapped(*args, **kwargs)

        wrap_when_imported(module, function, become_parent)

    def _at_exit(self) -> None:
        if os.getpid() == self._pid:
            self._spans.end(LAST_WORDS_S)
            self._reader.shutdown()
