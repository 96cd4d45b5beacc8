"""The workbook part of a package and the parts of its sheets.

Source: ECMA-376 part 1, section 18.2 (workbook).
"""

from __future__ import annotations

from .opc import EditablePackage, parse


def workbook_part(package: EditablePackage) -> str:
    """Return the name of the workbook part; the usual one if none is named."""
    named = [r.target for r in package.relationships("") if r.kind == "officeDocument"]
    return named[0] if named else "xl/workbook.xml"


def sheet_ids(package: EditablePackage) -> dict[str, str]:
    """Return the id of each sheet by the sheet's name."""
    book = parse(package.read(workbook_part(package)))
    return {each.get("name", ""): each.get("sheetId", "") for each in book.iter("{*}sheet")}


def sheet_parts(package: EditablePackage) -> dict[str, str]:
    """Return the part of each sheet by the sheet's name."""
    main = workbook_part(package)
    targets = {each.id: each.target for each in package.relationships(main)}
    found = {}
    for sheet in parse(package.read(main)).iter("{*}sheet"):
        identity = next((v for k, v in sheet.attrib.items() if str(k).endswith("}id")), "")
        target = targets.get(identity, "")
        if target in package:
            found[sheet.get("name", "")] = target
    return found
