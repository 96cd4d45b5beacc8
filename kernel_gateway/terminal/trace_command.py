"""``tallybook trace``: from a cell of a workbook back to code and rows, without a service."""

from __future__ import annotations

import asyncio
import json
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernel_gateway.terminal.export_command import notebook_of, take_host_users
from notebooks.record.files import file_sha256

if TYPE_CHECKING:
    from notebooks.lineage.record import Cell
    from notebooks.lineage.trace import Trace

_FILE = click.Path(path_type=Path)
MOST_NOTEBOOKS = 200


@click.command()
@click.argument("file", type=_FILE)
@click.argument("cell")
@click.option(
    "--notebook", type=_FILE,
    help="The notebook (or review bundle) that made FILE; else it is looked for beside FILE.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the trace as JSON.")
@click.option("--prov", is_flag=True, help="Print it as W3C PROV-JSON.")
@click.option(
    "--no-rows", is_flag=True,
    help="Follow the record alone: read no file and run no code again in a sandbox.",
)  # fmt: skip
def trace(
    file: Path,
    cell: str,
    notebook: Path | None,
    as_json: bool,  # noqa: FBT001 (click passes it by name)
    prov: bool,  # noqa: FBT001
    no_rows: bool,  # noqa: FBT001
) -> None:
    """Say where CELL of FILE comes from, such as `trace out.xlsx 'Pivot!C7'`.

    The notebook cell that wrote it, its code, the variables on the way, the input files,
    sheets and columns, and the rows. What can't be known is said. FILE may be a path, or
    the name within the notebook's workspace (outputs/out.xlsx).
    """
    from container.errors import ContainerError
    from notebooks.errors import NotebookError
    from notebooks.lineage.prov import trace_to_prov
    from notebooks.lineage.trace import trace_to_json
    from notebooks.lineage.words import words
    from notebooks.rerun.tolerance import printable

    take_host_users(Path(tempfile.gettempdir()))
    try:
        with notebook_of(notebook or _notebook_beside(file)) as (opened, wrong):
            found = asyncio.run(trace_in(opened, file, cell, rows=not no_rows))
    except (NotebookError, ContainerError) as error:
        raise click.ClickException(printable(str(error))) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or file}: {error.strerror}.") from None
    for line in wrong:
        click.echo(f"bundle: {printable(line)}", err=True)
    if prov:
        click.echo(json.dumps(trace_to_prov(found), indent=1))
    elif as_json:
        click.echo(json.dumps(trace_to_json(found), indent=1))
    else:
        for line in words(found):
            click.echo(printable(line))


async def trace_in(notebook: Path, file: Path, cell: str, *, rows: bool) -> Trace:
    """Trace a cell of *file*, which the notebook in the file *notebook* has recorded.

    Args:
        notebook: The notebook; what it names lies beside it, or in ``workspace/`` there.
        file: A path, or a name in the record.
        cell: Such as ``Pivot!C7``.
        rows: Also read the files.

    Raises:
        NotebookUnreadable: It is no notebook.
        FileNotTraceable: It has not recorded the file.
    """
    from agent.lineage import trace_cell, workspace_beside
    from notebooks.lineage.record import read_cells
    from notebooks.workbooks.origin.address import parse_address

    cells = await asyncio.to_thread(read_cells, notebook)
    roots = (notebook.parent, notebook.parent / "workspace")
    name = _name_of(file, cells, roots)
    names = sorted({each for c in cells for each in (*c.before, *c.after)} | {name})
    async with workspace_beside(roots, names if rows else [name]) as (workspace, copied):
        files = {each: workspace.sha256(each) for each in copied}
        if not rows:
            # The others are not copied, so whether they changed is not looked at.
            files = {**cells[-1].after, **files} if cells else files
        return await trace_cell(cells, workspace, files, (name, *parse_address(cell)), replay=rows)


def _name_of(file: Path, cells: Sequence[Cell], roots: Sequence[Path]) -> str:
    """Return the name of *file* in the record: by its content, else by its path."""
    recorded = [each for cell in cells for each in cell.after.items()]
    if file.is_file():
        sha256 = file_sha256(file)
        for name, known in reversed(recorded):
            if known == sha256 and Path(name).name == file.name:
                return name
    given = unicodedata.normalize("NFC", file.as_posix())
    known_names = {name for name, _ in recorded}
    for name in known_names:
        if unicodedata.normalize("NFC", name) == given:
            return name
    for root in roots:
        if file.resolve().is_relative_to(root.resolve()):
            return file.resolve().relative_to(root.resolve()).as_posix()
    for name in sorted(known_names):
        if Path(name).name == file.name and not name.startswith("inputs/"):
            return name
    return given


def _notebook_beside(file: Path) -> Path:
    """Return the notebook near *file* that recorded it.

    Raises:
        click.UsageError: There is none, or more than one.
    """
    near = [file.resolve().parent, *list(file.resolve().parents)[1:3]]
    found = [each for place in near for each in sorted(place.glob("*.ipynb"))[:MOST_NOTEBOOKS]]
    fit = [each for each in dict.fromkeys(found) if _records(each, file.name)]
    if len(fit) == 1:
        return fit[0]
    if not fit and file.suffix.lower() == ".zip":
        raise click.UsageError(
            f"Name a file in the bundle: tallybook trace outputs/NAME.xlsx CELL --notebook {file}"
        )
    if not fit:
        raise click.UsageError(
            f"No notebook beside {file} has recorded it; name the notebook with --notebook."
        )
    names = ", ".join(str(each) for each in fit[:5])
    raise click.UsageError(f"Several notebooks wrote {file.name}: {names}. Choose: --notebook.")


def _records(notebook: Path, name: str) -> bool:
    from notebooks.errors import NotebookError
    from notebooks.lineage.record import read_cells

    try:
        cells: Sequence[Any] = read_cells(notebook)
    except (NotebookError, OSError):
        return False
    return any(Path(each).name == name for cell in cells for each in cell.written())
