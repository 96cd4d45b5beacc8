"""Multipart bodies, parsed while they arrive: fields in memory, files to disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from container.errors import ContainerError
from container.workspace.workspace import INPUTS, NewInput, Workspace, safe_name
from kernel_gateway.errors import BadRequest, FileTooLarge, GatewayError
from kernel_gateway.http.upload_quota import UploadQuota

MAX_FIELD_BYTES = 2_000_000
"""Limit of all fields together."""
MAX_FILES = 200
MAX_PARTS = 1000
"""Limit of fields and files together, rejected files included."""


@dataclass(slots=True)
class UploadedFile:
    """One file of an upload that is now in ``inputs/``.

    Attributes:
        name: Name in the workspace, ``inputs/…``.
        wanted: The name it would have if that were not taken.
        sent_name: Name the client gave.
        size: Bytes.
        sha256: Hash of the content.
        new: The upload created it; ``False`` if the same content was there already.
    """

    name: str
    wanted: str
    sent_name: str
    size: int
    sha256: str
    new: bool


@dataclass(slots=True)
class _Part:
    headers: dict[str, str] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    wanted_name: str = ""
    new: NewInput | None = None
    digest: Any = None
    size: int = 0
    value: bytearray = field(default_factory=bytearray)
    error: Exception | None = None


class Upload:
    """Parses a multipart body chunk by chunk and stores its files in a workspace.

    A file that fails (bad name, too large) is removed and does not stop the others. Nothing in
    ``inputs/`` is overwritten: a file with a taken name and other content gets ``name (2)``.

    Args:
        content_type: The request's header.
        workspace: Returns the workspace; called when the first file starts.
        limit_bytes: Largest file, in bytes.
        quota: The upload quota.
    """

    def __init__(
        self,
        content_type: str,
        workspace: Callable[[], Workspace],
        limit_bytes: int,
        quota: UploadQuota,
    ) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise BadRequest("The body must be multipart/form-data with a boundary.")
        self._workspace = workspace
        self._limit_bytes, self._quota = limit_bytes, quota
        self._parts = self._field_bytes = 0
        self.fields: dict[str, str] = {}
        self.files: list[UploadedFile] = []
        self.rejected: list[tuple[str, Exception]] = []
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self._stack = ExitStack()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            callbacks={
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes of the body; raise `BadRequest` if they aren't multipart."""
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise BadRequest(f"The multipart body is malformed: {str(error)[:120]}.") from None

    def finish(self) -> None:
        """Raise `BadRequest` unless the body was complete."""
        if not self._ended:
            raise BadRequest("The upload was cut short. Send it again.")

    def close(self) -> None:
        """Drop an incomplete file, if there is one."""
        with contextlib.suppress(_Abandoned):
            self._stack.__exit__(_Abandoned, _Abandoned(), None)

    def _on_part_begin(self) -> None:
        self._part = _Part()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BadRequest(f"One upload may have {MAX_PARTS} parts. Send the rest in another.")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        # latin-1 keeps every byte: the options are decoded as UTF-8 after they are split.
        name, value = (part.decode("latin-1") for part in self._header)
        self._part.headers[name.lower()] = value
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        part = self._part
        _, options = parse_options_header(part.headers.get("content-disposition", ""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" not in options:
            return
        part.filename = options[b"filename"].decode("utf-8", "replace")
        try:
            if len(self.files) >= MAX_FILES:
                raise BadRequest(
                    f"One upload may hold {MAX_FILES} files. Send the rest in another."
                )
            workspace = self._workspace()
            part.wanted_name = safe_name(part.filename)
            part.new = self._stack.enter_context(workspace.add_input(part.wanted_name))
            part.digest = hashlib.sha256()
            self._quota.take(part.filename, files=1)
        except (ContainerError, GatewayError) as error:
            self._refuse(part, error)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part, piece = self._part, data[start:end]
        if part.error is not None:
            return
        part.size += len(piece)
        if part.filename is None:
            self._field_bytes += len(piece)
            if self._field_bytes > MAX_FIELD_BYTES:
                raise BadRequest(
                    f"With {part.name!r} the fields are larger than {MAX_FIELD_BYTES} bytes."
                )
            part.value += piece
        elif part.new is not None:
            try:
                self._quota.take(part.filename, len(piece))
                if part.size > self._limit_bytes:
                    raise FileTooLarge(part.filename, self._limit_bytes)
            except GatewayError as error:
                self._refuse(part, error)
                return
            part.new.file.write(piece)
            part.digest.update(piece)

    def _refuse(self, part: _Part, error: Exception) -> None:
        part.error = error
        if part.new is not None:
            self._drop(part)

    def _drop(self, part: _Part) -> None:
        self.close()
        self._quota.give_back(part.size, 1)

    def _on_part_end(self) -> None:
        part = self._part
        if part.filename is None:
            self.fields[part.name] = part.value.decode("utf-8", "replace")
        elif part.error is not None:
            self.rejected.append((part.filename, part.error))
        elif part.new is not None:
            self._keep(part, part.new)

    def _keep(self, part: _Part, new: NewInput) -> None:
        workspace, sha256 = self._workspace(), part.digest.hexdigest()
        if twin := same_content(workspace, part.wanted_name, part.size, sha256):
            self._drop(part)
            stored = twin
        else:
            self._stack.close()
            stored = f"{INPUTS}/{new.name}"
        self.files.append(
            UploadedFile(
                name=stored,
                wanted=f"{INPUTS}/{part.wanted_name}",
                sent_name=part.filename or "",
                size=part.size,
                sha256=sha256,
                new=twin is None,
            )
        )

    def _on_end(self) -> None:
        self._ended = True


class _Abandoned(Exception):
    """Makes `Workspace.add_input` drop its temporary file."""


def same_content(workspace: Workspace, name: str, size: int, sha256: str) -> str | None:
    """Return the input called *name* if it already has this content."""
    taken = f"{INPUTS}/{name}"
    try:
        with workspace.open_read(taken) as file:
            if os.fstat(file.fileno()).st_size != size:
                return None
        return taken if workspace.sha256(taken) == sha256 else None
    except ContainerError:  # it does not exist, or is no plain file
        return None
