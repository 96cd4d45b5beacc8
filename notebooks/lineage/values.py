"""Which statement gave a variable which value, as far as the code says.

Every value has a number, as in value numbering (Click 1995, "Global code motion, global value
numbering", section 3): the same statement over the same values gives the same value, so a cell
that runs again without change gives none of its variables another one.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from notebooks.lineage.effects import Effect
from notebooks.lineage.names import Statement
from notebooks.lineage.record import Cell

_CONSTANT = re.compile(r"""'[^'\n]*'|"[^"\n]*"|(?<![\w.])-?\d[\w.]*|\b(?:True|False|None)\b""")
LONGEST_CONSTANT = 500
"""Characters of ``name = value``; longer ones are compared as they are written."""
_CHANCE = frozenset(
    """random rand randn randint uniform normal choice choices sample shuffle default_rng now today
    utcnow time time_ns perf_counter monotonic uuid1 uuid4 token_hex token_bytes urandom
    input""".split()
)
"""Functions that give another value each time."""


@dataclass(frozen=True, slots=True)
class Change:
    """A statement that gave a variable a value.

    Attributes:
        cell: Number of its cell.
        value: Number of the value.
        anew: Whether it does not build on the value before.
        shape: Its code without constants: a statement that is edited and run again keeps it.
    """

    cell: int
    value: int
    anew: bool
    shape: str


@dataclass(frozen=True, slots=True)
class Done:
    """A statement with what it does, functions that it calls included.

    Attributes:
        statement: The statement.
        reads: Names whose values it uses when it runs: a definition uses none of its body's.
        sets: Names that it gives a new value.
        alters: Names whose value it changes in place.
        may: Names whose value it may change in place.
    """

    statement: Statement
    reads: frozenset[str]
    sets: frozenset[str]
    alters: frozenset[str]
    may: frozenset[str]


def done(statement: Statement, effect: Effect) -> Done:
    """Return what *statement* does, given the *effect* of its calls."""
    return Done(
        statement=statement,
        reads=effect.reads | (frozenset() if statement.defines else statement.reads),
        sets=statement.sets | effect.sets,
        alters=statement.alters | effect.alters - statement.sets,
        may=effect.may - statement.sets,
    )


class Values:
    """The values of all variables, cell by cell."""

    def __init__(self) -> None:
        self.changes: dict[str, list[Change]] = {}
        self._numbers: dict[tuple[object, ...], int] = {}

    def take(self, cell: Cell, statements: Sequence[Done], *, maybe: bool = False) -> None:
        """Follow the statements of *cell*, which comes after all that were taken before.

        Args:
            cell: The cell.
            statements: What its statements do.
            maybe: Count what they may change as changed.
        """
        files = _files_read(cell)
        for each in statements:
            statement, alters = each.statement, each.alters | (each.may if maybe else frozenset())
            bound = each.sets | alters
            if not bound or (statement.imports and bound <= self.changes.keys()):
                continue
            value = self._number(statement, each.reads | alters, cell, files)
            shape = shape_of(statement.code)
            for name in bound:
                anew = name not in alters and name not in each.reads
                self.changes.setdefault(name, []).append(Change(cell.number, value, anew, shape))

    def _number(
        self, statement: Statement, reads: frozenset[str], cell: Cell,
        files: tuple[tuple[str, str], ...],
    ) -> int:  # fmt: skip
        before = tuple((name, self.value(name)) for name in sorted(reads))
        what = constant_of(statement.code) or statement.code
        key: tuple[object, ...] = (what, before, files if statement.calls else ())
        if statement.calls & _CHANCE:
            key = (*key, cell.number)
        return self._numbers.setdefault(key, len(self._numbers))

    def value(self, name: str) -> int | None:
        """Return the number of the value that *name* has now; ``None`` if no cell gave it one."""
        changes = self.changes.get(name)
        return changes[-1].value if changes else None

    def marks(self, names: Collection[str]) -> tuple[tuple[str, int], ...]:
        """Return each of *names*, sorted, with how often it has been changed up to now."""
        return tuple((name, len(self.changes.get(name, ()))) for name in sorted(names))

    def changed_since(self, marks: Sequence[tuple[str, int]]) -> dict[str, int]:
        """Return the names that have another value since *marks* by code that was run again.

        A value given anew counts, and an earlier statement that ran again, edited or not. What the
        work goes on with does not: a column that is added, a sort, a filter over the same name.

        Args:
            marks: As `marks` returned it.

        Returns:
            Name → number of the cell that changed it first.
        """
        found: dict[str, int] = {}
        for name, mark in marks:
            changes = self.changes.get(name)
            if changes is None or len(changes) == mark:
                continue
            then = changes[mark - 1].value if mark else None
            if changes[-1].value != then:
                first = _first_again(changes[:mark], changes[mark:], then)
                if first is not None:
                    found[name] = first.cell
        return found


def _first_again(
    before: Sequence[Change], after: Sequence[Change], then: int | None
) -> Change | None:
    shapes = {change.shape for change in before}
    for change in after:
        if change.value != then and (change.anew or change.shape in shapes):
            return change
    return None


@functools.lru_cache(maxsize=4000)
def shape_of(code: str) -> str:
    """Return *code* with every constant, and all blanks, made alike."""
    return " ".join(_CONSTANT.sub("0", code).split())


@functools.lru_cache(maxsize=4000)
def constant_of(code: str) -> tuple[str, str, object] | None:
    """Return name and value of ``rate = 0.2``, so that equal ones are equal however written.

    Numbers and texts only; ``None`` for other code.
    """
    if len(code) > LONGEST_CONSTANT:
        return None
    try:
        [node] = ast.parse(code).body
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = ast.literal_eval(node.value)  # type: ignore[attr-defined]
    except (ValueError, SyntaxError, AttributeError, TypeError, RecursionError, MemoryError):
        return None
    plain = isinstance(node, ast.Assign | ast.AnnAssign) and len(getattr(node, "targets", [0])) == 1
    if not plain or not isinstance(target, ast.Name) or not isinstance(value, int | float | str):
        return None
    kind = "number" if isinstance(value, int | float) and value is not True else "other"
    return target.id, kind if value is not False else "other", value


def _files_read(cell: Cell) -> tuple[tuple[str, str], ...]:
    read = {*(cell.read or ()), *(str(table.get("file", "")) for table in cell.tables)}
    return tuple((name, cell.before.get(name, "")) for name in sorted(read))
