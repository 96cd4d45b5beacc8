"""How a recorded cell ended, in words for exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from notebooks.record.cells import RERUNNABLE
from notebooks.record.chain import facts_of, mapping

_WORDS = {
    "blocked": "was blocked and did not run",
    "denied": "was denied and did not run",
    "not-run": "did not run (recorded as not-run)",
    "interrupted": "was interrupted",
    "died": "died",
    "undone": "was undone and does not count",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a cell ended.

    Attributes:
        outcome: One of `notebooks.record.cells.Outcome`, or ``denied``; ``""`` if it is not
            recorded.
        reason: Why, in one line; ``""`` if that is not recorded.
    """

    outcome: str
    reason: str

    @property
    def is_live(self) -> bool:
        """Whether the cell's code ran to its end or to an error, so that it may run again."""
        return self.outcome in ("", *RERUNNABLE)

    @property
    def sentence(self) -> str:
        """Outcome and reason in one line, without the subject."""
        words = _WORDS.get(self.outcome, f"ended as {self.outcome}")
        return f"{words}: {self.reason}" if self.reason else f"{words}."


def ending_of(cell: Any) -> Ending:
    """Return how *cell* ended, from its record."""
    facts = facts_of(cell)
    outcome = str(facts.get("status") or "")
    decision = mapping(facts.get("decision")).get("decision")
    if outcome == "blocked" and decision not in (None, "once", "always"):
        outcome = "denied"
    error = mapping(facts.get("error"))
    name = f"{error['ename']}: " if "ename" in error else ""
    reason = name + str(error.get("message") or error.get("evalue") or "")
    if cell.cell_type == "code" and (not facts or (outcome == "error" and not reason)):
        outcome, reason = _of_outputs(cell) or (outcome, reason)
    return Ending(outcome=outcome, reason=" ".join(reason.split()))


def _of_outputs(cell: Any) -> tuple[str, str] | None:
    """Return outcome and reason from an error output of *cell*; ``None`` if it has none."""
    for output in cell.outputs:
        if output["output_type"] == "error":
            return "error", f"{output['ename']}: {output['evalue']}"
    return None
