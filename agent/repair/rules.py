"""How ordinary failures read, and what mends each; the rules are in ``rules.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Kind = Literal[
    "missing-column",
    "missing-sheet",
    "missing-file",
    "missing-name",
    "wrong-type",
    "memory",
    "time",
    "limit",
    "forbidden",
    "syntax",
    "library-misuse",
    "cancelled",
    "died",
    "error",
]
REPLACED = {
    "append": "pd.concat([a, b], ignore_index=True)",
    "iteritems": "items()",
    "applymap": "map()",
    "ix": "loc or iloc",
    "lookup": "loc, or melt() and merge()",
    "get_value": "at[row, column]",
    "set_value": "at[row, column] = value",
    "as_matrix": "to_numpy()",
    "mad": "(x - x.mean()).abs().mean()",
    "sort": "sort_values()",
    "to_xlsx": "to_excel()",
    "save": "to_excel() or to_csv()",
    "unique_values": "unique()",
    "rename_columns": "rename(columns={…})",
}
"""Methods of a frame or series that pandas no longer has, or never had → what does it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of message; see ``rules.toml``."""

    kind: Kind
    pattern: re.Pattern[str]
    advice: str = ""
    library: str = ""


def _rules() -> tuple[Rule, ...]:
    text = (resources.files("agent.repair") / "rules.toml").read_text(encoding="utf-8")
    return tuple(
        Rule(**{**rule, "pattern": re.compile(rule["pattern"], re.S)})
        for rule in tomllib.loads(text)["rule"]
    )


RULES = _rules()
