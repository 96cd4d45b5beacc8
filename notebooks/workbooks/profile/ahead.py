"""A workbook's largest sheet, unpacked in a thread while the process still loads its modules."""

from __future__ import annotations

import contextlib
import threading
import zipfile
from pathlib import Path

MIN_BYTES, MAX_BYTES = 2_000_000, 100_000_000


class Ahead:
    """One part that is unpacked ahead; zlib does not hold Python's lock."""

    def __init__(self, path: Path) -> None:
        """Begin to unpack, if the file is a package with a large sheet; nothing is raised."""
        self._name, self._content = "", b""
        self._thread: threading.Thread | None = None
        self._path = path
        with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile):
            with zipfile.ZipFile(path) as package:
                sizes = {
                    each.filename: each.file_size
                    for each in package.infolist()
                    if each.filename.startswith("xl/worksheets/")
                }
            name = max(sizes, key=sizes.__getitem__, default="")
            if MIN_BYTES <= sizes.get(name, 0) <= MAX_BYTES:
                self._name = name
                self._thread = threading.Thread(target=self._read, daemon=True)
                self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(Exception), zipfile.ZipFile(self._path) as package:
            self._content = package.read(self._name)

    def take(self, name: str) -> bytes:
        """Return the part *name* if it is the one; empty if not, or if it can't be read."""
        if self._thread is None or name != self._name:
            return b""
        self._thread.join()
        content, self._content = self._content, b""
        return content
