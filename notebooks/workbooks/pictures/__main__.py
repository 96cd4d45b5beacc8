"""``python -m workbooks.pictures BEFORE AFTER``: print how two pictures differ, as JSON.

Run in a sandbox: the pictures come from code that may be hostile.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from . import compare_pictures


def main() -> None:
    """Print the comparison that the command line asks for."""
    difference = compare_pictures(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(json.dumps({"difference": difference}))


if __name__ == "__main__":
    main()
