"""What openpyxl drops of a workbook's styles beside those of cells: recent colours, slicer styles.

Source: ECMA-376 part 1, section 18.8.39 (styleSheet); [MS-XLSX] 2.6.76 (slicerStyles).
"""

from __future__ import annotations

from .opc import EditablePackage, parse, serialize
from .sheet_markup import copy_of, name_of


def carry_styles(source: EditablePackage, result: EditablePackage, before: str, after: str) -> None:
    """Carry recent colours and the styles of slicers and timelines.

    Args:
        source: The package that was read.
        result: The one that was written; changed.
        before: The workbook part of *source*.
        after: That of *result*.
    """
    was, now = (
        next((r.target for r in package.relationships(part) if r.kind == "styles"), "")
        for package, part in ((source, before), (result, after))
    )
    if was not in source or now not in result:
        return
    old, new = parse(source.read(was)), parse(result.read(now))
    there = {name_of(each): each for each in new}
    for each in old:
        name = name_of(each)
        if name == "extLst" and name not in there:
            new.append(copy_of(each))
        elif name == "colors":
            recent = [copy_of(c) for c in each if name_of(c) == "mruColors"]
            if "colors" in there and not any(name_of(c) == "mruColors" for c in there["colors"]):
                there["colors"].extend(recent)
    content = serialize(new)
    if content != result.read(now):
        result.write(now, content)
