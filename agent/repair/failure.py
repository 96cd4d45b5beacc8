"""A failed cell's kind, and where in it the failure is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.repair.rules import REPLACED, RULES, Kind
from notebooks.record.cells import Execution

BY_CODE: dict[str, Kind] = {
    "memory-limit-reached": "memory",
    "memory-limit-exceeded": "memory",
    "cell-timed-out": "time",
    "cell-would-not-stop": "time",
    "output-limit-exceeded": "limit",
    "disk-quota-exceeded": "limit",
    "process-limit-reached": "limit",
    "cancelled": "cancelled",
    "kernel-died": "died",
    "service-stopped": "died",
    "blocked": "forbidden",
}
"""Kinds of the failures that the service names itself."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CELL_LINE = re.compile(r"^\s*Cell In\[\d+\], line (\d{1,7})\b", re.M)
_LIBRARY = re.compile(r"site-packages/(\w+)/")
MOST_CHARACTERS = 20_000
"""Of a traceback, from its end: hostile code can make one of any length."""
MOST_MESSAGE = 4_000
"""Characters of a message that the rules look at: some take time that grows with its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a cell failed.

    Attributes:
        kind: The kind of failure; ``error`` if it is none of the ordinary ones.
        message: The exception's name and message.
        line: Number of the cell's line that failed; ``None`` if it is not known.
        names: What the message names, by role, such as ``column``, ``sheet``, ``file``.
        advice: How to mend it, from the rule that matched; may be empty.
        libraries: Names of the libraries in the traceback.
    """

    kind: Kind
    message: str
    line: int | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""
    libraries: frozenset[str] = frozenset()


def failure_of(execution: Execution) -> Failure | None:
    """Return the failure of a cell; ``None`` if it ended well."""
    if execution.outcome == "ok":
        return None
    error = dict(execution.error or {})
    shown = next((o for o in reversed(execution.outputs) if o["output_type"] == "error"), None)
    traceback = _plain("\n".join(shown["traceback"])) if shown else ""
    message = execution.error_text or execution.outcome
    if shown and error.get("code") in (None, "code-error"):
        message = f"{shown['ename']}: {shown['evalue']}"
    lines = _CELL_LINE.findall(traceback)
    libraries = frozenset(_LIBRARY.findall(traceback))
    line = int(lines[-1]) if lines else None
    if kind := BY_CODE.get(str(error.get("code"))):
        return Failure(kind=kind, message=message, line=line, libraries=libraries)
    return _by_rule(message[:MOST_MESSAGE], line, libraries)


def _by_rule(message: str, line: int | None, libraries: frozenset[str]) -> Failure:
    for rule in RULES:
        if rule.library and rule.library not in libraries:
            continue
        if found := rule.pattern.search(message):
            names = {role: value for role, value in found.groupdict().items() if value is not None}
            replaced = rule.kind == "missing-column" and names.get("column") in REPLACED
            return Failure(
                kind="library-misuse" if replaced else rule.kind,
                message=message,
                line=line,
                names=names,
                advice=rule.advice,
                libraries=libraries,
            )
    return Failure(kind="error", message=message, line=line, libraries=libraries)


def _plain(traceback: str) -> str:
    return _COLOURS.sub("", traceback[-MOST_CHARACTERS:])
