"""The process's limit of open files: each target and each client holds one connection."""

from __future__ import annotations

import contextlib
import resource


def raise_open_files() -> int:
    """
    Raise the limit of open files as far as the system lets this process, and return what holds then; -1 is no limit.

    Systems keep the usual limit at 1,024 for programs that use ``select``, which fails above it; this one does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # A system may refuse "no limit", which macOS names as the hard one.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
