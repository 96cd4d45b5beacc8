"""Cells whose inputs changed after they ran: their results are not those of the present state.

A cell's inputs are the names that it reads and does not itself give a value to, and the files
that it read. Names are found in the code (`notebooks.lineage.values`), files by their sha256. A
cell that a later one only goes on from is not stale. The record is not changed: it says what
happened, and this is a view of it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from notebooks.lineage.effects import Effects
from notebooks.lineage.record import Cell
from notebooks.lineage.values import Done, Values, done

MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A cell whose inputs changed after it ran.

    Attributes:
        cell: Its id.
        number: Its place in the notebook, from 1.
        names: Variable → number of the cell that changed it first.
        files: Files that it read, which are other ones now or gone.
        through: Numbers of stale cells whose variables it read.
        certain: Whether the code surely changed them; it may not have, where it calls what can't
            be followed.
        reason: All of it in a sentence.
    """

    cell: str
    number: int
    names: Mapping[str, int] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    through: tuple[int, ...] = ()
    certain: bool = True
    reason: str = ""


def stale_cells(cells: Sequence[Cell], files: Mapping[str, str]) -> list[Stale]:
    """Return the stale ones among *cells*, in order.

    Args:
        cells: The recorded cells. Only those since the kernel's last restart have variables.
        files: Workspace file → sha256, as they are now.
    """
    return LiveCells().stale(cells, files)


@dataclass(frozen=True, slots=True)
class _Followed:
    """A live cell, with what is looked at each time.

    Attributes:
        cell: The cell.
        marks: Names that it reads, sorted, each with how often it had been changed by then.
        maybe: The same, with what may have changed them.
        files: Files that it read and did not write, with their sha256 of then.
        bound: Names that it gives a value.
    """

    cell: Cell
    marks: tuple[tuple[str, int], ...]
    maybe: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, str], ...]
    bound: frozenset[str]


class LiveCells:
    """The cells of one path since its kernel's last restart, followed as they come.

    A cell's code is followed once; what was found last is kept, as several ask for it after a cell.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._followed: list[_Followed] = []
        self._effects, self._values, self._maybe = Effects(), Values(), Values()
        self._unsure = False
        self._last: tuple[Mapping[str, str], list[Stale]] | None = None

    def stale(self, cells: Sequence[Cell], files: Mapping[str, str]) -> list[Stale]:
        """Return what `stale_cells` does; any thread may call it."""
        with self._lock:
            live = _live(cells)
            count = len(self._followed)
            if count > len(live) or (count and live[count - 1] is not self._followed[-1].cell):
                self._forget()
            new = live[len(self._followed) :]
            for cell in new:
                self._follow(cell)
            if new or self._last is None or self._last[0] != files:
                self._last = dict(files), self._all(files)
            return list(self._last[1])

    def _follow(self, cell: Cell) -> None:
        statements = [done(each, self._effects.take(each)) for each in cell.statements]
        self._values.take(cell, statements)
        self._maybe.take(cell, statements, maybe=True)
        self._unsure = self._unsure or any(each.may for each in statements)
        read = inputs_of(statements)
        may = frozenset().union(*(each.may for each in statements))
        bound = [each.sets | each.alters for each in statements if not each.statement.imports]
        self._followed.append(
            _Followed(
                cell=cell,
                marks=self._values.marks(read),
                maybe=self._maybe.marks(read - may),
                files=tuple(_files_only_read(cell)),
                bound=frozenset().union(*bound),
            )
        )

    def _all(self, files: Mapping[str, str]) -> list[Stale]:
        found = {each.number: each for each in self._look(files, certain=True)}
        if self._unsure:
            for each in self._look(files, certain=False):
                found.setdefault(each.number, each)
        return [found[number] for number in sorted(found)]

    def _look(self, files: Mapping[str, str], *, certain: bool) -> Iterator[Stale]:
        values = self._values if certain else self._maybe
        found: set[int] = set()
        setters: dict[str, int] = {}
        for each in self._followed:
            cell, marks = each.cell, each.marks if certain else each.maybe
            names = values.changed_since(marks)
            old = tuple(name for name, then in each.files if files.get(name) != then)
            through: tuple[int, ...] = ()
            if found:
                used = {setters.get(n, 0) for n, _ in marks if n not in names}
                through = tuple(sorted(used & found))
            if (names or old or through) and cell.status == "ok":
                found.add(cell.number)
                yield Stale(
                    cell=cell.id,
                    number=cell.number,
                    names=names,
                    files=old,
                    through=through,
                    certain=certain,
                    reason=_reason(cell, names, old, through, certain=certain),
                )
            for name in each.bound:
                setters[name] = cell.number


def _live(cells: Sequence[Cell]) -> list[Cell]:
    last = cells[-1].start if cells else 0
    return [cell for cell in cells if cell.start == last and cell.ran]


def made_by(stale: Sequence[Stale], cells: Sequence[Cell], makers: Collection[int]) -> list[Stale]:
    """Return those of *stale* whose inputs the cells *makers* changed, or that depend on such.

    Args:
        stale: Stale cells, in order.
        cells: The recorded cells.
        makers: Numbers of cells.
    """
    written: dict[str, list[Mapping[str, str]]] = {}
    for cell in cells:
        for name in cell.written() if cell.number in makers else ():
            written.setdefault(name, []).append(cell.before)
    before = {cell.number: cell.before for cell in cells}
    found: dict[int, Stale] = {}
    for each in stale:
        own = before[each.number]
        by_files = any(
            then.get(name) == own.get(name) for name in each.files for then in written.get(name, ())
        )
        by_names = any(number in makers for number in each.names.values())
        if by_names or by_files or any(number in found for number in each.through):
            found[each.number] = each
    return list(found.values())


def inputs_of(statements: Sequence[Done]) -> set[str]:
    """Return the names that a cell reads and does not itself set or change."""
    read: set[str] = set()
    own: set[str] = set()
    for each in statements:
        read |= each.reads
        own |= each.sets | each.alters
    return read - own


def _files_only_read(cell: Cell) -> Iterator[tuple[str, str]]:
    read = {*(cell.read or ()), *(str(table.get("file", "")) for table in cell.tables)}
    own = cell.written()
    for name in sorted(read):
        then = cell.before.get(name)
        if then is not None and name not in own:
            yield name, then


def _reason(
    cell: Cell,
    names: Mapping[str, int],
    files: Sequence[str],
    through: Sequence[int],
    *,
    certain: bool,
) -> str:
    parts = []
    did = "changed" if certain else "may have changed"
    for name, number in list(names.items())[:MOST_NAMED]:
        parts.append(f"cell {number} {did} {name!r} after it ran")
    parts += [f"the file {name!r} is not the one it read" for name in files[:MOST_NAMED]]
    if through:
        parts.append(f"it uses results of stale cell {', '.join(map(str, through[:MOST_NAMED]))}")
    more = len(names) + len(files) - len(parts) + bool(through)
    if more > 0:
        parts.append(f"{more} more inputs changed")
    said = "is stale" if certain else "may be stale"
    return f"Cell {cell.number} {said}: {'; '.join(parts)}."


def stale_to_json(stale: Stale) -> dict[str, Any]:
    """Render *stale* as plain JSON values."""
    return {**asdict(stale), "names": dict(stale.names)}
