"""Print the tables of files, as JSON. Run in a sandbox: the files come from anywhere.

``python -m workbooks.tie_out '{"directory": "/workspace", "files": […], "frames": {…}}'``
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

from ..values import Unreadable
from .measured import measure
from .placed import Frame, frames_from_json
from .tables import table_to_json


def main() -> None:
    """Print ``{file: [table, …] or null}``, one file a line, as soon as it is measured.

    ``null`` says that a file can't be measured. A time limit leaves out the files behind it.
    """
    gc.disable()  # the process is short, and the cells are many
    asked = json.loads(sys.argv[1])
    for name in asked["files"]:
        frames = frames_from_json(asked["frames"].get(name))
        tables = _tables(Path(asked["directory"]), name, frames)
        sys.stdout.write(json.dumps({name: tables}) + "\n")
        sys.stdout.flush()


def _tables(directory: Path, name: str, frames: list[Frame]) -> list[dict[str, Any]] | None:
    try:
        return [table_to_json(table) for table in measure(directory / name, name, frames)]
    except (Unreadable, OSError):
        return None


if __name__ == "__main__":
    main()
