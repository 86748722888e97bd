"""
TLS towards targets: who is trusted, and with which certificate the scraper answers.

Certificates and keys are given as PEM text, never as paths: an option must not make the server read its own files.
"""

from __future__ import annotations

import functools
import ssl
import tempfile
from dataclasses import dataclass, field

from bongsu.scrape.option_checks import check_choice, check_flag, check_object, check_text, refuse

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CONTEXTS = 1024
"""Contexts kept; one takes some 100 KiB with the system's authorities, and all targets with the same options share one."""


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """
    How a target's TLS is checked.

    Attributes
    ----------
    ca
        Authorities that are trusted, PEM; empty for the system's.
    cert, key
        The scraper's own certificate and its key, PEM; both or none.
    server_name
        The name that the target's certificate must have, and that is asked for; empty for that of the address.
    insecure_skip_verify
        Take any certificate.
    """

    ca: str = ""
    cert: str = ""
    key: str = field(default="", repr=False)
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = "TLS12"


def check_tls(option: str, value: object) -> TlsOptions:
    """Return the options of a JSON object, or raise InvalidInput; certificates are tried out."""
    given = check_object(
        option, value, ("ca", "cert", "key", "server_name", "insecure_skip_verify", "min_version")
    )
    texts = {
        name: check_text(f"{option}.{name}", given.get(name, ""), least=0)
        for name in ("ca", "cert", "server_name")
    }
    options = TlsOptions(
        **texts,
        key=_key(option, given.get("key", "")),
        insecure_skip_verify=check_flag(
            f"{option}.insecure_skip_verify", given.get("insecure_skip_verify", False)
        ),
        min_version=check_choice(f"{option}.min_version", given.get("min_version", "TLS12"), _VERSIONS),
    )
    if bool(options.cert) != bool(options.key):
        refuse(
            f"{option}.cert", "without 'key'" if options.cert else "missing beside 'key'", "send both or none"
        )
    try:
        tls_context(options)
    except (ssl.SSLError, ValueError, TypeError) as error:  # the last one for a text beyond ASCII
        refuse(
            option,
            getattr(error, "reason", None) or "no PEM text",
            "'ca', 'cert' and 'key' are PEM texts that fit together",
        )
    return options


@functools.lru_cache(maxsize=_CONTEXTS)
def tls_context(options: TlsOptions) -> ssl.SSLContext:
    """Return the context of some options; the same one for equal options, so that connections are shared."""
    context = ssl.create_default_context(cadata=options.ca or None)
    context.minimum_version = _VERSIONS[options.min_version]
    if options.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.cert:
        # The library reads files only; this one has mode 0600 and is gone at once.
        with tempfile.NamedTemporaryFile("w", prefix="bongsu-", suffix=".pem") as file:
            file.write(f"{options.cert}\n{options.key}\n")
            file.flush()
            # A key behind a pass phrase would ask for it on the terminal.
            context.load_cert_chain(file.name, password="")
    return context


def _key(option: str, value: object) -> str:
    if not isinstance(value, str):
        refuse(f"{option}.key", "no text", "send a PEM text")
    return value
