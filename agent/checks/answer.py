"""An answer held against what was checked and printed, before the user gets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.checks.claims import Contradiction, Facts, contradictions
from agent.checks.named_numbers import Sources, not_from_a_result
from agent.prompts.quoting import quoted_lines

MOST_SAID = 8


@dataclass(frozen=True, slots=True)
class Review:
    """What an answer says that nothing bears out.

    Attributes:
        contradicted: Its claims that a check or a tie-out says otherwise of.
        unfound: Its numbers that are in no result, file, request or code, as it writes them.
    """

    contradicted: Sequence[Contradiction] = ()
    unfound: Sequence[str] = ()

    def facts(self) -> dict[str, Any]:
        """Return it for the event and the record."""
        pairs = [{"claim": each.claim, "fact": each.fact} for each in self.contradicted]
        return {"contradicted": pairs[:MOST_SAID], "not_from_a_result": list(self.unfound)[:40]}


def review(answer: str, facts: Facts, sources: Sources | None) -> Review:
    """Hold *answer* against what is known.

    Args:
        answer: The model's words.
        facts: What was found of what its cells wrote.
        sources: Where its numbers may come from; ``None`` if nothing was read or run, so that
            an answer is advice and its numbers are examples.
    """
    unfound = not_from_a_result(answer, sources) if sources else []
    return Review(contradictions(answer, facts)[:MOST_SAID], unfound)


def objection(found: Review) -> str:
    """Return what the model is sent in place of the end of its turn."""
    lines = [f"You say: {each.claim}\nBut: {each.fact}" for each in found.contradicted]
    return (
        "Your answer was not given to the user: it says what the checks say otherwise of. Mend the "
        "file with run_code and check again, or answer again and say it as it is.\n"
        + "\n".join(quoted_lines(line) for line in lines)
    )


def marked(answer: str, found: Review) -> str:
    """Return *answer* with what nothing bears out named below it."""
    notes = [f"The checks say otherwise: {each.fact}" for each in found.contradicted]
    if found.unfound:
        shown = ", ".join(found.unfound[:MOST_SAID])
        more = len(found.unfound) - MOST_SAID
        shown += f" and {more} more" if more > 0 else ""
        notes.append(f"Not from a result: {shown}. No output, file or request has this.")
    return "\n\n".join([answer, *(f"> **Note.** {note}" for note in notes)])
