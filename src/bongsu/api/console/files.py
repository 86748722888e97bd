"""
The console's static files, straight from the package: no build step, edit and reload.

They are addressed under a hash of the whole folder, so browsers keep them for ever and still never mix two versions.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from bongsu.model.errors import NotFound
from bongsu.runtime.compress import compress_gzip

STATIC = Path(__file__).parent / "static"

MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
"""Named here and not guessed: Python's table follows the machine's, where `.js` may be anything."""
_OWN = "app"
"""The folder of the modules that are written here; what is vendored is sent as it is, with its licences."""
_COMMENTS = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)$", re.MULTILINE)
"""
Whole lines of comments, which are a quarter of what a browser would load. Lines keep their numbers. No string of the modules
holds such a line: a test looks at that.
"""
_GZIP_LEVEL = 9
"""Each file is compressed once per version; the smallest answer costs a few milliseconds then."""


def without_comments(source: bytes) -> bytes:
    """Return a module, or a style sheet, with an empty line for every line of comment that stands by itself."""
    return _COMMENTS.sub(lambda found: b"\n" * found[0].count(b"\n"), source)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file's bytes, plain and compressed, and its media type."""

    content: bytes
    gzip: bytes
    media_type: str


class StaticFiles:
    """
    Reads files on first use and again when they change on disk. Methods block for a moment; any thread may call them.

    Parameters
    ----------
    folder
        What is served; nothing outside it is.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder.resolve()
        self._files: dict[tuple[Path, int], StaticFile] = {}

    def version(self) -> str:
        """Return a hash that changes whenever a file does."""
        digest = hashlib.sha256()
        for path in self._paths():
            stat = path.stat()
            digest.update(f"{path.relative_to(self._folder)}:{stat.st_size}:{stat.st_mtime_ns};".encode())
        return digest.hexdigest()[:16]

    def names(self, pattern: str) -> list[str]:
        """Return the files that match a glob pattern, as paths below the folder."""
        return sorted(str(path.relative_to(self._folder)) for path in self._folder.glob(pattern))

    def read(self, name: str) -> StaticFile:
        """
        Return a file.

        Raises
        ------
        NotFound
            If there is none of that name, or it is not of a kind that the console serves.
        """
        path = (self._folder / name).resolve()
        media_type = MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_relative_to(self._folder) or not path.is_file():
            raise NotFound(f"the console has no file {name[:200]!r}", id="console-file-not-found")
        key = (path, path.stat().st_mtime_ns)
        if key not in self._files:
            self._files = {k: v for k, v in self._files.items() if k[0] != path}
            content = path.read_bytes()
            if path.suffix in {".js", ".css"} and path.parts[len(self._folder.parts)] == _OWN:
                content = without_comments(content)
            self._files[key] = StaticFile(content, compress_gzip(content, level=_GZIP_LEVEL), media_type)
        return self._files[key]

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.suffix in MEDIA_TYPES)
