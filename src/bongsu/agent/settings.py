"""Settings of the application agent, from the environment that `bongsu agent run` makes or an operator sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES: Mapping[str, str] = {
    "BONGSU_AGENT_USER_HEADER": "names of request headers that tell the user, separated by commas; the first that is there counts",
    "BONGSU_AGENT_USER_COOKIE": "names of cookies that tell the user, after the headers",
    "BONGSU_AGENT_USER_FORWARDED": "header whose first address is the client's, after the cookies; `none` where no proxy is trusted",
    "BONGSU_AGENT_USER_SALT": "added to header and cookie values before they are hashed; the same for all agents of a project",
    "BONGSU_AGENT_QUEUE": "ended spans that wait for being sent; more are dropped and counted",
    "BONGSU_AGENT_PERIOD": "milliseconds between reports, aligned to the wall clock",
    "BONGSU_AGENT_LOST": "milliseconds after which a transaction in flight counts as lost",
    "BONGSU_AGENT_FOLDER": "folder of the files that number the processes of an application",
}
"""Every variable with its meaning; `docs/apm.md` lists them too."""

DEFAULT_PERIOD_MS = 5_000
"""The server's tick."""
DEFAULT_QUEUE = 8_192
"""Eight seconds of a thousand requests a second: a short outage; about 20 MB of spans at worst."""
DEFAULT_LOST_MS = 300_000
"""Longer than any request that somebody waits for."""
DEFAULT_FORWARDED = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """
    How an application is observed.

    Attributes
    ----------
    user_headers, user_cookies
        Names in lower case; header names as WSGI and ASGI have them.
    forwarded
        Header with the addresses of the client and its proxies; empty where it is not believed.
    lost_ms
        Age at which a transaction in flight has lost its end.
    """

    user_headers: tuple[str, ...] = ()
    user_cookies: tuple[str, ...] = ()
    forwarded: str = DEFAULT_FORWARDED
    salt: str = ""
    queue: int = DEFAULT_QUEUE
    period_ms: int = DEFAULT_PERIOD_MS
    lost_ms: int = DEFAULT_LOST_MS
    folder: str = ""


def read_settings(environment: Mapping[str, str]) -> AgentSettings:
    """
    Return the settings of an environment.

    Raises
    ------
    InvalidInput
        If a number is none or is too small.
    """
    forwarded = environment.get("BONGSU_AGENT_USER_FORWARDED", DEFAULT_FORWARDED).strip().lower()
    return AgentSettings(
        user_headers=tuple(name.lower() for name in _names(environment, "BONGSU_AGENT_USER_HEADER")),
        user_cookies=_names(environment, "BONGSU_AGENT_USER_COOKIE"),
        forwarded="" if forwarded == "none" else forwarded,
        salt=environment.get("BONGSU_AGENT_USER_SALT", ""),
        queue=_number(environment, "BONGSU_AGENT_QUEUE", DEFAULT_QUEUE, least=1),
        period_ms=_number(environment, "BONGSU_AGENT_PERIOD", DEFAULT_PERIOD_MS, least=100),
        lost_ms=_number(environment, "BONGSU_AGENT_LOST", DEFAULT_LOST_MS, least=1_000),
        folder=environment.get("BONGSU_AGENT_FOLDER", ""),
    )


def _names(environment: Mapping[str, str], variable: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in environment.get(variable, "").split(",") if name.strip())


def _number(environment: Mapping[str, str], variable: str, default: int, *, least: int) -> int:
    text = environment.get(variable, str(default))
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise InvalidInput(
            f"{variable} is {text[:40]!r}; set it to a whole number of at least {least}", id="bad-setting"
        )
    return int(text)
