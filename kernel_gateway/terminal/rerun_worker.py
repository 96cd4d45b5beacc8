"""``python -m kernel_gateway.terminal.rerun_worker``: one re-run, in a process of its own.

The service starts it, since papermill blocks and reads what hostile code has printed. The job comes
as one line of JSON on standard input; each line printed is JSON: ``{"cell", "of"}`` before each
cell, at last ``{"report"}`` or ``{"error"}``. When standard input ends, the service is gone: the
process removes its directory and ends, and its kernel with it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from container.errors import ContainerError
from container.tree import remove
from kernel_gateway.terminal.export_command import take_host_users
from kernel_gateway.terminal.rerun import rerun_file
from notebooks.errors import NotebookError
from notebooks.rerun.report import report_to_json


def main() -> None:
    """Do the job on standard input."""
    job = json.loads(sys.stdin.readline())
    work = Path(job["work"])
    threading.Thread(target=_end_with_the_service, args=(work,), daemon=True).start()
    take_host_users(Path(tempfile.gettempdir()))
    try:
        report = rerun_file(
            work / "notebook.ipynb",
            parameters=job["parameters"],
            saved=work / "rerun.ipynb",
            cell_seconds=job["cell_seconds"],
            launch=job["launch"],
            progress=lambda cell, of: _say({"cell": cell, "of": of}),
            work=work,
            twice=job["twice"],
        )
    except (NotebookError, ContainerError) as error:
        facts = {"code": error.code, "message": str(error), "hint": error.hint, "details": {}}
        _say({"error": facts})
        return
    _say({"report": report_to_json(report)})


def _say(facts: dict[str, Any]) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201 (read by the service)


def _end_with_the_service(work: Path) -> None:
    sys.stdin.read()
    remove(work)
    os._exit(1)


if __name__ == "__main__":
    main()
