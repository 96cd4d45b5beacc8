"""A damaged workbook goes to LibreOffice; what it can read becomes a file beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from pathlib import PurePosixPath

from agent.checks.formula_values import LIMITS, office_installed, office_mounts
from agent.workbook_programs import start_program
from container.confined import NoAnswer
from container.errors import ContainerError
from container.limits import MIB
from container.workspace.rewrite import read_seen
from container.workspace.workspace import INPUTS, Workspace

START_SECONDS, FILE_SECONDS = 60.0, 30.0
LEAST_BYTES = 1_000
"""No workbook is smaller."""
MOST_FILE_BYTES, MOST_ANSWER_BYTES = 50 * MIB, 100 * MIB
AT_ONCE = asyncio.Semaphore(1)
log = logging.getLogger("tallybook.profiles")


async def recover(workspace: Workspace, name: str) -> str:
    """Write what LibreOffice reads of a damaged upload to a new file in ``inputs/``.

    Args:
        workspace: The workspace.
        name: The file, as in ``inputs/ledger.xls``.

    Returns:
        The new file's name, which is there already if this content was recovered before; empty
        if it can't be recovered, or LibreOffice is not installed.
    """
    path = PurePosixPath(name)
    if path.parts[:1] != (INPUTS,) or len(path.parts) != 2 or ".recovered-" in path.stem:
        return ""
    try:
        content_hash = await asyncio.to_thread(workspace.sha256, name)
    except ContainerError:
        return ""
    target = f"{path.stem}.recovered-{content_hash[:8]}.xlsx"
    if any(file.name == f"{INPUTS}/{target}" for file in workspace.files(INPUTS)):
        return f"{INPUTS}/{target}"
    if not office_installed():
        return ""
    async with AT_ONCE:
        content = await _recovered(workspace, name)
    if not content:
        return ""
    with contextlib.suppress(ContainerError, OSError):
        return await asyncio.to_thread(_added, workspace, target, content)
    return ""


def _added(workspace: Workspace, target: str, content: bytes) -> str:
    with workspace.add_input(target) as new:
        new.file.write(content)
    return f"{INPUTS}/{new.name}"


async def _recovered(workspace: Workspace, name: str) -> bytes:
    try:
        seen = await asyncio.to_thread(read_seen, workspace, name, MOST_FILE_BYTES)
        if seen is None or len(seen.content) < LEAST_BYTES:
            return b""
        program = await start_program("recover", LIMITS, office_mounts())
    except (ContainerError, OSError) as error:
        log.warning("a damaged file could not be given to LibreOffice: %s", error)
        return b""
    try:
        line = json.dumps({"seconds": FILE_SECONDS}).encode() + b"\n"
        answer = await program.ask(
            (line, seen.content),
            seconds=START_SECONDS + FILE_SECONDS,
            most_bytes=MOST_ANSWER_BYTES,
        )
    except NoAnswer as problem:
        log.warning("a damaged file was not recovered: %s; %s", problem, program.log()[-500:])
        return b""
    finally:
        await program.aclose()
    return answer.partition(b"\n")[2]
