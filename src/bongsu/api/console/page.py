"""The one HTML page of the console and the policy that a browser holds it to."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bongsu.api.console.files import StaticFiles

ENTRY = "index.html"
_PRELOADED = (
    "vendor/preact-*.js",
    "vendor/uplot-*.js",
    "app/*.js",
)
"""What every view needs. Without the list a browser finds modules one import level at a time, a round trip each."""
_LAZY = frozenset({"app/promql-editor.js"})


def policy(nonce: str) -> str:
    """
    Return the Content-Security-Policy of the page.

    Parameters
    ----------
    nonce
        Lets the query editor add its style element; it is new for every page view.
    """
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def security_headers(nonce: str) -> dict[str, str]:
    """Return the headers that go with the page."""
    return {
        "Content-Security-Policy": policy(nonce),
        "Referrer-Policy": "no-referrer",  # a one-time token may still be in the address
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def render(files: StaticFiles, *, base: str, nonce: str) -> str:
    """
    Return the page for the files as they are now.

    Parameters
    ----------
    base
        Path below which the versioned files are, with a slash at the end.
    """
    names = [name for pattern in _PRELOADED for name in files.names(pattern) if name not in _LAZY]
    preloads = "\n".join(f'<link rel="modulepreload" href="{base}{html.escape(name)}">' for name in names)
    styles = "\n".join(
        f'<link rel="stylesheet" href="{base}{html.escape(name)}">'
        for name in files.names("vendor/*.css") + files.names("app/*.css")
    )
    page = files.read(ENTRY).content.decode()
    for mark, value in (
        ("{{base}}", base),
        ("{{nonce}}", nonce),
        ("{{preloads}}", preloads),
        ("{{styles}}", styles),
    ):
        page = page.replace(mark, value)
    return page
