"""Conversations, their paths and contexts, as the service sends them."""

from __future__ import annotations

from typing import Any, Literal

from agent.modes import ModeName
from kernel_gateway.http.schemas.responses.base import Exact


class Conversation(Exact):
    """A chat."""

    id: str
    title: str
    created_at: str
    user: str
    paths: list[str]


class ConversationDetail(Conversation):
    """A chat, with the last number of its main path's events, and its mode."""

    last_seq: int
    mode: ModeName


class Conversations(Exact):
    """The newest conversations first."""

    conversations: list[Conversation]


class DemoStarted(Exact):
    """The recorded demo conversation, and the ids of its turns: each begins when the last ended."""

    conversation: Conversation
    turns: list[str]


class Deleted(Exact):
    """What was deleted."""

    id: str
    deleted: Literal[True]


class Path(Exact):
    """A path: ``main``, or a branch."""

    name: str
    title: str
    source_path: str | None
    source_turn_id: str | None
    created_at: str
    merged_into: str | None
    merged_at: str | None


class PathDetail(Path):
    """A path, with the last number of its events."""

    last_seq: int


class NewBranch(Path):
    """A branch, and the files its cells will make again before its first cell runs."""

    files_to_remake: list[str]


class Paths(Exact):
    """A conversation's paths, oldest first."""

    paths: list[Path]


class Context(Exact):
    """An execution context; times in seconds since the epoch."""

    id: str
    conversation: str
    path: str
    status: Literal["creating", "ready", "error", "terminated"]
    created_at: float
    last_used_at: float
    expires_at: float
    error: str | None
    resource_usage: dict[str, Any]
