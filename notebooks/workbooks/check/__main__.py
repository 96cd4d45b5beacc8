"""Print what is wrong with files, as JSON. Run in a sandbox: the files come from a kernel.

``python -m workbooks.check '{"directory": "/workspace", "files": […], "originals": […]}'``;
``codes``, the code that wrote them, and ``computed``, those with computed formulas, are optional.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from .besides import besides_findings
from .workbook import check_file


def main() -> None:
    """Print the findings of each file."""
    asked = json.loads(sys.argv[1])
    directory = Path(asked["directory"])
    originals = [directory / name for name in asked["originals"]]
    codes, computed = asked.get("codes", ()), frozenset(asked.get("computed", ()))
    found = {}
    for name in asked["files"]:
        findings = check_file(directory / name, originals, computed=name in computed)
        if all(finding.code != "file-unreadable" for finding in findings):
            findings += besides_findings(directory / name, originals, codes)
        found[name] = [dataclasses.asdict(finding) for finding in findings]
    sys.stdout.write(json.dumps(found, ensure_ascii=True))


if __name__ == "__main__":
    main()
