"""Judge modules, their members and attributes by their names alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.permission.risk import rules
from agent.permission.risk.findings import Tier
from agent.permission.risk.modules import (
    ASKING_MEMBERS,
    EXCEL_READERS,
    FORBIDDEN_ATTRIBUTES,
    FORBIDDEN_CALLS,
    FORBIDDEN_MEMBERS,
    HARMLESS_MEMBERS,
    HELD_BACK,
    HIGH_MODULES,
    LOW_MODULES,
    NAMESAKES,
    NETWORK_MODULES,
    UNMISTAKABLE,
)

DUNDER = re.compile(r"__[a-z]+(?:_[a-z]+)*__")
_MANGLED = re.compile(r"_[A-Za-z]\w*?__\w+")
_OUT = "leads out of the user's own objects"
BY_STRING = "reaches attributes by string, which this check can't follow"
EVALUATES = "on a table evaluates a string, which this check can't follow"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A finding without its place (see `agent.permission.risk.findings.Finding`)."""

    tier: Tier
    rule: str
    target: str
    reason: str
    capability: str = ""


def escape(name: str) -> Verdict:
    """Return the verdict on a *name* that leads to the interpreter's own objects."""
    return Verdict("high", "escape", name, f"{name} {_OUT}")


def dynamic(target: str, reason: str, capability: str = "") -> Verdict:
    """Return the verdict on what this check can't follow."""
    return Verdict("medium", "dynamic-access", target, reason, capability or f"name:{target}")


def judge_import(name: str) -> Verdict | None:
    """Judge the import of a module by its whole dotted *name*; ``None`` when it is harmless."""
    if is_harmless_member(name):
        return None
    parts = name.split(".")
    top = parts[0]
    if top in LOW_MODULES:
        paths = (".".join(parts[:length]) for length in range(2, len(parts) + 1))
        return next(filter(None, map(judge_member, paths)), None)
    for part in parts:
        if (reason := HIGH_MODULES.get(part.strip("_") or part)) is not None:
            return Verdict("high", "forbidden-module", part, f"{part} {reason}")
    if top in NETWORK_MODULES:
        rule, reason = "network-library", f"{top} talks to the network"
    elif top in EXCEL_READERS:
        rule, reason = "excel-reader", f"{top} is a further Excel reader"
    else:
        rule, reason = "unknown-library", f"{top} is not a library known to be safe"
    return Verdict("medium", rule, top, reason, f"library:{top}")


def judge_member(path: str) -> Verdict | None:
    """Judge the object that *path*, a module's name followed by attributes, refers to."""
    if path in NAMESAKES or is_harmless_member(path):
        return None
    top, name = path.split(".")[0], path.rpartition(".")[2]
    plain = name.strip("_")
    if (reason := HELD_BACK.get(path) or FORBIDDEN_MEMBERS.get(path)) is not None:
        return Verdict("high", "forbidden-call", path, f"{path} {reason}")
    if (reason := HIGH_MODULES.get(plain)) is not None:
        return Verdict("high", "forbidden-module", name, f"{name} {reason}")
    if (reason := HIGH_MODULES.get(top)) is not None:
        return Verdict("high", "forbidden-module", path, f"{top} {reason}")
    if (reason := FORBIDDEN_ATTRIBUTES.get(name)) is not None:
        return Verdict("high", "forbidden-call", name, f"{name} {reason}")
    if DUNDER.fullmatch(name):
        harmless = name in rules.HARMLESS_DUNDERS or path.startswith("__future__.")
        return None if harmless else escape(name)
    if name.startswith("_") and not name.startswith("__") and top in LOW_MODULES:
        reason = f"{path} is a private part of a library, which this check can't follow"
        return Verdict("high", "private-member", path, reason)
    if (asking := ASKING_MEMBERS.get(path)) is not None:
        return Verdict("medium", asking[0], path, f"{path} {asking[1]}", f"member:{path}")
    if plain in NETWORK_MODULES and top in LOW_MODULES:
        reason = f"{path} talks to the network"
        return Verdict("medium", "network-library", path, reason, f"library:{plain}")
    return None


def judge_attribute(name: str, *, called: bool = False) -> Verdict | None:
    """Judge an attribute of an unknown value.

    Args:
        name: The attribute.
        called: The attribute is called directly, so that its arguments are checked too.
    """
    if name == "__dict__":
        return dynamic(name, f"{name} {BY_STRING}")
    if DUNDER.fullmatch(name):
        return None if name in rules.HARMLESS_DUNDERS else escape(name)
    if name in rules.ESCAPE_ATTRIBUTES or _MANGLED.fullmatch(name):
        return escape(name)
    if name in rules.QUERY_CALLS and not called:
        return dynamic(name, f"{name} {EVALUATES}", f"name:DataFrame.{name}")
    if (reason := FORBIDDEN_ATTRIBUTES.get(name)) is not None:
        return Verdict("high", "forbidden-call", name, f"{name} {reason}")
    if name in UNMISTAKABLE:
        reason = f"{name} {HIGH_MODULES[name.strip('_')]}, if it is the module of that name"
        return dynamic(name, reason)
    return None


def judge_name_in_text(name: str) -> Verdict | None:
    """Judge one name from a string that is used to look up attributes."""
    if name.strip("_") in HIGH_MODULES or name in FORBIDDEN_CALLS:
        return escape(name)
    return judge_attribute(name)


def judge_name(name: str, *, starred: bool) -> Verdict | None:
    """Judge a name that the cell reads and does not bind.

    Args:
        name: The name.
        starred: The cell has a ``from … import *``, so the name may be imported.
    """
    if name in rules.MEDIUM_NAMES:
        return dynamic(name, f"{name} {rules.MEDIUM_NAMES[name]}")
    if name in UNMISTAKABLE or (starred and name.strip("_") in HIGH_MODULES):
        reason = HIGH_MODULES[name.strip("_")]
        return Verdict("high", "forbidden-module", name, f"{name} {reason}")
    return None


def judge_change(path: str) -> Verdict | None:
    """Judge an assignment to *path*, an attribute of a module."""
    if path.startswith(("pandas.options.", "warnings.")):
        return None
    reason = f"{path} is changed for everything that uses it"
    return Verdict("medium", "changed-library", path, reason, f"name:{path}")


def is_harmless_member(path: str) -> bool:
    """Return whether *path* is one of `HARMLESS_MEMBERS` or below one."""
    return any(path == known or path.startswith(f"{known}.") for known in HARMLESS_MEMBERS) and (
        not any(part.startswith("_") for part in path.split("."))
    )
