"""What a rule looks at: a bare number of the real-time API, or the one value of a PromQL expression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from bongsu.client.transport import CallFailed, call_json

if TYPE_CHECKING:
    from bongsu.client.autoscale.rules import Rule

TIMEOUT_S = 5.0
"""A tick: an answer that takes longer is of the past."""


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where numbers are read.

    Attributes
    ----------
    url
        Address of the server, ``http://HOST:PORT``.
    token
        Key of the project with the scope ``read``.
    pcode
        The project's code; only the real-time numbers need it.
    """

    url: str
    token: str
    pcode: str = ""

    def read(self, rule: Rule) -> float:
        """
        Return the value that a rule looks at.

        Raises
        ------
        CallFailed
            If the server does not answer, or not with one finite number.
        """
        try:
            return self._number(rule.number) if rule.number else self._promql(rule.promql)
        except ValueError as error:
            raise CallFailed(f"{self.url} does not answer as this API does: {error}") from None

    def _number(self, name: str) -> float:
        headers = {"x-whatap-token": self.token, "x-whatap-pcode": self.pcode}
        url = f"{self.url.rstrip('/')}/open/api/{quote(name, safe='')}"
        return _finite(call_json("GET", url, headers=headers, timeout_s=TIMEOUT_S), name)

    def _promql(self, query: str) -> float:
        url = f"{self.url.rstrip('/')}/prometheus/api/v1/query?{urlencode({'query': query})}"
        answer = call_json("GET", url, headers={"X-TC-APP-KEY": self.token}, timeout_s=TIMEOUT_S)
        data = answer.get("data") if isinstance(answer, dict) else None
        result = data.get("result") if isinstance(data, dict) else None
        if isinstance(data, dict) and isinstance(result, list):
            if data.get("resultType") == "scalar" and len(result) == 2:
                return _finite(result[1], query)
            if len(result) == 1 and isinstance(result[0], dict) and "value" in result[0]:
                return _finite(result[0]["value"][1], query)
            raise CallFailed(
                f"{query!r} is worth {len(result)} series, one is needed; aggregate them, as in sum(...)"
            )
        raise CallFailed(f"{query!r} was not answered as a query: {str(answer)[:200]}")


def _finite(value: object, what: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise CallFailed(f"{what!r} is {str(value)[:80]!r}, no number")
    return number
