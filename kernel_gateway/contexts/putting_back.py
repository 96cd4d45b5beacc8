"""Puts files of a path back to earlier contents, so that a crash midway is made good afterwards.

First every content is written beside the workspace; a full disk is found out then, and nothing has
changed. Then the plan is stored and synced. Then files are renamed into place and removed. A
service that finds a plan carries it out again: doing so twice gives the same files.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from container.errors import ContainerError
from container.tree import remove
from container.workspace.copy import new_file
from container.workspace.replace import put_file, remove_file
from kernel_gateway.contexts.open_path import STAGED, OpenPath
from notebooks.errors import BlobError
from notebooks.record.files import fsync_directory, replace_atomically

PLAN = "restoring.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A restoration that was decided.

    Attributes:
        turn: The turn that does it.
        write: Name → sha256 of the content it gets.
        remove: Files to remove.
        before: Name → sha256 of the files as they were, in case it fails midway.
        text: The note for the notebook.
        facts: The note's metadata.
        names: Variables there were.
        rebuild: Whether variables are rebuilt too.
    """

    turn: str
    write: Mapping[str, str]
    remove: tuple[str, ...]
    before: Mapping[str, str]
    text: str
    facts: Mapping[str, Any]
    names: tuple[str, ...]
    rebuild: bool


def read_plan(path: OpenPath, turn: str) -> StoredPlan | None:
    """Return the plan that *turn* stored before the service stopped; ``None`` without one."""
    try:
        value = json.loads((path.home / PLAN).read_bytes())
        lists = {field: tuple(value[field]) for field in ("remove", "names")}
        plan = StoredPlan(**{**value, **lists})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return plan if plan.turn == turn else None


def _drop_plan(path: OpenPath) -> None:
    """Forget the stored plan: it is not carried out."""
    (path.home / PLAN).unlink(missing_ok=True)


def put_files_back(path: OpenPath, plan: StoredPlan) -> None:
    """Carry out *plan*; may be repeated. Blocks.

    Raises:
        OSError: The disk is full or broken. The files are as they were.
        BlobError: A content can't be read. The files are as they were.
    """
    staged = path.home / STAGED
    remove(staged)
    staged.mkdir(mode=0o700)
    try:
        try:
            ready = _stage(path, plan.write, staged)
        except (OSError, BlobError):
            if read_plan(path, plan.turn) is not None:  # a stopped service did a part of it
                _go_back(path, plan, staged)
            raise
        replace_atomically(path.home / PLAN, json.dumps(asdict(plan)).encode())
        try:
            _move(path, ready, plan.remove)
        except (OSError, ContainerError):
            _go_back(path, plan, staged)
            raise
    finally:
        remove(staged)


def take_back(path: OpenPath, plan: StoredPlan) -> None:
    """Give the files that *plan* changed their contents of before, as far as possible. Blocks."""
    staged = path.home / STAGED
    remove(staged)
    staged.mkdir(mode=0o700)
    try:
        _go_back(path, plan, staged)
    finally:
        remove(staged)


def _stage(path: OpenPath, write: Mapping[str, str], staged: Path) -> dict[str, Path]:
    """Write the contents that the files do not have yet beside the workspace."""
    ready = {}
    for name, sha256 in write.items():
        if _sha256(path, name) == sha256:
            continue
        beside = secrets.token_hex(8)
        with new_file(staged, beside, path.workspace.uid) as file:
            path.blobs.copy(sha256, file)
            file.flush()
            os.fsync(file.fileno())  # a power loss must not leave an empty file under its name
        ready[name] = staged / beside
    return ready


def _move(path: OpenPath, ready: Mapping[str, Path], gone: tuple[str, ...]) -> None:
    for name in gone:
        remove_file(path.workspace, name)
    for name, file in ready.items():
        put_file(path.workspace, name, file)
    fsync_directory(path.workspace.directory)


def _go_back(path: OpenPath, plan: StoredPlan, staged: Path) -> None:
    """Give the files that *plan* names the contents they had before it, as far as possible."""
    had = {n: s for n, s in plan.before.items() if n in plan.write or n in plan.remove}
    for name, sha256 in had.items():
        with contextlib.suppress(OSError, ContainerError, BlobError):
            ready = _stage(path, {name: sha256}, staged)
            _move(path, ready, ())
    for name in plan.write.keys() - had.keys():
        with contextlib.suppress(OSError, ContainerError):
            remove_file(path.workspace, name)
    _drop_plan(path)


def _sha256(path: OpenPath, name: str) -> str:
    try:
        return path.workspace.sha256(name)
    except ContainerError:
        return ""
