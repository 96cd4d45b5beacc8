"""From a cell of a written file back to the recorded code and its inputs.

`trace` follows the record alone: which cell wrote the file, which statements lead there, which
files, sheets and columns they read. What only the files can say (the value, rows, precedents of
formulas) is added by `with_origin`, from what a sandboxed program found (see
`notebooks.workbooks.origin`). What can't be known is said in ``notes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from notebooks.errors import FileNotTraceable
from notebooks.lineage.follow import SETTERS, Taken, reads_files, slice_of, variables_of
from notebooks.lineage.record import Cell

MOST_INPUTS, MOST_COLUMNS, MOST_CODE = 60, 60, 60_000
INPUTS = "inputs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeCell:
    """The recorded cell that wrote a file.

    Attributes:
        number: Its place in the notebook, from 1.
        id: Its id.
        turn: Its turn.
        request: The user's words.
        model: The model that wrote the code; ``None`` for a user's own.
        started: When it began.
    """

    number: int
    id: str
    turn: str
    request: str
    model: str | None
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A statement on the way.

    Attributes:
        cell: Number of its cell in the notebook.
        id: That cell's id.
        line: Its first line there.
        code: Its source.
    """

    cell: int
    id: str
    line: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A table that the code read.

    Attributes:
        file: Name within the workspace.
        sheet: Its sheet; empty if that is not recorded, or for a text.
        columns: Its columns, those that the code names.
        sha256: The file as it was when it was read; empty if that is not recorded.
        changed: Whether the file is another one today; ``None`` if it is gone.
        written_by: Number of the cell that wrote it; ``None`` for an upload.
    """

    file: str
    sheet: str
    columns: tuple[str, ...]
    sha256: str
    changed: bool | None
    written_by: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where one cell of a file comes from.

    Attributes:
        file: The file's name within the workspace.
        sheet: The sheet.
        cell: The cell, such as ``C7``.
        sha256: The file as it is.
        writer: The recorded cell that wrote it.
        earlier: Numbers of earlier cells that wrote the same file.
        steps: The statements that lead to it, in order.
        variables: The variables on the way, in order.
        inputs: The tables that were read.
        origin: What the files say (see `notebooks.workbooks.origin.answer`); empty if not asked.
        notes: What could not be known, and why.
    """

    file: str
    sheet: str
    cell: str
    sha256: str
    writer: CodeCell
    earlier: tuple[int, ...] = ()
    steps: tuple[Step, ...] = ()
    variables: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def trace(
    cells: Sequence[Cell], file: str, sheet: str, cell: str, files: Mapping[str, str]
) -> Trace:
    """Follow the record from a cell of *file* back to what was read.

    Args:
        cells: The recorded cells.
        file: The file's name within the workspace.
        sheet: The sheet; empty if the file has only one.
        cell: The cell, such as ``C7``.
        files: Workspace file → sha256, as they are now.

    Raises:
        FileNotTraceable: No recorded cell wrote the file.
    """
    writers = [each for each in cells if file in each.written()]
    if not writers:
        raise FileNotTraceable(file, _why_not(cells, file, files))
    writer, notes = _writer(writers, file, sheet, cell)
    now, then = files.get(file, ""), writers[-1].after[file]
    if now and now != then:
        notes.append(
            f"{file!r} was changed after cell {writers[-1].number} wrote it, by something that is "
            "not in the record: what follows holds for what the cell wrote."
        )
    taken = slice_of(cells, writer, file, sheet)
    if not taken:
        notes.append(f"The code of cell {writer.number} can't be followed: it can't be parsed.")
    inputs = _inputs(cells, taken, files)
    if not inputs:
        notes.append("The code on the way reads no file that is recorded.")
    for each in inputs:
        if each.changed:
            notes.append(f"{each.file!r} is another file today than when it was read.")
        elif each.changed is None:
            notes.append(f"{each.file!r}, which was read, is not there any more.")
    return Trace(
        file=file,
        sheet=sheet,
        cell=cell,
        sha256=now or then,
        writer=_code_cell(writer),
        earlier=tuple(c.number for c in writers if c is not writer),
        steps=tuple(_step(each) for each in taken),
        variables=tuple(variables_of(taken)),
        inputs=tuple(inputs),
        notes=tuple(dict.fromkeys(notes)),
    )


def _why_not(cells: Sequence[Cell], file: str, files: Mapping[str, str]) -> str:
    if file.startswith(INPUTS):
        return "it was uploaded; nothing in the notebook wrote it"
    written = sorted({name for each in cells for name in each.written()})
    if any(file in each.after for each in cells):
        return "it was there before the first recorded cell"
    known = f"recorded are {', '.join(map(repr, written[:10]))}" if written else "none is recorded"
    where = "" if file in files else "there is no such file, and "
    return f"{where}no recorded cell wrote it; {known}"


def _writer(writers: Sequence[Cell], file: str, sheet: str, cell: str) -> tuple[Cell, list[str]]:
    """Return the cell that wrote the values of *sheet*: the last one that may have set any.

    A cell that opened the file and saved it again, and sets no cell, only changed how it looks.
    """
    notes: list[str] = []
    for at in range(len(writers) - 1, -1, -1):
        each = writers[at]
        if at == 0 or not _only_saved(each, sheet, cell):
            return each, notes
        notes.append(f"Cell {each.number} opened {file!r} and saved it again; it sets other cells.")
    raise AssertionError("there is at least one writer")  # pragma: no cover


def _only_saved(cell: Cell, sheet: str, address: str) -> bool:
    calls = {call for s in cell.statements for call in s.calls}
    texts = {text for s in cell.statements for text in s.texts}
    if not cell.statements or not calls & {"load_workbook", "ExcelWriter"}:
        return False
    if "ExcelWriter" in calls or "to_excel" in calls:
        appended = "a" in texts  # ExcelWriter(mode="a")
        return appended and bool(sheet) and sheet not in texts
    sets = any(s.changes or s.calls & SETTERS for s in cell.statements)
    if not sets:
        return True
    values = [s for s in cell.statements if ".value" in s.code or "] = " in s.code]
    named = address.upper() in {text.upper() for text in texts}
    return not named and not values and not calls & SETTERS


def _code_cell(cell: Cell) -> CodeCell:
    return CodeCell(
        number=cell.number, id=cell.id, turn=cell.turn, request=cell.request, model=cell.model,
        started=cell.started,
    )  # fmt: skip


def _step(taken: Taken) -> Step:
    return Step(
        cell=taken.cell.number,
        id=taken.cell.id,
        line=taken.statement.line,
        code=taken.statement.code,
    )


def _inputs(cells: Sequence[Cell], taken: Sequence[Taken], files: Mapping[str, str]) -> list[Input]:
    """Return the tables that the statements read, as their kernels noted, or by the file alone."""
    found: dict[tuple[str, str], Input] = {}
    for cell, key, named in tables_read(taken):
        found.setdefault(key, _input(cells, cell, *key, named, files))
    return list(found.values())[:MOST_INPUTS]


def tables_read(
    taken: Sequence[Taken],
) -> Iterator[tuple[Cell, tuple[str, str], tuple[str, ...]]]:
    """Yield what statements read: the cell, file and sheet, and the columns that the code names.

    Args:
        taken: The statements. Their kernels noted what they read; of a file for which there is
            no such note, the sheet is empty.
    """
    texts = {text for each in taken for text in each.statement.texts}
    code = "\n".join(each.statement.code for each in taken)
    for cell in {each.cell.number: each.cell for each in taken}.values():
        own = [each.statement for each in taken if each.cell is cell]
        known = {str(table.get("file", "")) for table in cell.tables}
        for table in cell.tables:
            if (file := str(table.get("file", ""))) and _is_read_by(own, table.get("line")):
                noted = table.get("columns")
                names = [str(c.get("name")) for c in (noted if isinstance(noted, list) else ()) if
                         isinstance(c, Mapping)]  # fmt: skip
                named = tuple(n for n in names if n in texts or f".{n}" in code)[:MOST_COLUMNS]
                yield cell, (file, str(table.get("sheet", ""))), named
        if any(reads_files(statement) for statement in own):
            for file in cell.read or ():
                if file not in known:
                    yield cell, (file, ""), ()


def _is_read_by(statements: Sequence[Any], line: Any) -> bool:
    if type(line) is not int or line <= 0:
        return True
    return any(s.line <= line <= s.line + s.code.count("\n") for s in statements) or any(
        s.defines for s in statements
    )


def _input(
    cells: Sequence[Cell], reader: Cell, file: str, sheet: str, columns: tuple[str, ...],
    files: Mapping[str, str],
) -> Input:  # fmt: skip
    then = reader.before.get(file, "") or reader.after.get(file, "")
    now = files.get(file)
    writers = [c.number for c in cells if file in c.written() and c.number <= reader.number]
    return Input(
        file=file,
        sheet=sheet,
        columns=columns,
        sha256=then,
        changed=None if now is None else bool(then) and now != then,
        written_by=None if file.startswith(INPUTS) or not writers else writers[-1],
    )


def question(found: Trace) -> dict[str, Any]:
    """Return what `notebooks.workbooks.origin` is asked, as JSON values; without code if long."""
    statements = [{"cell": step.cell, "line": step.line, "code": step.code} for step in found.steps]
    if sum(len(step.code) for step in found.steps) > MOST_CODE:
        statements = []
    return {
        "directory": "/workspace",
        "file": found.file,
        "sheet": found.sheet,
        "cell": found.cell,
        "statements": statements,
        "names": list(found.variables)[:200],
        "inputs": list(dict.fromkeys(each.file for each in found.inputs)),
    }


def with_origin(found: Trace, origin: Mapping[str, Any], notes: Sequence[str] = ()) -> Trace:
    """Return the trace with what the files say.

    Args:
        found: The trace.
        origin: The tree that `notebooks.workbooks.origin` printed.
        notes: What it could not do.
    """
    sheet = str(origin.get("sheet") or found.sheet)
    return replace(found, origin=origin, sheet=sheet, notes=(*found.notes, *notes))


def trace_to_json(found: Trace) -> dict[str, Any]:
    """Render *found* as plain JSON values."""
    return asdict(found)
