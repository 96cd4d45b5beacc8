"""A tool of the model: its declaration, and what runs when the model calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from agent.context.profiler import Profiler
from agent.ports import Fetched, ToolDeclaration
from agent.tools.office.arguments import schema_of
from container.workspace.workspace import INPUTS, OUTPUTS, Workspace, WorkspaceFile
from notebooks.history.checkpoints import Checkpoints

MOST_CHARACTERS = 16_000
"""Of one reply to the model."""


class Planning(Protocol):
    """Keeps the turn's plan, and shows it to the user."""

    async def make(self, steps: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
        """Set the plan (title, code and parameters of each step); return words for the model."""

    async def move(self, number: int, status: str) -> str:
        """Say where a step stands; return words for the model. Raises `ToolFailed`."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a tool can look at: the files of one path.

    Attributes:
        workspace: The path's workspace.
        profiler: Reads its files, in a sandbox.
        checkpoints: Its checkpoints; ``None`` where none are made.
        fetch: Returns what is at a URL once the user allowed it (`agent.permission.fetch`);
            ``None`` where there is no network.
        planning: Keeps the plan; ``None`` outside of a turn.
        prefer: Keeps a part of the request as the user's preference and returns it as it stands
            there; raises `PreferenceRefused`. ``None`` outside of a turn.
    """

    workspace: Workspace
    profiler: Profiler
    checkpoints: Checkpoints | None = None
    fetch: Callable[[str], Awaitable[Fetched]] | None = None
    planning: Planning | None = None
    prefer: Callable[[str], Awaitable[str]] | None = None

    def files(self) -> list[WorkspaceFile]:
        """Return the uploads and the files that cells made."""
        return [*self.workspace.files(INPUTS), *self.workspace.files(OUTPUTS)]

    def file(self, name: str) -> WorkspaceFile:
        """Return the file *name*, with or without its directory.

        Raises:
            ToolFailed: There is none.
        """
        files = self.files()
        for each in files:
            if name in (each.name, each.name.partition("/")[2]):
                return each
        known = ", ".join(repr(each.name) for each in files[:40]) or "none"
        raise ToolFailed(f"There is no file {name!r}. There are: {known}.")


class ToolFailed(Exception):
    """A tool can't do what it was asked; the message says why and goes to the model."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool.

    Attributes:
        name: Its name, as the model calls it.
        description: What it does and when to use it, for the model.
        arguments: The model of its arguments: their schema and their check.
        run: Returns the text for the model.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[Any, Reach], Awaitable[str]]

    @property
    def declaration(self) -> ToolDeclaration:
        """Name, description and JSON Schema, as a model gets them."""
        return ToolDeclaration(self.name, self.description, _schema(self.arguments))


def _schema(arguments: type[BaseModel]) -> Mapping[str, Any]:
    schema = schema_of(arguments)
    properties = {
        name: {key: value for key, value in each.items() if key != "default"}
        for name, each in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def cut(text: str) -> str:
    """Return *text* cut at a line's end where it is too long for the model."""
    if len(text) <= MOST_CHARACTERS:
        return text
    kept = text[:MOST_CHARACTERS].rpartition("\n")[0]
    left = len(text) - len(kept)
    return f"{kept}\n… {left:,} characters more: ask for less at once, or print them with code."
