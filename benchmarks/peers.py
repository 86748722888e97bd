"""
Gets the peers to compare with: newer Prometheus and VictoriaMetrics than the machine's release has.

They come from Debian's unstable suite through an apt configuration of their own, so that the machine's packages stay as they are;
the mirror is the one that the machine itself uses. ``python -m benchmarks.peers FOLDER`` unpacks them and prints where they are.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROGRAMS = {
    "prometheus": "usr/bin/prometheus",
    "promtool": "usr/bin/promtool",
    "victoria-metrics": "usr/bin/victoria-metrics",
}
"""Name and place in the unpacked packages."""

PACKAGES = ("prometheus", "promtool", "victoria-metrics")


class PeersUnavailable(Exception):
    """The packages cannot be had here; the message says why."""


def fetch_peers(folder: Path) -> dict[str, Path]:
    """
    Return the peers' programs below `folder`, downloading them the first time.

    Raises
    ------
    PeersUnavailable
        If this is no Debian machine, or its mirror cannot be reached.
    """
    root = folder / "root"
    if not all((root / place).exists() for place in PROGRAMS.values()):
        options = _private_apt(folder)
        _run(["apt-get", *options, "-qq", "update"])
        for package in PACKAGES:
            _run(["apt-get", *options, "-qq", "download", package], cwd=folder)
        root.mkdir(exist_ok=True)
        for archive in sorted(folder.glob("*.deb")):
            _run(["dpkg", "-x", str(archive), str(root)])
    return {name: root / place for name, place in PROGRAMS.items()}


def _private_apt(folder: Path) -> list[str]:
    """Return the options of an apt that knows the unstable suite only and keeps its state below `folder`."""
    state = folder.absolute() / "apt"
    for part in ("lists/partial", "cache/archives/partial", "parts"):
        (state / part).mkdir(parents=True, exist_ok=True)
    sources = state / "sources.list"
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources.write_text(f"deb [signed-by={keyring}] {_mirror()} unstable main\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": state / "parts",
        "Dir::State::lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": "root",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def _mirror() -> str:
    """Return the address of the mirror that the machine's own apt uses for Debian."""
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        text = file.read_text() if file.is_file() else ""
        found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?) *(\S+/debian/?)(?:\s|$)", text, re.MULTILINE)
        if found:
            return found.group(1)
    raise PeersUnavailable("no Debian mirror is configured on this machine")


def _run(command: list[str], cwd: Path | None = None) -> None:
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise PeersUnavailable(f"{command[0]} is not on this machine") from error
    except subprocess.CalledProcessError as error:
        raise PeersUnavailable(f"{command[0]} failed: {error.stderr.strip()[-300:]}") from error


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".peers")
    target.mkdir(parents=True, exist_ok=True)
    for name, program in fetch_peers(target).items():
        print(name, program)
