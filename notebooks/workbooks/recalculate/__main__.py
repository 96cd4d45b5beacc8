"""Compute the formulas of workbooks that come over a descriptor. Run in a sandbox.

``python -m workbooks.recalculate DESCRIPTOR`` starts LibreOffice, reads a request until its end,
answers, and ends. Request and answer are a JSON line, then contents one after the other. The
request's line: ``{"sizes": […], "originals": [["inputs/a.xlsx", 1234], …], "seconds": 20}``, one
size for each workbook, then one for each workbook that they may have been made from. The answer's:
``{"results": […]}``, each ``{"size", "report"}`` with the new content (size 0: nothing was to be
computed), or ``{"problem"}``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..values import Unreadable
from .office import Office, OfficeFailed, version
from .workbook import CannotCompute, recalculate

PIECE_BYTES = 1 << 20


def main() -> None:
    """Serve one request."""
    descriptor = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    office = Office()
    version()  # asked ahead, as all that does not need the request
    asked, contents, originals = _request(descriptor)
    results, made = [], []
    for number, content in enumerate(contents):
        following = Office() if number + 1 < len(contents) else office
        result, new = _result(content, office, float(asked["seconds"]), originals)
        office.close()
        office = following
        results.append(result)
        made.append(new)
    _answer(descriptor, results, made)


def _request(descriptor: int) -> tuple[Any, list[bytes], dict[str, bytes]]:
    pieces = []
    while piece := os.read(descriptor, PIECE_BYTES):
        pieces.append(piece)
    line, _, rest = b"".join(pieces).partition(b"\n")
    asked, contents, start = json.loads(line or b'{"sizes": [], "seconds": 0}'), [], 0
    for size in asked["sizes"]:
        contents.append(rest[start : start + size])
        start += size
    originals = {}
    for name, size in asked.get("originals", ()):
        originals[name] = rest[start : start + size]
        start += size
    return asked, contents, originals


def _result(
    content: bytes, office: Office, seconds: float, originals: Mapping[str, bytes]
) -> tuple[dict[str, Any], bytes]:
    try:
        made, report = recalculate(
            content, lambda copy: office.to_ods(copy, seconds), version(), originals
        )
    except (CannotCompute, OfficeFailed) as problem:
        return {"problem": str(problem)}, b""
    except Unreadable as problem:
        return {"problem": problem.message}, b""
    except MemoryError:
        return {"problem": "it needs more memory than the computation may use"}, b""
    return {"size": len(made or b""), "report": report}, made or b""


def _answer(descriptor: int, results: Sequence[dict[str, Any]], contents: Sequence[bytes]) -> None:
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(json.dumps({"results": results}).encode() + b"\n")
        for content in contents:
            stream.write(content)


if __name__ == "__main__":
    main()
