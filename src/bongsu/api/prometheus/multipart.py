"""Fields of a form as browsers and ``curl -F`` send it: ``multipart/form-data`` (RFC 7578)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bongsu.model.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
"""At most 70 characters (RFC 2046, section 5.1.1)."""

_DISPOSITION = re.compile(
    rb'^content-disposition:\s*form-data\s*;[^\r\n]*?\bname="([^"\r\n]*)"', re.IGNORECASE | re.MULTILINE
)
_FILE = re.compile(rb"^content-disposition:[^\r\n]*;\s*filename\*?=", re.IGNORECASE | re.MULTILINE)


def multipart_fields(body: bytes, content_type: str, most: int) -> Iterator[tuple[str, str]]:
    """
    Yield name and value of each field; files are passed over.

    Parameters
    ----------
    most
        Fields that a form may have.

    Raises
    ------
    InvalidInput
        If there is no boundary, the form does not end with it, or a part is not a field.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _bad("its Content-Type has no boundary")
    delimiter = b"\r\n--" + (found[1] or found[2]).encode("latin-1")
    # What stands before the first boundary says nothing; the first one needs no line before it.
    _, *parts = (b"\r\n" + body).split(delimiter, most + 2)
    if not parts or not parts[-1].startswith(b"--"):
        raise _bad(f"it is cut off before its last boundary, or has more than {most} fields")
    for part in parts[:-1]:
        head, separator, value = part.partition(b"\r\n\r\n")
        name = _DISPOSITION.search(head)
        if not separator or name is None:
            raise _bad("a part has no Content-Disposition with a name")
        if _FILE.search(head) is None:
            yield _text(name[1]), _text(value)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"a field is not valid UTF-8: {error}") from error


def _bad(cause: str) -> InvalidInput:
    return InvalidInput(f"the multipart form cannot be read: {cause}", id="bad-form")
