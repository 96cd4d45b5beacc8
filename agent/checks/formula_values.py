"""Compute the formulas that a cell wrote without values, and store the values in the file.

LibreOffice does it, in a sandbox of its own for each job; one is started ahead, and is used once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from agent.workbook_programs import start_program
from container.confined import ConfinedProgram, NoAnswer
from container.errors import ContainerError
from container.limits import MIB, Limits
from container.workspace.rewrite import Seen, read_seen, replace_seen
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace
from notebooks.record.shielded import in_thread

COMPUTED = frozenset({".xlsx", ".xlsm", ".xltx", ".xltm"})
OFFICE = Path("/usr/lib/libreoffice/program/oosplash"), Path("/opt/libreoffice/program/oosplash")
MOUNTED = Path("/etc/libreoffice"), Path("/var/lib/libreoffice"), Path("/opt/libreoffice")
"""Directories of LibreOffice outside /usr."""
LIMITS = Limits(memory_bytes=1536 * MIB, pids=64, tmp_bytes=512 * MIB, cpus=2.0)
FILE_SECONDS, START_SECONDS = 20.0, 60.0
MOST_FILES, MOST_FILE_BYTES, MOST_ANSWER_BYTES = 10, 50 * MIB, 256 * MIB
MOST_ORIGINALS, MOST_ORIGINAL_BYTES = 20, 50 * MIB
"""Of uploads whose stored values are looked at, all together."""
IDLE_SECONDS = 900.0
AT_ONCE = 2
NO_OFFICE = "no (LibreOffice is not installed: apt-get install libreoffice-calc-nogui)"
log = logging.getLogger("tallybook.checks")

Computations = dict[str, dict[str, Any]]
"""By file: what `workbooks.recalculate` reports, or ``{"problem"}``, why nothing was computed."""


def office_installed(places: Sequence[Path] = OFFICE) -> bool:
    """Whether LibreOffice is installed on this host."""
    return any(program.exists() for program in places)


def office_mounts() -> tuple[tuple[Path, str], ...]:
    """Return the directories of LibreOffice that its sandbox has to see."""
    return tuple((each, str(each)) for each in MOUNTED if each.is_dir())


class FormulaValues:
    """Computes formulas with LibreOffice. Without it, nothing is computed."""

    def __init__(
        self,
        limits: Limits,
        *,
        office: Sequence[Path] = OFFICE,
        file_seconds: float = FILE_SECONDS,
        warm: bool = True,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            limits: Those of kernels: a file may not become larger than they may write.
            office: Where LibreOffice's program may be.
            file_seconds: How long one workbook may take.
            warm: Start the next LibreOffice ahead, once one was needed.
        """
        self._limits, self._office, self._file_seconds = limits, office, file_seconds
        self._warm = warm
        self._running = asyncio.Semaphore(AT_ONCE)
        self._ahead: asyncio.Task[ConfinedProgram] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def compute(self, workspace: Workspace, names: Sequence[str]) -> Computations:
        """Store the values of formulas in files, in place.

        Args:
            workspace: The workspace.
            names: Files with formulas that have no value. Those in ``outputs/`` are computed.

        Returns:
            What was computed in each; empty without LibreOffice or a sandbox for it.
        """
        chosen = [name for name in names if _is_computed(name)][:MOST_FILES]
        if not chosen or self._closed or not office_installed(self._office):
            return {}
        async with self._running:  # contents and answers of few jobs only are in memory
            return await self._compute(workspace, chosen)

    async def _compute(self, workspace: Workspace, names: Sequence[str]) -> Computations:
        found: Computations = {}
        seen: dict[str, Seen] = {}
        for name in names:
            try:
                content = await asyncio.to_thread(read_seen, workspace, name, MOST_FILE_BYTES)
            except ContainerError as error:
                found[name] = {"problem": str(error)}
                continue
            if content is None:
                found[name] = {"problem": f"it has more than {MOST_FILE_BYTES // MIB} MB"}
            else:
                seen[name] = content
        originals = await asyncio.to_thread(_originals, workspace, names) if seen else {}
        results = await self._results([each.content for each in seen.values()], originals)
        for (name, old), (result, new) in zip(seen.items(), results, strict=False):
            if new and "report" in result:
                problem = await in_thread(self._replace, workspace, name, old, new)
                result = {"problem": problem} if problem else result["report"]
            if "problem" in result or "formulas" in result:
                found[name] = result
        return found

    def _replace(self, workspace: Workspace, name: str, old: Seen, content: bytes) -> str:
        if len(content) > self._limits.file_bytes:
            return f"it would become larger than {self._limits.file_bytes // MIB} MB"
        used = sum(file.size for file in workspace.files()) - len(old.content)
        if used + len(content) > self._limits.disk_bytes:
            return "the workspace has no room for the values"
        return replace_seen(workspace, name, old, content)

    async def _results(
        self, contents: Sequence[bytes], originals: Mapping[str, bytes]
    ) -> list[tuple[dict[str, Any], bytes]]:
        """Return the result and the new content of each workbook."""
        if not contents:
            return []
        sizes = [len(content) for content in contents]
        of_originals = [(name, len(content)) for name, content in originals.items()]
        asked = {"sizes": sizes, "originals": of_originals, "seconds": self._file_seconds}
        line = json.dumps(asked).encode() + b"\n"
        seconds = START_SECONDS + self._file_seconds * len(contents)
        try:
            program = await self._take()
        except (ContainerError, OSError) as error:
            log.warning("formulas could not be computed: %s", error)
            return []
        try:
            answer = await program.ask(
                (line, *contents, *originals.values()),
                seconds=seconds,
                most_bytes=MOST_ANSWER_BYTES,
            )
            return _parsed(answer, len(contents))
        except NoAnswer as problem:
            log.warning("formulas could not be computed: %s; %s", problem, program.log()[-500:])
            return [({"problem": f"the computation failed: {problem}"}, b"")] * len(contents)
        finally:
            await program.aclose()

    async def _take(self) -> ConfinedProgram:
        """Return a program that was started ahead, or a new one; start the next one."""
        ahead, self._ahead = self._ahead, None
        program = None
        if ahead is not None:
            with contextlib.suppress(ContainerError, OSError):
                program = await ahead
            if program is not None and not program.alive:
                await program.aclose()
                program = None
        if program is None:
            program = await _start()
        if self._warm and self._ahead is None and not self._closed:
            self._ahead = asyncio.create_task(_start_later())
            if self._idle is not None:
                self._idle.cancel()
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_idle)
        return program

    def _end_idle(self) -> None:
        closing = asyncio.ensure_future(self._end_ahead())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _end_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            with contextlib.suppress(ContainerError, OSError):
                await (await ahead).aclose()

    async def aclose(self) -> None:
        """End the program that was started ahead."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        await self._end_ahead()
        if self._closing:
            await asyncio.wait(self._closing)


async def _start() -> ConfinedProgram:
    return await start_program("recalculate", LIMITS, office_mounts())


async def _start_later() -> ConfinedProgram:
    """Start the next program once this turn of the event loop has gone on with its work."""
    await asyncio.sleep(0)
    return await _start()


def _originals(workspace: Workspace, names: Sequence[str]) -> dict[str, bytes]:
    """Return uploads that files may have been made from: those of the same name first."""
    same = {PurePosixPath(name).name for name in names}
    uploads = [
        f for f in workspace.files(INPUTS) if PurePosixPath(f.name).suffix.lower() in COMPUTED
    ]
    uploads.sort(key=lambda file: PurePosixPath(file.name).name not in same)
    found: dict[str, bytes] = {}
    room = MOST_ORIGINAL_BYTES
    for file in uploads[:MOST_ORIGINALS]:
        with contextlib.suppress(ContainerError):
            if (seen := read_seen(workspace, file.name, room)) is not None:
                found[file.name] = seen.content
                room -= len(seen.content)
    return found


def _is_computed(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    return name.startswith(f"{OUTPUTS}/") and suffix in COMPUTED


def _parsed(answer: bytes, count: int) -> list[tuple[dict[str, Any], bytes]]:
    """Divide an answer; its program has read a hostile file, so nothing in it is trusted.

    Raises:
        NoAnswer: It is not as it must be.
    """
    line, _, rest = answer.partition(b"\n")
    try:
        results = json.loads(line)["results"]
        pairs, start = [], 0
        for result in results[:count]:
            size = int(result.get("size", 0))
            pairs.append((_checked(result), rest[start : start + size]))
            start += size
    except (
        ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise NoAnswer("its answer is broken") from error
    if len(pairs) != count:
        raise NoAnswer("its answer is broken")
    return pairs


def _checked(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with the types and lengths that it must have."""
    if "problem" in result:
        return {"problem": str(result["problem"])[:300]}
    report = result["report"]
    if not report:
        return {}
    return {
        "report": {
            "formulas": int(report["formulas"]),
            "computed": int(report["computed"]),
            **_kept(report.get("kept")),
            "errors": _counts(report["errors"]),
            "without_value": _counts(report["without_value"]),
            "cells": {
                str(place)[:60]: value[:200] if isinstance(value, str) else value
                for place, value in list(report["cells"].items())[:40]
                if isinstance(value, str | int | float | bool)
            },
        }
    }


def _counts(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(name)[:60]: {
            "count": int(each["count"]),
            "cells": [str(place)[:60] for place in each["cells"][:5]],
        }
        for name, each in list(found.items())[:20]
    }


def _kept(found: Mapping[str, Any] | None) -> dict[str, Any]:
    if not found:
        return {}
    counted = _counts({"kept": found})["kept"]
    return {"kept": {"original": str(found["original"])[:300], **counted}}


def summary(computation: Mapping[str, Any]) -> str:
    """Return in one line what was computed in a file: ``computed 9 formulas; 3 give #REF!: …``."""
    if problem := computation.get("problem"):
        return f"formulas were not computed: {problem}"
    said = [f"computed {_number(computation['computed'])}"]
    for error, each in computation["errors"].items():
        verb = "gives" if each["count"] == 1 else "give"
        said.append(f"{each['count']:,} {verb} {error}: {_some(each)}")
    kept = computation.get("kept") or {"count": 0}
    if kept["count"]:
        verb, they = ("keeps", "it reads") if kept["count"] == 1 else ("keep", "they read")
        said.append(
            f"{_number(kept['count'])} {verb} the value stored in {kept['original']!r}, as nothing "
            f"that {they} has changed: {_some(kept)}"
        )
    without = computation["formulas"] - computation["computed"] - kept["count"]
    if without:
        reasons = [
            f"{reason} in {_some(each)}" for reason, each in computation["without_value"].items()
        ]
        verb = "has" if without == 1 else "have"
        said.append(
            f"{_number(without)} {verb} no value until Excel opens the file ({'; '.join(reasons)})"
        )
    return "; ".join(said)


def _number(count: int) -> str:
    return "1 formula" if count == 1 else f"{count:,} formulas"


def _some(each: Mapping[str, Any]) -> str:
    more = each["count"] - len(each["cells"])
    return ", ".join(each["cells"]) + (f" and {more:,} more" if more > 0 else "")
