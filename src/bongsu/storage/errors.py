"""What can go wrong in a store."""

from __future__ import annotations

from bongsu.model.errors import BongsuError, Unavailable


class StoreReadOnly(Unavailable):
    """Writes are refused because the disk is full or failed; reads go on, nothing acknowledged is lost."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="store-read-only")


class StoreClosed(Unavailable):
    """The store was closed, or the project was removed."""

    def __init__(self, message: str = "the store is closed") -> None:
        super().__init__(message, id="store-closed")


class StoreLocked(BongsuError):
    """Another process holds the data folder."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="data-folder-locked")


class StoreDamaged(BongsuError):
    """Bytes on disk fail their checksum; they were set aside, and the rest is served."""

    def __init__(self, message: str) -> None:
        super().__init__(message, id="store-damaged")
