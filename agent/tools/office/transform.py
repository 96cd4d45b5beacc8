"""``python_transform_range``: a range of the open workbook goes to Python, and comes back.

The range becomes a file in ``inputs/``, the code a cell like any other: checked, recorded, and run
again with the notebook. What it assigns to ``result`` is written by ``write_cells``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from agent.tools.office.arguments import WriteCells
from agent.tools.tool import ToolFailed
from agent.turn_state import PendingCode, PendingOffice
from container.errors import ContainerError
from container.untrusted_json import untrusted_json
from container.workspace.workspace import INPUTS, Workspace

NAME = "python_transform_range"
MOST_BYTES = 8_000_000
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)T00:00:00(?:\.0+)?Z?")
_CODE = """\
# The range {place} of the workbook open in Excel.
import json
from pathlib import Path
import pandas as pd
excel_rows = json.loads(Path({file!r}).read_text())
cells = pd.DataFrame(excel_rows[1:], columns=[str(name) for name in excel_rows[0]])

{code}

# What is to be written there.
excel_frame = result.to_frame() if isinstance(result, pd.Series) else pd.DataFrame(result)
excel_rows = [[str(name) for name in excel_frame.columns]]
excel_rows += json.loads(excel_frame.to_json(orient="values", date_format="iso"))
Path("excel").mkdir(exist_ok=True)
Path({made!r}).write_text(json.dumps(excel_rows))
print(f"{{len(excel_rows) - 1}} rows of {{len(excel_rows[0])}} columns for Excel")
"""


def to_python(pending: PendingOffice, result: dict[str, Any], workspace: Workspace) -> PendingCode:
    """Put the range that the pane read into a file; return the code to run on it. Blocks.

    Raises:
        ToolFailed: The pane gave no rows.
        ContainerError, OSError: The file could not be written.
    """
    rows = result.get("rows")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise ToolFailed("Excel gave no rows of the range.")
    asked = pending.arguments
    place = f"{asked['sheet']}!{result.get('address') or asked['range']}"
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"excel-{place}").strip("-")[:80]
    with workspace.add_input(f"{name}.json") as new:
        new.file.write(json.dumps(rows, ensure_ascii=True).encode())
    made = f"excel/{pending.id}.json"
    code = _CODE.format(
        place=ascii(place)[:200], file=f"{INPUTS}/{new.name}", code=asked["code"], made=made
    )
    corner = str(result.get("address") or asked["range"]).partition(":")[0]
    then = {
        "made": made,
        "pane": pending.pane,
        "workbook": pending.workbook,
        "sheet": asked["target_sheet"] or asked["sheet"],
        "range": asked["target_cell"] or corner,
        # In its own place the range is replaced, also where fewer cells come back.
        "over": [len(rows), len(rows[0])] if not _elsewhere(asked) else None,
        "overwrite": asked["overwrite"] or not _elsewhere(asked),
    }
    return PendingCode(code=code, then=then)


def _elsewhere(asked: dict[str, Any]) -> bool:
    return bool(asked["target_cell"] or asked["target_sheet"])


def to_excel(then: dict[str, Any], call_id: str, workspace: Workspace) -> PendingOffice:
    """Return the write of what the code made. Blocks.

    Raises:
        ToolFailed: It made nothing that fits.
    """
    try:
        with workspace.open_read(then["made"]) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ToolFailed(f"The result is larger than {MOST_BYTES / 1e6:g} MB: make it smaller.")
        made = untrusted_json(content)
        if not isinstance(made, list) or not all(isinstance(row, list) for row in made):
            raise ValueError("it is no list of rows")
        rows = [[_cell(value) for value in row] for row in made]
        json.dumps(rows, allow_nan=False)  # an endless number is no JSON
    except (ContainerError, OSError, ValueError, TypeError) as error:
        raise ToolFailed(f"What the code made could not be read back: {error}.") from None
    if then["over"] is not None:
        height, width = then["over"]
        width = max(width, *(len(row) for row in rows))
        rows = [[*row, *[None] * (width - len(row))] for row in rows]
        rows += [[None] * width for _ in range(height - len(rows))]
    given = {"sheet": then["sheet"], "range": then["range"], "values": rows}
    try:
        asked = WriteCells.model_validate({**given, "overwrite": then["overwrite"]})
    except ValidationError as error:
        raise ToolFailed(f"The result can't be written: {error.errors()[0]['msg']}.") from None
    return PendingOffice(
        id=call_id,
        pane=then["pane"],
        tool="write_cells",
        arguments=asked.model_dump(mode="json"),
        workbook=then["workbook"],
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        found = _MIDNIGHT.fullmatch(value)
        return found[1] if found else value
    return value if value is None or isinstance(value, bool | int | float) else json.dumps(value)
