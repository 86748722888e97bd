"""The remote writers of all projects, each with the series that it knows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bongsu.ingest.remote_write import IngestMetrics, RemoteWriter

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from bongsu.runtime.clock import Clock
    from bongsu.storage.contract import ProjectStore

_MAX_WRITERS = 4_096
"""Projects whose known series are kept; the one that was made first goes, and begins anew with its next request."""


class RemoteWriters:
    """
    Gives every project its writer; any thread may ask.

    Parameters
    ----------
    describes
        Series of requests 2.0 get labels of type and unit from their metadata.
    """

    def __init__(self, clock: Clock, registry: CollectorRegistry, *, describes: bool = False) -> None:
        self._clock = clock
        self._describes = describes
        self._metrics = IngestMetrics(registry)
        self._lock = threading.Lock()
        self._writers: dict[str, RemoteWriter] = {}

    def of(self, project_id: str, store: ProjectStore) -> RemoteWriter:
        """
        Return the writer of a project.

        Parameters
        ----------
        store
            The project's view. Known series are of one view: the same object must be given each time, or each request
            resolves all of its series again.
        """
        with self._lock:
            writer = self._writers.get(project_id)
            if writer is None or writer.store is not store:
                if len(self._writers) >= _MAX_WRITERS:
                    del self._writers[next(iter(self._writers))]
                writer = self._writers[project_id] = RemoteWriter(
                    store, self._clock, self._metrics, describes=self._describes
                )
            return writer

    def drop_project(self, project_id: str) -> None:
        """Forget a project that is gone."""
        with self._lock:
            self._writers.pop(project_id, None)
