"""The code on the way to a written file: the statements that its values depend on.

A backward slice (Weiser 1981, "Program slicing", section 3) over the statements at the top level
of the recorded cells. A loop, a ``with`` and a function are one statement each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from notebooks.lineage.names import Statement, bases_of
from notebooks.lineage.record import Cell

WRITERS = frozenset(
    """to_excel to_csv to_json to_html to_parquet save ExcelWriter close writerow writerows
    write_text write dump add_worksheet""".split()
)
SETTERS = frozenset("append cell write write_row write_column write_number insert_rows".split())
READERS = frozenset("load_workbook ExcelFile open open_book read_text reader DictReader".split())
MOST_STATEMENTS = 400


@dataclass(frozen=True, slots=True)
class Taken:
    """A statement on the way.

    Attributes:
        cell: The cell it is in.
        statement: The statement.
    """

    cell: Cell
    statement: Statement


def reads_files(statement: Statement) -> bool:
    """Whether *statement* calls something that reads files."""
    return any(call in READERS or call.startswith("read_") for call in statement.calls)


def slice_of(cells: Sequence[Cell], writer: Cell, file: str, sheet: str) -> list[Taken]:
    """Return the statements that what *writer* wrote to *file* depends on, in order.

    Args:
        cells: The recorded cells.
        writer: The cell that wrote the file.
        file: Its name within the workspace.
        sheet: The sheet that is of interest; empty for all.
    """
    ran = [c for c in cells if c.start == writer.start and c.number <= writer.number and c.ran]
    taken = [Taken(cell, statement) for cell in ran for statement in cell.statements]
    bases = _bases(taken)
    start = _writing(writer, file, sheet)
    live: set[str] = set()
    found: list[Taken] = []
    for each in reversed(taken):
        statement = each.statement
        if statement.imports:
            continue
        bound = statement.sets | statement.changes | _closure(statement.changes, bases)
        chosen = each.cell is writer and statement in start
        if not chosen and not bound & live:
            continue
        found.append(each)
        if not statement.changes & live and statement.code.count("\n") == 0:
            live -= statement.sets - statement.reads
        live |= statement.reads | statement.changes
    imports = [each for each in taken if each.statement.imports]
    order = {id(each): at for at, each in enumerate(taken)}
    found = sorted({id(e): e for e in [*found, *imports]}.values(), key=lambda e: order[id(e)])
    return found[-MOST_STATEMENTS:]


def _bases(taken: Sequence[Taken]) -> dict[str, set[str]]:
    """Return name → names that its value is a part of; what a function gives is none of it."""
    made = [each.statement for each in taken if each.statement.imports or each.statement.defines]
    makers = frozenset[str]().union(*(statement.sets for statement in made))
    bases: dict[str, set[str]] = {}
    for each in taken:
        for name, base in bases_of(each.statement):
            if name != base and base not in makers:
                bases.setdefault(name, set()).add(base)
    return bases


def _closure(names: frozenset[str], bases: dict[str, set[str]]) -> set[str]:
    found, left = set[str](), list(names)
    while left:
        for base in bases.get(left.pop(), ()):
            if base not in found:
                found.add(base)
                left.append(base)
    return found


def _writing(writer: Cell, file: str, sheet: str) -> set[Statement]:
    """Return the statements of *writer* that write, of those that name the sheet if any does."""
    writing = {s for s in writer.statements if s.calls & WRITERS and not s.imports}
    name = PurePosixPath(file).name
    files = {s for s in writing if any(name in text for text in s.texts)}
    others = {s for s in files if s.calls & {"to_csv", "to_json", "to_parquet", "to_html"}}
    if others and not PurePosixPath(file).suffix.lower().startswith(".xl"):
        return others
    of_sheet = {s for s in writing if sheet and sheet in s.texts and s.calls & {"to_excel"}}
    if of_sheet and all("to_excel" in s.calls or s in of_sheet for s in writing):
        # Each sheet has a statement of its own, and so may have a writer opened before.
        opened = {s for s in writing if "ExcelWriter" in s.calls or "close" in s.calls}
        return of_sheet | opened
    return files | of_sheet or writing or set(writer.statements)


def variables_of(taken: Sequence[Taken]) -> list[str]:
    """Return the names that the statements give values to, in order."""
    found: dict[str, None] = {}
    for each in taken:
        statement = each.statement
        if not statement.imports and not statement.defines:
            found |= dict.fromkeys(sorted(statement.sets))
    return list(found)
