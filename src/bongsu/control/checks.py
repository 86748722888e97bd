"""
What the fields of projects, keys, servers, workspaces and targets may hold.

Every function returns the cleaned value or raises BadValue with the field's name, what was received and what is allowed.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from bongsu.control.errors import BadValue
from bongsu.control.values import Scope
from bongsu.model.durations import parse_duration
from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_NAME = 255
"""Characters of names; the columns' size."""
MAX_JOB_NAME = 100
MAX_PATH = 1024
MAX_DESCRIPTION = 4000
MAX_NETWORKS = 100
"""Networks of one project; every new connection is compared with all of them."""
OPERATING_SYSTEMS = ("linux", "windows")
MAX_LIMIT = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""
_SHOWN = 100

_JOB_NAME = re.compile(r"[A-Za-z0-9_-]+")
# RFC 1123 host names, with the underscore that container networks use.
_HOST_NAME = re.compile(
    r"(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?"
)
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]+(%[A-Za-z0-9._-]+)?")
_DOTTED_DIGITS = re.compile(r"[0-9.]+")
_PATH = re.compile(r"/[!-\"$-~]*")  # printable ASCII without the space and '#', which starts a fragment


def check_text(field: str, value: object, *, maximum: int = MAX_NAME) -> str:
    """Return a text that is not empty; surrounding space is cut off."""
    text = _check_characters(field, value, maximum).strip()
    if not text:
        raise BadValue(f"{field!r} is empty; send a text of at most {maximum} characters")
    return text


def check_optional_text(field: str, value: object, *, maximum: int = MAX_NAME) -> str | None:
    """Return a text as it was sent, or None."""
    return None if value is None else _check_characters(field, value, maximum)


def _check_characters(field: str, value: object, maximum: int) -> str:
    if not isinstance(value, str):
        raise BadValue(f"{field!r} is {_received(value)}; send a text of at most {maximum} characters")
    if len(value) > maximum:
        raise BadValue(f"{field!r} has {len(value)} characters, {maximum} are allowed; send a shorter one")
    if _UNWANTED.search(value):
        raise BadValue(f"{field!r} holds a control character or half a surrogate pair; leave it out")
    return value


def check_job_name(value: object) -> str:
    """Return a workspace's name: letters, digits, '-' and '_'."""
    if not isinstance(value, str) or not _JOB_NAME.fullmatch(value) or len(value) > MAX_JOB_NAME:
        raise BadValue(
            f"'jobName' is {_received(value)}; send 1 to {MAX_JOB_NAME} letters (A-Z, a-z), digits, '-' or '_'"
        )
    return value


def check_path(value: object) -> str:
    """Return the path of a workspace's metrics; a query may follow it."""
    if not isinstance(value, str) or not _PATH.fullmatch(value) or len(value) > MAX_PATH:
        raise BadValue(
            f"'metricsPath' is {_received(value)}; send a path that starts with '/', such as '/metrics', of at most "
            f"{MAX_PATH} ASCII characters without spaces and '#'"
        )
    return value


def check_port(value: object) -> int:
    """Return a port; digits in a text are taken as their number."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.strip().isdigit() and len(text) < 20 and 1 <= int(text) <= 65_535):
        raise BadValue(f"'port' is {_received(value)}; send a number from 1 to 65535")
    return int(text)


def check_address(value: object) -> str:
    """Return an IP address or a host name; brackets around an IPv6 address are taken off."""
    text = check_text("svrIp", value, maximum=255)
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        # A zone (`fe80::1%eth0`) may hold any character for the library; a URL may not.
        return str(ipaddress.ip_address(bare if _ADDRESS.fullmatch(bare) else ""))
    except ValueError:
        # Digits and dots that are no address are a typing error, not a host name.
        if _HOST_NAME.fullmatch(text) and not _DOTTED_DIGITS.fullmatch(text):
            return text
    raise BadValue(
        f"'svrIp' is {_received(value)}; send an IP address or a host name, without scheme, port and path"
    )


def check_region(value: object, regions: Collection[str]) -> str:
    """Return a region code that is configured."""
    if not isinstance(value, str) or value not in regions:
        raise BadValue(
            f"the region is {_received(value)}; it must be one of {', '.join(regions)} (setting 'regions')"
        )
    return value


def check_retention(value: object) -> int:
    """Return the milliseconds of a duration such as ``15d``; 0 stands for ever."""
    if not isinstance(value, str) and value != 0:
        raise BadValue(f"'retention' is {_received(value)}; send a duration such as '15d', or '0' for ever")
    try:
        return parse_duration(str(value))
    except InvalidInput as error:
        raise BadValue(f"'retention' is {error.message}, or '0' for ever") from error


def check_scopes(value: object) -> frozenset[Scope]:
    """Return the scopes of a list of their names."""
    names = set(Scope)
    if (
        not isinstance(value, list | tuple | set | frozenset)
        or not value
        or not set(map(str, value)) <= names
    ):
        raise BadValue(
            f"'scopes' is {_received(value)}; send a list of at least one of {', '.join(sorted(names))}"
        )
    return frozenset(Scope(str(name)) for name in value)


def check_flag(field: str, value: object) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise BadValue(f"{field!r} is {_received(value)}; send true or false")
    return value


def check_limits(value: object, known: Collection[str]) -> dict[str, int | None]:
    """Return limits by name; None takes a project's own value away, 0 lifts the limit."""
    if not isinstance(value, dict):
        raise BadValue(f"'limits' is {_received(value)}; send an object of limit names and numbers")
    for name, limit in value.items():
        if name not in known:
            raise BadValue(f"there is no limit {name[:_SHOWN]!r}; there are {', '.join(sorted(known))}")
        good = limit is None or (
            isinstance(limit, int) and not isinstance(limit, bool) and 0 <= limit <= MAX_LIMIT
        )
        if not good:
            raise BadValue(
                f"the limit {name!r} is {_received(limit)}; send a number, 0 for none, or null for the server's default"
            )
    return dict(value)


def check_networks(value: object) -> list[str]:
    """Return networks in CIDR form, sorted; a lone address is a network of one."""
    if not isinstance(value, list) or len(value) > MAX_NETWORKS:
        raise BadValue(
            f"'allowedNetworks' is {_received(value)}; send a list of at most {MAX_NETWORKS} networks such as '10.0.0.0/8'"
        )
    return sorted({_network(entry) for entry in value})


def _network(value: object) -> str:
    try:
        return str(ipaddress.ip_network(value if isinstance(value, str) else ""))
    except ValueError:
        raise BadValue(
            f"'allowedNetworks' holds {_received(value)}; send networks such as '10.0.0.0/8' or 'fd00::/8', with the bits "
            "behind the prefix zero, or single addresses"
        ) from None


def check_os(value: object) -> str | None:
    """Return an operating system that a reserved workspace fits; None where it is not told."""
    if value is not None and value not in OPERATING_SYSTEMS:
        raise BadValue(f"'os' is {_received(value)}; send one of {', '.join(OPERATING_SYSTEMS)}, or null")
    return None if value is None else str(value)


def check_known(fields: Mapping[str, object], allowed: Collection[str]) -> None:
    """Refuse fields that a call has not: a misspelt one would else be lost without a word."""
    unknown = sorted(set(fields) - set(allowed))
    if unknown:
        raise BadValue(
            f"unknown field {unknown[0][:_SHOWN]!r}; this call takes {', '.join(sorted(allowed)) or 'none'}"
        )


def _received(value: object) -> str:
    """Return what an error shows of a received value."""
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
