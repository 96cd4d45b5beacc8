"""Print what is wrong with files, as JSON. Run in a sandbox: the files come from a kernel.

``python -m workbooks.check '{"directory": "/workspace", "files": […], "originals": […],
"computed": […]}'``
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from .workbook import check_file


def main() -> None:
    """Print the findings of each file."""
    asked = json.loads(sys.argv[1])
    directory = Path(asked["directory"])
    originals = [directory / name for name in asked["originals"]]
    computed = frozenset(asked["computed"])
    found = {
        name: [
            dataclasses.asdict(finding)
            for finding in check_file(directory / name, originals, computed=name in computed)
        ]
        for name in asked["files"]
    }
    sys.stdout.write(json.dumps(found, ensure_ascii=True))


if __name__ == "__main__":
    main()
