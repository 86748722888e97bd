"""Which message a remote write request carries, by its headers alone."""

from __future__ import annotations

from bongsu.wire.remote_write.errors import BadRemoteWrite
from bongsu.wire.remote_write.request import MESSAGES, Version

MEDIA_TYPE = "application/x-protobuf"


class UnsupportedMessage(BadRemoteWrite):
    """The content type names nothing that can be read here."""


def version_of(content_type: str | None) -> Version:
    """
    Return the version that a Content-Type header names; 1.0 when it is missing or names no message.

    Raises
    ------
    UnsupportedMessage
        If it names another media type or another message.
    """
    if not content_type:
        return Version.V1
    media_type, *parameters = (part.strip() for part in content_type.split(";"))
    message = next(iter(MESSAGES))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "proto":
            message = value.strip().strip('"')
    if media_type.lower() != MEDIA_TYPE or message not in MESSAGES:
        raise UnsupportedMessage(
            f"Content-Type is {content_type[:200]!r}; send {MEDIA_TYPE}, with a proto parameter of {' or '.join(MESSAGES)} or none"
        )
    return MESSAGES[message]
