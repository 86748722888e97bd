"""A browser window that acts for somebody, what went wrong in it, and how the console's own modules are called from a test."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page
    from tests.support.process import Tenant

SIZE = {"width": 1366, "height": 860}
PATIENCE_MS = 60_000
"""What a busy machine may take for anything; nothing waits that long when it works."""


@dataclass
class Visitor:
    """One browser window of its own, and what went wrong in it."""

    context: BrowserContext
    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, view: str = "") -> None:
        """Open a view by its address."""
        self.page.goto(f"{self.url}/console/{view}")

    def address(self) -> str:
        """Return the page's address as the page has it: Playwright hears of a change that the page makes some time after it."""
        return str(self.page.evaluate("location.href"))

    def sign_in(self, tenant: Tenant) -> None:
        """Sign in with a project's key, as a person does."""
        self.open()
        self.page.get_by_label("Key").fill(tenant.appkey)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("navigation").wait_for()

    def settle(self) -> None:
        """Wait until nothing on the page is loading. (The page's policy forbids what Playwright's own wait evaluates.)"""
        self.page.locator("main > *").first.wait_for()
        busy = self.page.locator("[aria-busy]")
        while busy.count() > 0:
            busy.first.wait_for(state="detached")

    def watch(self) -> None:
        """Note errors of scripts and of the policy, failed requests, and every host that is asked."""
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on(
            "console",
            lambda said: (
                self.problems.append(f"console: {said.text}") if said.type in {"error", "warning"} else None
            ),
        )
        self.page.on("request", lambda sent: self.hosts.add(urlsplit(sent.url).netloc))


@contextlib.contextmanager
def opened_visitor(browser: Browser, url: str, *, locale: str = "en-US") -> Iterator[Visitor]:
    """Give a window of somebody who has not been here before, and watch it."""
    context = browser.new_context(locale=locale, viewport=SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    opened = Visitor(context, context.new_page(), url)
    opened.watch()
    yield opened
    context.close()


def in_module(page: Any, module: str, expression: str) -> Any:
    """Evaluate an expression of `m`, one of the console's modules."""
    return page.evaluate(
        f"""async () => {{
            const main = document.querySelector('script[type=module]').src;
            const m = await import(new URL('{module}', main).href);
            return {expression};
        }}"""
    )
