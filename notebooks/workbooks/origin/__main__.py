"""Print where a cell of a written file comes from, as JSON. Run in a sandbox.

``python -m workbooks.origin '{"directory", "file", "sheet", "cell", "statements", "names",
"inputs"}'``
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ..values import Unreadable
from .answer import Answers
from .target import NoSuchCell, WrittenFile


def main() -> None:
    """Print ``{"answer": …, "failures": […]}``, or the ``problem`` with the file."""
    printed, sys.stdout = sys.stdout, sys.stderr  # recorded code may print
    asked = json.loads(sys.argv[1])
    json.dump(answer_to(asked), printed, ensure_ascii=True, default=str)


def answer_to(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what is printed; it changes the working directory, pandas and openpyxl.

    Args:
        asked: As on the command line.
    """
    directory = Path(asked["directory"])
    os.chdir(directory)
    try:
        file = WrittenFile(directory / asked["file"])
        place = file.place(asked["sheet"], asked["cell"])
    except Unreadable as problem:
        return {"problem": {"code": problem.code, "message": str(problem)}}
    except NoSuchCell as problem:
        return {"problem": {"code": "no-such-cell", "message": str(problem)}}
    except OSError as error:
        said = f"{asked['file']!r} can't be opened: {error.strerror}."
        return {"problem": {"code": "unreadable", "message": said}}
    answers = Answers(directory, file, asked["statements"], asked["names"], asked["inputs"])
    failures = [
        {"cell": cell, "line": line, "reason": reason}
        for cell, line, reason in answers.replay.failures
    ]
    return {"answer": answers.answer(place), "failures": failures}


if __name__ == "__main__":
    main()
