"""``python -m workbooks.check FILE [ORIGINAL…]``: print what is wrong with a file, as JSON.

Run in a sandbox: the file comes from a kernel.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from .workbook import check_file


def main() -> None:
    """Print the findings as a list of objects."""
    path, *originals = map(Path, sys.argv[1:])
    found = [dataclasses.asdict(finding) for finding in check_file(path, originals)]
    sys.stdout.write(json.dumps(found, ensure_ascii=True))


if __name__ == "__main__":
    main()
