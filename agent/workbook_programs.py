"""Run a program of `notebooks.workbooks` in a sandbox: workbooks come from anywhere."""

from __future__ import annotations

import asyncio
import compileall
import functools
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from container.confined import ConfinedProgram, ConfinedResult, run_confined
from container.limits import Limits
from container.workspace.workspace import Workspace
from notebooks import workbooks

LIBRARY = "/opt/tallybook-workbooks"


def library() -> Path:
    """Return the directory of the programs, which run in the sandbox only."""
    return Path(next(iter(workbooks.__path__))).resolve()


@functools.cache
def library_version() -> str:
    """Return a hash of the programs: other ones may have another result."""
    digest = hashlib.sha256()
    for module in sorted(library().rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def compile_programs() -> None:
    """Compile the programs once: in its read-only sandbox each run would compile them again."""
    compileall.compile_dir(str(library()), quiet=2)


async def run_program(
    name: str,
    arguments: tuple[str, ...],
    workspace: Workspace,
    limits: Limits,
    on_printed: Callable[[bytes], None] | None = None,
) -> ConfinedResult:
    """Run ``workbooks.NAME`` with the workspace read-only, within *limits*.

    Args:
        name: A package with a ``__main__``: ``profile``, ``preview``, ``check``.
        arguments: Its arguments; the workspace is ``/workspace``.
        workspace: The workspace.
        limits: What it may use, ``seconds`` included.
        on_printed: Gets what it prints, as it comes.

    Raises:
        SandboxUnavailable: This host can't confine it.
    """
    await asyncio.to_thread(compile_programs)
    return await run_confined(
        (*_command(name), *arguments),
        workspace,
        limits,
        readonly=((library(), f"{LIBRARY}/workbooks"),),
        on_printed=on_printed,
    )


async def start_program(
    name: str, limits: Limits, readonly: tuple[tuple[Path, str], ...]
) -> ConfinedProgram:
    """Start ``workbooks.NAME``, which answers one request over a descriptor, its argument.

    Args:
        name: A package with a ``__main__``: ``recalculate``.
        limits: What it may use.
        readonly: Further (host path, path inside) pairs that it sees, read-only.

    Raises:
        SandboxUnavailable: This host can't confine it.
    """
    await asyncio.to_thread(compile_programs)
    return await ConfinedProgram.start(
        lambda descriptor: (*_command(name), str(descriptor)),
        limits,
        readonly=((library(), f"{LIBRARY}/workbooks"), *readonly),
    )


def _command(name: str) -> tuple[str, ...]:
    code = (
        f"import sys\nsys.path.insert(0, {LIBRARY!r})\n"
        f"import os\nfrom workbooks.{name}.__main__ import main\nmain()\n"
        "sys.__stdout__.flush()\nos._exit(0)"  # nothing is left to do but to free memory
    )
    return sys.executable, "-c", code
