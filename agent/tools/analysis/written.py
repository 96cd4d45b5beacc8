"""Code that is being written: lines, constants, and what holds the result."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.tools.analysis.tables import Table

_PLACE = re.compile("«([a-z_]+)»")
FREQUENCIES = {"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True, slots=True)
class Written:
    """The body of an analysis.

    Attributes:
        body: Lines of Python behind the reading of its tables.
        result: The variable that holds its table.
        imports: Lines of imports.
        parameters: Constants, set in the parameters cell.
    """

    body: str
    result: str
    imports: tuple[str, ...] = ("import pandas as pd",)
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Places:
    """The tables of a call, and its columns as Python code.

    Attributes:
        tables: The table, and the second one of a comparison; none where the call names none.
        names: Argument → its columns' names as code.
    """

    tables: Sequence[Table]
    names: Mapping[str, Sequence[str]]

    @property
    def frame(self) -> str:
        """The variable that holds the table."""
        return self.tables[0].variable if self.tables else ""

    def name(self, argument: str) -> str:
        """Return the column that *argument* names, as code; empty if it names none."""
        return next(iter(self.names.get(argument, ())), "")

    def column(self, argument: str) -> str:
        """Return the code of the column that *argument* names."""
        return f"{self.frame}[{self.name(argument)}]"

    def listed(self, argument: str) -> str:
        """Return the code of a list of the columns that *argument* names."""
        return f"[{', '.join(self.names.get(argument, ()))}]"


def lines(text: str, **parts: str) -> str:
    """Return *text* without its indentation, each ``«name»`` replaced by the part of that name.

    It is done in one pass: what a part holds is never replaced.
    """
    made = textwrap.dedent(text).strip("\n")
    return _PLACE.sub(lambda found: parts[found[1]], made)
