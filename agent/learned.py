"""What is learned of one user: what they prefer, and code that worked for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Origin = Literal["stated", "observed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """How a user wants things done.

    Attributes:
        id: Its id.
        text: In words: the user's own, or those of what was observed.
        origin: ``stated`` by the user, or ``observed`` in what they ask for again and again.
    """

    id: str
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedCode:
    """Code of a request that was answered.

    Attributes:
        turn: The request's turn.
        conversation: Its conversation.
        at: When, ISO 8601.
        request: The user's words.
        code: The code of its cells that ended well.
        shapes: Of each table that was uploaded, its columns with their kinds (see
            `agent.memory.worked_code`).
    """

    turn: str
    conversation: str
    at: str
    request: str
    code: str
    shapes: tuple[frozenset[str], ...]


class PreferenceRefused(Exception):
    """A preference can't be kept; the message says why and what to do."""


class Learned(Protocol):
    """Keeps what is learned of the user of a turn; nobody else gets it."""

    async def preferences(self) -> Sequence[Preference]:
        """Return the user's preferences, those they stated first."""

    async def prefer(self, text: str) -> None:
        """Keep a preference that the user states.

        Raises:
            PreferenceRefused: There are too many.
        """

    async def worked(self) -> Sequence[WorkedCode]:
        """Return code that worked for the user in other conversations, newest first."""

    async def keep(self, code: str, shapes: Sequence[Sequence[str]]) -> None:
        """Keep the code of this turn, which worked, and notice what the user asks for again."""


class NothingLearned:
    """Keeps nothing (see `Learned`)."""

    async def preferences(self) -> Sequence[Preference]:
        """Return none."""
        return ()

    async def prefer(self, text: str) -> None:
        """Refuse: nothing is kept here."""
        raise PreferenceRefused("No preferences are kept here.")

    async def worked(self) -> Sequence[WorkedCode]:
        """Return none."""
        return ()

    async def keep(self, code: str, shapes: Sequence[Sequence[str]]) -> None:
        """Keep nothing."""
