"""The documentation's page of settings, made from the code: ``python -m bongsu.server.settings_page > docs/configuration.md``."""

from __future__ import annotations

from bongsu.server.config import setting_rows
from bongsu.server.settings import KNOWN_FEATURES, PERMANENT_FEATURES

_INTRODUCTION = """# Configuration

Settings come from a TOML file (`bongsu serve --config FILE`), the environment, and flags, in that order of growing strength. A setting
`query.timeout` is `timeout` in the file's `[query]` table and `BONGSU_QUERY_TIMEOUT` in the environment. Durations are written as in
Prometheus (`15s`, `1h30m`), lists as TOML lists or comma-separated. Unknown settings are errors. `bongsu settings` prints this table.

```toml
regions = ["eu", "us"]

[server]
listen = "0.0.0.0:9595"
data = "/var/lib/bongsu"

[query]
timeout = "1m"
```

| setting | environment | default | meaning |
|---|---|---|---|
"""

_REST = """
## Beside the settings

| variable | meaning |
|---|---|
| `BONGSU_ADMIN_TOKEN` | the admin token; without it one is made and kept in the data folder's `credentials.json` |
| `BONGSU_CACHE_DIR` | where compiled kernels are kept; else `XDG_CACHE_HOME`, else `~/.cache`. Without a writable folder they are compiled at every start |
| `BONGSU_URL` | address of the server, for the commands that talk to one |
| `BONGSU_KEY` | key of a project, for `bongsu query` |

## Features that are off by default

`bongsu serve --enable-feature NAME,...` switches them on; the names are those of Prometheus.

"""


def settings_page() -> str:
    """Return the page as Markdown."""
    table = "".join(
        f"| `{name}` | `{variable}` | {f'`{default}`' if default else ''} | {doc} |\n"
        for name, variable, default, doc in setting_rows()
    )
    features = "".join(f"- `{name}`\n" for name in sorted(KNOWN_FEATURES))
    permanent = ", ".join(f"`{name}`" for name in sorted(PERMANENT_FEATURES))
    return (
        f"{_INTRODUCTION}{table}{_REST}{features}\nOthers are always on, and may be named too: {permanent}.\n"
    )


if __name__ == "__main__":
    print(settings_page(), end="")  # noqa: T201 - what the command is for
