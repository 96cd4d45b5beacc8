"""Workspaces: the only directory a kernel can write, and how the service touches it.

Code in the kernel is hostile and owns this directory, so the service never opens
a path in it by name: it walks down from the workspace's own descriptor, one
component at a time, never through a link, and accepts plain files only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from container.errors import SandboxUnavailable, UnsafePath, WorkspaceFileNotFound
from container.host.environment import INPUTS as INPUTS
from container.host.host_users import host_users
from container.host.runtime import free_user
from container.tree import Directory, change_owner, remove, walk

MARKER = ".tallybook-workspace"
OUTPUTS = "outputs"
NAME_BYTES = 200
MAX_LISTED = 10_000
TICK_NANOSECONDS = 20_000_000
"""Longer than a tick of any file system's clock on Linux."""
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNFINISHED = re.compile(r"\.[0-9a-f]{16}\.part")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*]')


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceFile:
    """One plain file in a workspace.

    Attributes:
        name: Path relative to the workspace, with ``/``.
        size: Bytes.
        version: Changes whenever the content may have; cheap, unlike a hash.
    """

    name: str
    size: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A workspace's plain files, with versions that show later changes.

    Attributes:
        files: Sorted by name.
        directories: Path of each directory → its version; ``.`` is the workspace.
        settled: The last change of a directory is older than a tick of the file system's
            clock. A second change within one tick would leave the version as it was.
    """

    files: list[WorkspaceFile]
    directories: dict[str, str]
    settled: bool


@dataclass(slots=True, kw_only=True)
class NewInput:
    """A file being written to ``inputs/``: the open file, and its final name."""

    file: BinaryIO
    name: str


def safe_name(name: str) -> str:
    """Turn an uploaded file's *name* into one plain, portable file name.

    Raises:
        UnsafePath: It is empty, too long, or tries to leave its directory.
    """
    plain = unicodedata.normalize("NFC", name).strip()
    if not plain or plain.strip(".") == "":
        raise UnsafePath(name, "it is empty; give the file a name")
    if "\x00" in plain:
        raise UnsafePath(name, "it holds a NUL character; rename the file")
    if "/" in plain or "\\" in plain:
        raise UnsafePath(name, "it holds a directory; send the bare file name")
    if found := _FORBIDDEN.search(plain):
        raise UnsafePath(name, f"it holds the character {found.group()!r}; rename the file")
    if len(plain.encode()) > NAME_BYTES:
        raise UnsafePath(name, f"it is longer than {NAME_BYTES} bytes; use a shorter one")
    if plain.startswith("."):
        raise UnsafePath(name, "it starts with a dot; rename the file")
    return plain


class Workspace:
    """A workspace directory on the host."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def create(cls, directory: Path) -> Workspace:
        """Create *directory* (or adopt an existing workspace) with ``inputs/`` and ``outputs/``.

        A service with host users to assign gives each workspace its own, including one
        created when it had none.

        Raises:
            SandboxUnavailable: The workspace belongs to a user this service has no rights over.
        """
        directory.mkdir(exist_ok=True, mode=0o700)
        workspace = cls(directory.resolve())
        if not (workspace.directory.parent / f"{directory.name}{MARKER}").exists():
            uid = free_user()
            for path in (
                workspace.directory,
                *(workspace.directory / n for n in (INPUTS, OUTPUTS)),
            ):
                path.mkdir(exist_ok=True, mode=0o700)
                if uid is not None:
                    os.chown(path, uid, uid)
            # Beside the directory, where the kernel can't forge it.
            (workspace.directory.parent / f"{directory.name}{MARKER}").touch()
        workspace._see_to_its_owner()
        return workspace

    @classmethod
    def at(cls, directory: Path) -> Workspace | None:
        """Return the workspace at *directory* if `create` made it, else ``None``."""
        resolved = directory.resolve()
        made = (resolved.parent / f"{resolved.name}{MARKER}").exists() and resolved.is_dir()
        return cls(resolved) if made else None

    def _see_to_its_owner(self) -> None:
        users = host_users() or (os.geteuid(),)
        owner = self.directory.stat().st_uid
        if owner not in users and (user := free_user()) is not None:
            with contextlib.suppress(OSError):
                change_owner(self.directory, user)
        if self.directory.stat().st_uid not in users:
            raise SandboxUnavailable(
                f"{self.directory} belongs to user {owner}, over whom this service has no rights",
                "See `tallybook doctor`: give the service back the users it had, or chown it.",
            )

    @property
    def uid(self) -> int | None:
        """The owner, whom the kernel runs as; ``None`` if the service has no host users."""
        return self.directory.stat().st_uid if os.geteuid() == 0 else None

    def make_inputs_plain(self, uid: int | None) -> None:
        """Ensure that ``inputs/`` is a plain directory, so that it can be mounted read-only.

        A kernel that could write to the workspace may have removed or replaced it. A
        replacement is renamed and kept.

        Args:
            uid: Owner of a new directory; ``None`` for this process's own user.

        Raises:
            SandboxUnavailable: The workspace is missing, or the service may not change it.
        """
        try:
            self._make_inputs_plain(uid)
        except OSError as error:
            raise SandboxUnavailable(
                f"the workspace {self.directory} can't be shown to a kernel ({error.strerror})",
                "See that the directory is there and belongs to the service's users.",
            ) from error

    def _make_inputs_plain(self, uid: int | None) -> None:
        top = os.open(self.directory, os.O_RDONLY | _DIRECTORY)
        try:
            with contextlib.suppress(FileNotFoundError):
                mode = os.stat(INPUTS, dir_fd=top, follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    return
                other = f"{INPUTS}-{secrets.token_hex(4)}"
                os.rename(INPUTS, other, src_dir_fd=top, dst_dir_fd=top)
            os.mkdir(INPUTS, 0o700, dir_fd=top)
            if uid is not None:
                os.chown(INPUTS, uid, uid, dir_fd=top, follow_symlinks=False)
        finally:
            os.close(top)

    def remove(self) -> None:
        """Delete the directory and its marker."""
        remove(self.directory)
        (self.directory.parent / f"{self.directory.name}{MARKER}").unlink(missing_ok=True)

    def open_read(self, name: str) -> BufferedReader:
        """Open the plain file *name* (relative, ``/``-separated) for reading.

        Raises:
            UnsafePath: It is absolute, has ``..``, or leads through a link or special file.
            WorkspaceFileNotFound: There is no such file.
        """
        parts = name_parts(name)
        with self._directory(parts[:-1], name) as parent:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            try:
                descriptor = os.open(parts[-1], flags, dir_fd=parent)
            except FileNotFoundError:
                raise WorkspaceFileNotFound(name) from None
            except OSError as error:
                raise UnsafePath(name, f"it is not a plain file ({error.strerror})") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UnsafePath(name, "it is not a plain file")
        return os.fdopen(descriptor, "rb")

    @contextlib.contextmanager
    def add_input(self, name: str) -> Iterator[NewInput]:
        """Add a file to ``inputs/`` atomically, without replacing another one.

        If *name* is taken when the block ends, the file becomes ``name (2).ext``, …;
        `NewInput.name` then holds the final name.

        Args:
            name: A name from `safe_name`.
        """
        with self._directory((INPUTS,), name) as parent:
            part = f".{secrets.token_hex(8)}.part"  # as `_UNFINISHED` has it
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(part, flags, 0o600, dir_fd=parent)
            try:
                if (uid := self.uid) is not None:
                    os.fchown(descriptor, uid, uid)
                with os.fdopen(descriptor, "wb") as file:
                    new = NewInput(file=file, name=name)
                    yield new
                new.name = _link_under_a_free_name(part, name, parent)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=parent)

    def sweep_unfinished(self) -> None:
        """Remove unfinished files that a service crash left in ``inputs/``."""
        with (
            contextlib.suppress(WorkspaceFileNotFound, UnsafePath),
            self._directory((INPUTS,), INPUTS) as parent,
        ):
            for name in os.listdir(parent):
                if _UNFINISHED.fullmatch(name):
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=parent)

    def new_output(self, name: str) -> BinaryIO:
        """Open a new file in ``outputs/``, replacing one of the same name.

        Args:
            name: A name from `safe_name`.

        Raises:
            UnsafePath: ``outputs/`` is no longer a plain directory, or *name* is a directory.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._directory((OUTPUTS,), name) as parent:
            try:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=parent)
                descriptor = os.open(name, flags, 0o600, dir_fd=parent)
            except OSError as error:
                raise UnsafePath(name, f"it can't be replaced ({error.strerror})") from None
        if (uid := self.uid) is not None:
            os.fchown(descriptor, uid, uid)
        return os.fdopen(descriptor, "wb")

    def directory_of(self, name: str) -> contextlib.AbstractContextManager[int]:
        """Open the directory of file *name*; raises as `open_read`."""
        return self._directory(name_parts(name)[:-1], name)

    def sync(self, name: str) -> None:
        """Flush file *name* and its directory entry to disk; raises as `open_read`."""
        with self._directory(name_parts(name)[:-1], name) as parent, self.open_read(name) as file:
            os.fsync(file.fileno())
            os.fsync(parent)

    def files(self, area: str = "") -> list[WorkspaceFile]:
        """List the plain files below *area*, sorted by name; links and specials are left out."""
        return self.listing(area).files

    def listing(self, area: str = "") -> Listing:
        """Return the files below *area* with what `unchanged` compares later."""
        found: list[WorkspaceFile] = []
        directories: dict[str, str] = {}
        newest, now = 0, time.time_ns()
        for met in self._walk(area):
            directories[met.path or "."] = _version(met.info)
            newest = max(newest, met.info.st_mtime_ns, met.info.st_ctime_ns)
            found += _plain_files(met.descriptor, met.path, met.files, area)
            if len(found) > MAX_LISTED:
                break
        return Listing(
            files=sorted(found, key=lambda file: file.name),
            directories=directories,
            settled=0 < newest < now - TICK_NANOSECONDS,
        )

    def unchanged(self, listing: Listing) -> bool:
        """Whether the workspace is the same as when *listing* was taken of all of it.

        It calls stat once per file and directory and opens none, which is far faster than
        a new listing. ``False`` means that something may have changed.
        """
        if not listing.settled:
            return False
        versions = listing.directories | {file.name: file.version for file in listing.files}
        with contextlib.suppress(OSError):
            top = os.open(self.directory, os.O_PATH | _DIRECTORY)
            try:
                return all(
                    _version(os.stat(name, dir_fd=top, follow_symlinks=False)) == version
                    for name, version in versions.items()
                )
            finally:
                os.close(top)
        return False

    def _walk(self, area: str) -> Iterator[Directory]:
        parts = tuple(part for part in area.split("/") if part)
        with (
            # Hostile code may have removed it or replaced it with a link.
            contextlib.suppress(WorkspaceFileNotFound, UnsafePath),
            self._directory(parts, area) as top,
        ):
            yield from walk(top)

    def sha256(self, name: str) -> str:
        """Return the hex sha256 of file *name*; raises as `open_read`."""
        with self.open_read(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextlib.contextmanager
    def _directory(self, parts: tuple[str, ...], name: str) -> Iterator[int]:
        flags = os.O_RDONLY | _DIRECTORY
        descriptor = os.open(self.directory, flags)
        try:
            for part in parts:
                try:
                    child = os.open(part, flags, dir_fd=descriptor)
                except FileNotFoundError:
                    raise WorkspaceFileNotFound(name) from None
                except OSError as error:
                    reason = f"{part!r} is not a plain directory ({error.strerror})"
                    raise UnsafePath(name, reason) from None
                os.close(descriptor)
                descriptor = child
            yield descriptor
        finally:
            os.close(descriptor)


def name_parts(name: str) -> tuple[str, ...]:
    """Split a file's name, relative to the workspace, at ``/``.

    Raises:
        UnsafePath: It is absolute, or can't be the name of a file in a workspace.
    """
    if not name or "\x00" in name or name.startswith("/"):
        raise UnsafePath(name, "it must be a path relative to the workspace")
    parts = tuple(name.split("/"))
    if any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > 255 for part in parts):
        raise UnsafePath(name, "it must stay inside the workspace")
    return parts


def _link_under_a_free_name(part: str, name: str, parent: int) -> str:
    """Link *part* to a free name and return it; unlike rename, link never replaces a file."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem else (name, "")
    number, candidate = 2, name
    while True:
        try:
            os.link(part, candidate, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            candidate = f"{stem} ({number}){suffix}"
            number += 1
        else:
            return candidate


def _plain_files(
    descriptor: int, base: str, names: Iterable[str], area: str
) -> list[WorkspaceFile]:
    found = []
    for name in names:
        with contextlib.suppress(OSError, UnicodeEncodeError):
            info = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            # A name that is not UTF-8 can't be shown, requested or recorded.
            name.encode("utf-8")
            unfinished = name.startswith(".") and name.endswith(".part")
            if stat.S_ISREG(info.st_mode) and not unfinished:
                path = "/".join(part for part in (area, base, name) if part)
                version = _version(info)
                found.append(WorkspaceFile(name=path, size=info.st_size, version=version))
    return found


def _version(info: os.stat_result) -> str:
    return f"{info.st_ino}-{info.st_size}-{info.st_mtime_ns}-{info.st_ctime_ns}"
