"""Save what LibreOffice can read of a damaged workbook. Run in a sandbox.

``python -m workbooks.recover DESCRIPTOR`` reads a request until its end, answers, and ends. The
request is a JSON line ``{"seconds": 20}`` and the file's content; the answer a JSON line
``{"problem": ""}`` and a workbook (.xlsx), or the problem.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from ..recalculate.office import Office, OfficeFailed

PIECE_BYTES = 1 << 20
OLE, ZIP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04"


def main() -> None:
    """Serve one request."""
    descriptor = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    office = Office()
    pieces = []
    while piece := os.read(descriptor, PIECE_BYTES):
        pieces.append(piece)
    line, _, content = b"".join(pieces).partition(b"\n")
    made, problem = b"", ""
    try:
        suffix, reader = kind_of(content)
        made = office.convert(
            content, json.loads(line)["seconds"], suffix=suffix, reader=reader, to="xlsx"
        )
    except OfficeFailed as failed:
        problem = str(failed)
    finally:
        office.close()
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(json.dumps({"problem": problem}).encode() + b"\n")
        stream.write(made)


def kind_of(content: bytes) -> tuple[str, str]:
    """Return the ending of a workbook and LibreOffice's filter for it.

    The filter is named, or LibreOffice would read any bytes as text.

    Raises:
        OfficeFailed: It is no workbook of a kind that can be recovered.
    """
    if content.startswith(OLE):
        return ".xls", "MS Excel 97"
    if not content.startswith(ZIP):
        raise OfficeFailed("it is no workbook")
    if b"application/vnd.oasis.opendocument.spreadsheet" in content[:200]:
        return ".ods", "calc8"
    if b"xl/workbook.bin" in content:
        return ".xlsb", "Calc MS Excel 2007 Binary"
    return ".xlsx", "Calc MS Excel 2007 XML"


if __name__ == "__main__":
    main()
