"""One scrape on somebody's word: asked and read as every other, and nothing of it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bongsu.model.errors import BongsuError
from bongsu.scrape.fetch import FetchedBody, fetch
from bongsu.scrape.loop import within
from bongsu.scrape.outcomes import Failure, Health, ScrapeFailed, ScrapeOutcome
from bongsu.wire.exposition.negotiation import format_of, parse_exposition

if TYPE_CHECKING:
    from bongsu.scrape.loop import LoopParts
    from bongsu.scrape.targets import ScrapeTarget


async def test_target(target: ScrapeTarget, parts: LoopParts) -> ScrapeOutcome:
    """Return how a scrape of the target goes; one that cannot be read is an outcome as well, not an error."""
    begun, now = parts.clock.monotonic(), parts.clock.now_ms()
    try:
        status, samples = await _scrape(target, parts)
    except ScrapeFailed as failed:
        elapsed = parts.clock.monotonic() - begun
        return ScrapeOutcome(
            target.id, now, elapsed, Health.DOWN, failed.http_status, failed.message, failed.samples
        )
    return ScrapeOutcome(target.id, now, parts.clock.monotonic() - begun, Health.UP, status, samples=samples)


async def _scrape(target: ScrapeTarget, parts: LoopParts) -> tuple[int, int]:
    if target.refusal:
        raise ScrapeFailed(target.refusal, Failure.REFUSED)
    with parts.budget.lease() as lease:
        try:
            answer = await within(
                parts.clock,
                min(target.timeout_s, target.interval_s),
                fetch(parts.doors, target, lease),
            )
        except TimeoutError as error:
            raise ScrapeFailed("timeout", Failure.TIMEOUT) from error
        return answer.http_status, await parts.offload(lambda: _count(answer, target))


def _count(answer: FetchedBody, target: ScrapeTarget) -> int:
    """Return the samples of a body; raises ScrapeFailed with the line that cannot be read."""
    options = target.options
    try:
        parsed = parse_exposition(
            answer.body,
            format_of(answer.content_type, options.fallback_format),
            {},
            native_histograms=options.scrape_native_histograms,
            classic_histograms=options.always_scrape_classic_histograms,
        )
    except BongsuError as error:
        raise ScrapeFailed(error.message, Failure.FORMAT, http_status=answer.http_status) from error
    most = target.limits.max_samples
    if most and len(parsed) > most:
        raise ScrapeFailed(
            f"the body has {len(parsed)} samples, {most} are allowed; expose less, or raise the workspace's option "
            "'sample_limit' or the setting 'scrape.max_samples'",
            Failure.SAMPLE_LIMIT,
            http_status=answer.http_status,
            samples=len(parsed),
        )
    return len(parsed)
