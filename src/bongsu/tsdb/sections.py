"""
Files of named, checksummed sections: blocks, checkpoints and tombstones. See `docs/format/sections.md`.

A file is written whole and renamed into place; it is never changed afterwards. Each section begins at a multiple of 64 bytes.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from bongsu.model.errors import InvalidInput
from bongsu.runtime.compress import ZstdStream, decompress_zstd_exactly
from bongsu.runtime.files import checksum, sync_folder
from bongsu.storage.errors import StoreDamaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_VERSION, _COMPRESSED_VERSION = 2, 3
"""Only files whose sections are compressed have the higher version; the others are as they were."""

_READABLE = frozenset({1, 2, 3})  # version 2 knows more codecs of chunks than 1, and nothing else changed
_MAGIC = b"BONGSUSF"
_TAIL = struct.Struct("<8sIIQQ")  # magic, version, checksum of the directory, its place, its size
_ALIGNMENT = 64
_PIECE = 1 << 24
"""Checksums are taken by 16 MiB, so that a large section is not read into memory at once."""


class SectionWriter:
    """
    Writes a file section by section; what was begun and not finished is removed.

    The directory and the fixed tail come last, so that nothing needs to be known in advance.

    Parameters
    ----------
    compressed
        Compress the sections: they take less room, and cannot be mapped into memory.
    """

    def __init__(self, path: Path, *, compressed: bool = False) -> None:
        self._path = path
        self._compressed = compressed
        self._temporary = path.with_name(path.name + ".tmp")
        self._file = self._temporary.open("wb")
        self._directory: dict[str, tuple[int, ...]] = {}
        self._at = 0
        self._crc = 0
        self._content = 0
        self._stream: ZstdStream | None = None

    def write(self, name: str, data: bytes | NDArray[Any]) -> None:
        """Write a whole section."""
        self.begin()
        self.extend(data)
        self.end(name)

    def begin(self) -> None:
        """Begin a section that is written in pieces."""
        self._file.write(bytes(-self._file.tell() % _ALIGNMENT))
        self._at = self._file.tell()
        self._crc = 0
        self._content = 0
        self._stream = ZstdStream() if self._compressed else None

    def extend(self, data: bytes | NDArray[Any]) -> None:
        """Write the next piece of the section."""
        view = data if isinstance(data, bytes) else np.ascontiguousarray(data).reshape(-1).view(np.uint8).data
        self._content += len(view)
        if self._stream is None:
            self._put(view)
            return
        for at in range(0, len(view), _PIECE):
            self._put(self._stream.add(bytes(view[at : at + _PIECE])))

    def end(self, name: str) -> None:
        """End the section under a name."""
        if self._stream is not None:
            self._put(self._stream.finish())
        entry = (self._at, self._file.tell() - self._at, self._crc)
        self._directory[name] = entry if self._stream is None else (*entry, self._content)

    def _put(self, data: bytes | memoryview) -> None:
        self._crc = checksum(data, self._crc)
        self._file.write(data)

    def finish(self) -> None:
        """Make the file durable under its name."""
        version = _COMPRESSED_VERSION if self._compressed else _VERSION
        directory = orjson.dumps(self._directory)
        at = self._file.tell()
        self._file.write(directory)
        self._file.write(_TAIL.pack(_MAGIC, version, checksum(directory), at, len(directory)))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        sync_folder(self._path.parent)

    def abort(self) -> None:
        """Remove what was written; harmless after `finish`."""
        if not self._file.closed:
            with contextlib.suppress(
                OSError
            ):  # a full disk does not take what is still to be written: it is not wanted
                self._file.close()
            self._temporary.unlink(missing_ok=True)


def write_sections(
    path: Path, sections: Mapping[str, bytes | NDArray[Any]], *, compressed: bool = False
) -> None:
    """Write a whole file."""
    writer = SectionWriter(path, compressed=compressed)
    try:
        for name, data in sections.items():
            writer.write(name, data)
        writer.finish()
    finally:
        writer.abort()


class SectionFile:
    """
    A file of sections, memory-mapped.

    The mapping is private, so that its arrays have the type that kernels are compiled for; nobody writes to them. It lives as long as
    an array into it does.

    Raises
    ------
    StoreDamaged
        If the directory cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        if self.size < _TAIL.size:
            raise StoreDamaged(f"{path} has {self.size} bytes, a file of sections has at least {_TAIL.size}")
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self._data: NDArray[np.uint8] = np.frombuffer(mapping, dtype=np.uint8)
        magic, version, crc, at, size = _TAIL.unpack(self._data[-_TAIL.size :].tobytes())
        directory = self._data[at : at + size].tobytes() if at + size <= self.size else b""
        if magic != _MAGIC or checksum(directory) != crc:
            raise StoreDamaged(f"{path} does not end as a file of sections does")
        if version not in _READABLE:
            raise StoreDamaged(
                f"{path} has format version {version}, this server reads {', '.join(map(str, sorted(_READABLE)))}"
            )
        self._directory: dict[str, tuple[int, ...]] = orjson.loads(directory)

    def has(self, name: str) -> bool:
        """Tell whether there is a section of that name."""
        return name in self._directory

    def array(self, name: str, dtype: str) -> NDArray[Any]:
        """Return a section as an array: in place, unless it is compressed."""
        at, size, _, *content = self._directory[name]
        stored = self._data[at : at + size]
        if not content:
            return stored.view(dtype)
        try:
            array: NDArray[Any] = decompress_zstd_exactly(stored.data, content[0]).view(dtype)
        except InvalidInput as error:
            raise StoreDamaged(f"section {name!r} of {self.path} cannot be read: {error.message}") from error
        return array

    def bytes(self, name: str) -> bytes:
        """Return a copy of a section."""
        return self.array(name, "u1").tobytes()

    def json(self, name: str) -> Any:
        """Return a section of JSON."""
        return orjson.loads(self.bytes(name))

    def check(self, names: Iterable[str] | None = None) -> None:
        """Check the checksums of some sections, or of all; raise StoreDamaged naming the first that fails."""
        for name in self._directory if names is None else names:
            at, size, expected = self._directory[name][:3]
            crc = 0
            for piece in range(at, at + size, _PIECE):
                crc = checksum(self._data[piece : min(piece + _PIECE, at + size)].data, crc)
            if crc != expected:
                raise StoreDamaged(f"section {name!r} of {self.path} fails its checksum")
