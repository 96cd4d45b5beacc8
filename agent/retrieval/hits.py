"""What is found for a request: past turns, Excel's functions, names in the workbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.ports import PastTurns
from agent.retrieval.function_text import functions_for
from agent.retrieval.symbols import find_symbols, symbols_of, symbols_text
from agent.retrieval.turns import find_past_turns, past_turns_text


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found.

    Attributes:
        texts: For the model, by part: ``symbols``, ``functions``, ``past_turns``; empty where
            nothing was found.
        facts: For ``context.used``, by the same parts, without contents of past turns.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)


async def find_hits(
    request: str,
    past: PastTurns,
    profiles: Mapping[str, Mapping[str, Any]],
    variables: Sequence[Mapping[str, Any]] = (),
) -> Hits:
    """Search for what bears on *request*.

    Args:
        request: The user's words.
        past: The user's turns in other conversations.
        profiles: File name → profile.
        variables: The live variables.
    """
    names, functions = functions_for(request)
    symbols = find_symbols(request, symbols_of(profiles, variables))
    turns = await find_past_turns(request, past)
    return Hits(
        texts={
            "symbols": symbols_text(symbols),
            "functions": f"Excel functions that may fit:\n{functions}" if functions else "",
            "past_turns": past_turns_text(turns),
        },
        facts={
            "symbols": [f"{symbol.kind} {symbol.name}"[:100] for symbol in symbols],
            "functions": names,
            "past_turns": [{"turn": t.id, "conversation": t.conversation} for t in turns],
        },
    )
