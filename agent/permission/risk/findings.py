"""Values of the risk check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Tier = Literal["low", "medium", "high"]
ORDER: dict[Tier, int] = {"low": 0, "medium": 1, "high": 2}
MOST_REASONS = 8
NETWORK_RULES = frozenset({"network-library", "url", "database"})
"""Rules whose findings say that the code wants to open connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part of the code that has medium or high risk.

    Attributes:
        line: Line in the cell, from 1.
        column: Column, from 1.
        tier: ``medium`` needs permission, ``high`` never runs.
        rule: Permanent kebab-case name of the rule.
        reason: Why it is a risk, in plain words.
        target: The module, name, path or URL concerned.
        capability: The capability a grant would give, such as ``library:requests``.
    """

    line: int
    column: int
    tier: Tier
    rule: str
    reason: str
    target: str
    capability: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The result of assessing one cell's code.

    Attributes:
        findings: All findings, in source order.
        imports: Top-level names of imported modules.
        syntax_error: Why the code can't be parsed; such code never runs. Else empty.
    """

    findings: tuple[Finding, ...] = ()
    imports: tuple[str, ...] = ()
    syntax_error: str = ""

    @property
    def tier(self) -> Tier:
        """The highest tier of any finding."""
        return max((f.tier for f in self.findings), key=ORDER.__getitem__, default="low")

    @property
    def capabilities(self) -> tuple[str, ...]:
        """The capabilities to grant before the code may run."""
        wanted = [f.capability for f in self.findings if f.tier == "medium"]
        return tuple(dict.fromkeys(wanted))

    @property
    def wants_network(self) -> bool:
        """Whether the code would open connections."""
        return any(f.rule in NETWORK_RULES for f in self.findings)

    @property
    def reasons(self) -> str:
        """The reasons of the first `MOST_REASONS` findings, in plain words."""
        lines = dict.fromkeys(f"Line {f.line}: {f.reason}." for f in self.findings)
        return " ".join(list(lines)[:MOST_REASONS])


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Render *finding* as plain JSON values."""
    return asdict(finding)


def assessment_to_json(assessment: Assessment) -> dict[str, Any]:
    """Render *assessment* as plain JSON values, tier included."""
    return {
        "risk": assessment.tier,
        "findings": [finding_to_json(finding) for finding in assessment.findings],
        "imports": list(assessment.imports),
        "syntax_error": assessment.syntax_error,
    }
