"""
What a kernel's machine code was made from: its own file and, over all imports, the kernel files that it calls.

numba inlines callees of other files without noticing their edits, so a digest over the whole closure stands for each file.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(
    r"^[ \t]*(?:from|import)[ \t]+bongsu\.kernels(\.\w+)?(?:[ \t]+import[ \t]+(\([^)]*\)|[^\n]*))?",
    re.MULTILINE,
)
"""An import of this package: the module, or, without one, the names that follow."""

_NAME = re.compile(r"\w+")


@functools.cache
def digest_of(name: str) -> str:
    """Return the digest of a module's source and of all that it imports from this package, as 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in sorted(_closure(name)):
        digest.update(part.encode())
        digest.update(_source(part))
    return digest.hexdigest()[:16]


def is_module(name: str) -> bool:
    """Tell whether the package has a module of that name."""
    return (_FOLDER / f"{name}.py").is_file()


def digest_of_all() -> str:
    """Return one digest for all modules of the package."""
    digest = hashlib.sha256()
    for source in sorted(_FOLDER.glob("*.py")):
        digest.update(source.name.encode())
        digest.update(_source(source.stem))
    return digest.hexdigest()[:16]


def _closure(name: str) -> set[str]:
    found: set[str] = set()
    left = [name]
    while left:
        module = left.pop()
        if module not in found:
            found.add(module)
            left.extend(_imports(module))
    return found


@functools.cache
def _imports(name: str) -> frozenset[str]:
    # Parsing all sources would cost a start half a second. What only looks like an import, in a text, does no harm.
    found: set[str] = set()
    for module, names in _IMPORT.findall(_source(name).decode()):
        found.update([module.removeprefix(".")] if module else _NAME.findall(names))
    return frozenset(name for name in found if is_module(name))


@functools.cache
def _source(name: str) -> bytes:
    return (_FOLDER / f"{name}.py").read_bytes()
