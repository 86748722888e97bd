"""A machine's own targets: the server's list becomes scrape targets, their outcomes go back with the next heartbeat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

from bongsu.scrape.discovery import Place, ScrapeDefaults, discover
from bongsu.scrape.outcomes import result_code
from bongsu.scrape.reach import ANYWHERE
from bongsu.scrape.targets import ScrapeLimits, ScrapeTarget, TargetBoard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bongsu.agent.host.push_store import PushStore
    from bongsu.scrape.outcomes import ScrapeOutcome
    from bongsu.storage.contract import ProjectStore

_GROUP = "own"


class Collecting:
    """
    The machine's targets; used on one event loop.

    Parameters
    ----------
    local_host
        Host under which this machine reaches its own exporters: the registered address may lie outside a NAT.
    """

    def __init__(self, store: PushStore, local_host: str) -> None:
        self.board = TargetBoard()
        self._store = store
        self._local_host = local_host
        self._told: Sequence[Mapping[str, Any]] | None = None
        self._outcomes: dict[str, ScrapeOutcome] = {}

    def record(self, outcome: ScrapeOutcome) -> None:
        """Take one outcome."""
        self._outcomes[outcome.target_id] = outcome

    def take(self, told: Sequence[Mapping[str, Any]]) -> None:
        """Take the server's list."""
        if told == self._told:
            return
        self._told = told
        targets = [target for entry in told if (target := self._target(entry)) is not None]
        self.board.publish({_GROUP: targets})

    def outcomes(self) -> list[dict[str, object]]:
        """Return the newest outcomes since the last call, as the server takes them."""
        newest, self._outcomes = self._outcomes, {}
        return [_record(outcome) for outcome in newest.values()]

    def _target(self, entry: Mapping[str, Any]) -> ScrapeTarget | None:
        place = _place(entry["place"])
        defaults = ScrapeDefaults(entry["intervalMs"], entry["timeoutMs"], ScrapeLimits(**entry["limits"]))
        # The scraper writes and never reads.
        store = cast("ProjectStore", self._store)
        found = discover(
            place, entry["workspaceOptions"], entry["targetOptions"], defaults, store, ANYWHERE
        ).target
        if found is None:
            return None
        options = replace(found.options, scrape_native_histograms=False)
        return replace(found, url=self._local(found.url, place.address), options=options)

    def _local(self, url: str, registered: str) -> str:
        """Return a URL of this machine as it reaches itself; one that relabelling has led elsewhere stays."""
        parts = urlsplit(url)
        if parts.netloc != registered:
            return url
        host = f"[{self._local_host}]" if ":" in self._local_host else self._local_host
        return urlunsplit(parts._replace(netloc=f"{host}:{parts.port}"))


def _place(sent: Mapping[str, Any]) -> Place:
    pairs = {name: tuple((key, value) for key, value in sent[name]) for name in ("labels", "meta")}
    return Place(id=sent["id"], address=sent["address"], path=sent["path"], **pairs)


def _record(outcome: ScrapeOutcome) -> dict[str, object]:
    return {
        "targetId": outcome.target_id,
        "atMs": outcome.time_ms,
        "resultCd": result_code(outcome),
        "failReason": outcome.error or None,
    }
