"""The one HTML page of the console and the policy that a browser holds it to."""

from __future__ import annotations

import html
import posixpath
import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from bongsu.api.console.files import StaticFiles

ENTRY = "index.html"
_MAIN = "app/main.js"
_IMPORT = re.compile(r"""^(?:import|export)\b[^"'(;]*?["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
"""A static import; the views, which are imported when they are opened, have a parenthesis."""
_LAZY_IMPORT = re.compile(r"""\bimport\(["'](\.{1,2}/[^"']+)["']\)(?!.*quiet: true)""")
"""What a page fetches for itself: parts further down, and the editor; quiet ones are dialogs, which wait until they are opened."""


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


def modules_of(files: StaticFiles, view: str) -> tuple[list[str], list[str]]:
    """
    Return the scripts that a view needs, so that a browser can fetch them at once, and those that it fetches once it is shown.

    Without the lists it finds them one level of imports at a time, a round trip each.

    Parameters
    ----------
    view
        First part of the address below ``/console/``; one that does not exist needs what every page needs.
    """
    page = f"app/pages/{view or 'home'}.js"
    pages = [name for name in files.names("app/pages/*.js") if name == page]
    first = _closure(files, [_MAIN, *pages])
    later = _closure(files, [name for one in pages for name in _imported(files, one, _LAZY_IMPORT)])
    return first, [name for name in later if name not in first]


def _closure(files: StaticFiles, waiting: list[str]) -> list[str]:
    """Return modules with all that they import, those that are wanted first before the others."""
    found: list[str] = []
    while waiting:
        name, *waiting = waiting
        if name not in found:
            found.append(name)
            waiting += _imported(files, name, _IMPORT)
    return found


def _imported(files: StaticFiles, name: str, pattern: re.Pattern[str]) -> list[str]:
    paths = pattern.findall(files.read(name).content.decode())
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for path in paths]


class Pages:
    """
    Renders the page; what is the same for all who look at a view is made once per version of the files.

    Methods block for a moment; any thread may call them.
    """

    def __init__(self, files: StaticFiles) -> None:
        self._files = files
        self._known: dict[tuple[str, str, str], str] = {}

    def render(self, view: str, root: str, nonce: str, state: object) -> str:
        """
        Return the page for the files as they are now.

        Parameters
        ----------
        view
            The view whose scripts are fetched at once.
        root
            Path at which the server is mounted, without a slash at the end.
        state
            What the page's script would else ask for before it can draw anything.
        """
        version = self._files.version()
        if any(made[0] != version for made in self._known):
            self._known = {}
        known = f"app/pages/{view}.js" in self._files.names("app/pages/*.js")
        key = (version, root, view if known else "")
        if key not in self._known:
            self._known[key] = _template(self._files, key[2], f"{root}/console/static/{version}/")
        # A data block ends at the first "</script", wherever it stands.
        data = orjson.dumps(state).decode().replace("<", "\\u003c")
        return self._known[key].replace("{{nonce}}", nonce).replace("{{state}}", data)


def _template(files: StaticFiles, view: str, base: str) -> str:
    first, later = modules_of(files, view)
    preloads = "\n".join(
        f'<link rel="modulepreload"{how} href="{base}{html.escape(name)}">'
        for names, how in ((first, ""), (later, ' fetchpriority="low"'))
        for name in names
    )
    styles = "\n".join(
        f'<link rel="stylesheet" href="{base}{html.escape(name)}">'
        for name in files.names("vendor/*.css") + files.names("app/*.css")
    )
    page = files.read(ENTRY).content.decode()
    for mark, value in (("{{base}}", base), ("{{preloads}}", preloads), ("{{styles}}", styles)):
        page = page.replace(mark, value)
    return page
