"""How a conversation works: at once, after a look, cell by cell, without writing, or alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

ModeName = Literal["auto", "preview", "step", "read-only", "autonomous"]
MODE_NAMES: tuple[ModeName, ...] = get_args(ModeName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """The mode of a conversation.

    Attributes:
        name: ``auto``: low risk runs, medium risk is asked for. ``preview``: nothing runs that the
            user has not seen and approved. ``step``: each cell waits for the user. ``read-only``:
            cells work on a copy of the files, and Excel is only read. ``autonomous``: what *scope*
            names needs no further permission.
        id: Its permanent id; empty for the ``auto`` of a conversation without another one.
        by: The user who set it. An autonomous one is a permission of this user, and of no other.
        at: When, ISO 8601.
        scope: Capabilities that need no further permission, as a permission request names them.
        ends_at: When it ends, in seconds since the epoch.
        cells: How many more cells may run in it.
    """

    name: ModeName = "auto"
    id: str = ""
    by: str = ""
    at: str = ""
    scope: tuple[str, ...] = ()
    ends_at: float | None = None
    cells: int | None = None


AUTO = Mode()


class Modes(Protocol):
    """The mode of the conversation that a turn belongs to, as it is at each moment."""

    async def current(self) -> Mode:
        """Return the mode that applies to the turn now."""

    async def begin_cell(self) -> Mode:
        """Return the mode that applies to a cell that begins now, and count the cell.

        An autonomous mode that has ended, or whose cells are spent, gives way to ``auto``.
        """

    async def on_a_copy(self) -> Mapping[str, str]:
        """Have the turn's cells work on a copy of the files from now to the turn's end.

        Returns:
            The files that are kept, name → sha256.
        """


class AlwaysAuto:
    """The mode of a turn without a conversation (see `Modes`)."""

    async def current(self) -> Mode:
        """Return ``auto``."""
        return AUTO

    async def begin_cell(self) -> Mode:
        """Return ``auto``."""
        return AUTO

    async def on_a_copy(self) -> Mapping[str, str]:
        """Make no copy: the mode is never ``read-only``."""
        return {}


def mode_facts(mode: Mode) -> dict[str, Any]:
    """Return *mode* as plain JSON."""
    return {
        "name": mode.name,
        "id": mode.id,
        "by": mode.by,
        "at": mode.at,
        "scope": list(mode.scope),
        "ends_at": mode.ends_at,
        "cells": mode.cells,
    }


def mode_from(facts: Mapping[str, Any] | None) -> Mode:
    """Rebuild a mode from `mode_facts`; ``auto`` from nothing."""
    return Mode(**{**facts, "scope": tuple(facts["scope"])}) if facts else AUTO


FOR_THE_MODEL: Mapping[ModeName, str] = {
    "auto": "",
    "preview": (
        "The user wants to see everything before it runs. Call `plan` first, with every step and "
        "the code of each step that has code; then call `run_code` with exactly that code. Code "
        "that was not shown is shown, and waits, on its own."
    ),
    "step": "Each cell, and each change in Excel, waits for the user: keep them small and clear.",
    "read-only": (
        "This conversation is read-only. Cells work on a copy of the files: what they write is "
        "gone when the request ends. Excel can only be read. Look, compute and answer; promise no "
        "file, and say that nothing was written if a change was asked for."
    ),
    "autonomous": (
        "The user is away and has allowed work without further questions, within limits. What "
        "lies outside of them still waits for the user: prefer ways that need no permission."
    ),
}
