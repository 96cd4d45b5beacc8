"""What a turn learns, and what was learned before: preferences, and code that worked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.memory.preferences import own_words, preferences_text
from agent.memory.worked_code import MOST_CHARACTERS, shapes_of, similar, worked_text
from agent.permission.admission import TurnPorts
from agent.turn_state import TurnState
from container.kernel.languages import PYTHON

CONSTANTS = frozenset({"parameters", "turn-parameters"})


@dataclass(frozen=True, slots=True)
class LearnedBefore:
    """What the model is sent of what was learned before.

    Attributes:
        texts: By part: ``preferences``, ``worked``; empty where there is nothing.
        facts: For ``context.used``, without contents.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


async def learned_before(
    state: TurnState, profiles: Mapping[str, Mapping[str, Any]], ports: TurnPorts
) -> LearnedBefore:
    """Return what was learned of the user that bears on the request.

    The shapes of the uploaded tables are kept in *state*, for `learn`.
    """
    preferences = await ports.learned.preferences()
    state.shapes = shapes_of(profiles)
    known = await ports.learned.worked() if state.shapes else ()
    found = similar(known, state.shapes, state.request)
    worked = [{"turn": each.turn, "conversation": each.conversation} for each in found]
    return LearnedBefore(
        texts={"preferences": preferences_text(preferences), "worked": worked_text(found)},
        facts={"preferences": [each.id for each in preferences], "worked": worked},
    )


async def learn(state: TurnState, ports: TurnPorts) -> None:
    """Keep the code of an answered turn whose last cell ended well."""
    codes = []
    if state.shapes and state.cells and state.cells[-1] == "ok":
        codes = [
            str(cell["source"])
            for cell in ports.runtime.recorder.entries()
            if cell.get("turn") == state.id
            and cell.get("status") == "ok"
            and cell.get("language") == PYTHON
            and not CONSTANTS & set(cell["tags"])
        ]
    code = "\n\n".join(codes)
    await ports.learned.keep(code if len(code) <= MOST_CHARACTERS else "", state.shapes)


async def prefer(words: str, state: TurnState, ports: TurnPorts) -> str:
    """Keep *words* of the request as a preference; return them as they stand there.

    Raises:
        PreferenceRefused: They are not the user's, or there are too many.
    """
    kept = own_words(words, state.request)
    await ports.learned.prefer(kept)
    return kept
