"""Print what is wrong with files, as JSON. Run in a sandbox: the files come from a kernel.

``python -m workbooks.check '{"directory": "/workspace", "files": […], "originals": […]}'``;
``codes``, the code that wrote them, and ``computed``, those with computed formulas, are optional.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path

from .besides import besides_findings
from .workbook import check_file

BESIDES_SECONDS = 8.0
"""After these, files are no longer compared with originals: the time limit would end all checks."""


def main() -> None:
    """Print the findings of each file."""
    asked = json.loads(sys.argv[1])
    directory = Path(asked["directory"])
    originals = [directory / name for name in asked["originals"]]
    codes, computed = asked.get("codes", ()), frozenset(asked.get("computed", ()))
    found, began = {}, time.monotonic()
    for name in asked["files"]:
        findings = check_file(directory / name, originals, computed=name in computed)
        readable = all(finding.code != "file-unreadable" for finding in findings)
        if readable and time.monotonic() - began < BESIDES_SECONDS:
            findings += besides_findings(directory / name, originals, codes)
        found[name] = [dataclasses.asdict(finding) for finding in findings]
    sys.stdout.write(json.dumps(found, ensure_ascii=True))


if __name__ == "__main__":
    main()
