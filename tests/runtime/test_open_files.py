from __future__ import annotations

import subprocess
import sys


def test_the_limit_of_open_files_is_raised_to_what_the_system_allows() -> None:
    """In a process of its own: the limit holds for a whole process, and only ever sinks for good."""
    code = (
        "import resource\n"
        "from bongsu.runtime.open_files import raise_open_files\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256))\n"
        "assert raise_open_files() == 256 == raise_open_files()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (256, 256)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
